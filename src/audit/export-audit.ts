import type { Queryable } from '../platform/postgres.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type EventFilter, readEvents } from './read-chain.ts';

export interface ExportFilter extends Omit<EventFilter, 'after' | 'until'> {
  chain?: string | undefined;
}

/**
 * The audit log as NDJSON for `scripts/verify-audit.ts`: a line `header`, the signed checkpoints, one line per event in the order in which
 * they were recorded, and a line `end` with their number, without which the file is not complete. Holds one page of events in memory.
 *
 * An export that picks events out of chains has no checkpoints: the links between its events cannot be verified, and the header says so.
 */
export async function* exportAudit(
  { db, checkpoints }: { db: Queryable; checkpoints: Checkpoints },
  filter: ExportFilter,
): AsyncGenerator<string> {
  const { chain, ...picks } = filter;
  const whole = Object.values(picks).every((value) => value === undefined);
  yield line({
    type: 'header',
    format: 'tenantry-audit/1',
    whole,
    filter: { ...filter, from: filter.from?.toISOString(), to: filter.to?.toISOString() },
  });
  // Before the end is fixed: no checkpoint may speak of events that are not in the file.
  if (whole) {
    for await (const checkpoint of chain === undefined ? checkpoints.list() : findOne(checkpoints, chain)) {
      const { sequence: _, ...shown } = checkpoint;
      yield line({ type: 'checkpoint', ...shown });
    }
  }
  const { rows } = await db.query<{ last: string | null }>('select max(sequence) as last from audit_events');
  let events = 0;
  for await (const event of readEvents(db, { ...filter, until: rows[0]?.last ?? '0' })) {
    events += 1;
    yield line({ type: 'event', ...event });
  }
  yield line({ type: 'end', events });
}

async function* findOne(checkpoints: Checkpoints, chain: string) {
  const checkpoint = await checkpoints.find(chain);
  if (checkpoint !== undefined) {
    yield checkpoint;
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
