import type { Queryable } from '../platform/postgres.ts';
import type { HashedEvent } from './audit-log.ts';

/** One event as the database holds it. */
export interface ChainedEvent extends HashedEvent {
  /** A bigint, as text; its order is that of the events in their chain. */
  sequence: string;
  id: string;
  hash: string;
}

const pageSize = 500;

/** Narrows a reading; `undefined` members do not count. */
export interface EventFilter {
  chain?: string | undefined;
  event?: string | undefined;
  /** An actor's id or e-mail address. */
  actor?: string | undefined;
  /** From this moment on. */
  from?: Date | undefined;
  /** Before this moment. */
  to?: Date | undefined;
  /** Behind this sequence number. */
  after?: string | undefined;
  /** Up to this sequence number. */
  until?: string | undefined;
}

/** Events that match, oldest first; a page at a time, so no reader and no chain is too long for it. */
export async function* readEvents(db: Queryable, filter: EventFilter): AsyncGenerator<ChainedEvent> {
  for (let after = filter.after ?? '0'; ; ) {
    const { rows } = await db.query<Omit<ChainedEvent, 'at'> & { at: Date }>(
      `select sequence, id, chain, at, event, severity, tenant_id as "tenantId", actor, details,
              previous_hash as "previousHash", hash
         from audit_events
        where sequence > $1
          and ($2::bigint is null or sequence <= $2)
          and ($3::text is null or chain = $3)
          and ($4::text is null or event = $4)
          and ($5::text is null or actor ->> 'id' = $5 or lower(actor ->> 'email') = lower($5))
          and ($6::timestamptz is null or at >= $6)
          and ($7::timestamptz is null or at < $7)
        order by sequence limit ${pageSize}`,
      [
        after,
        filter.until ?? null,
        filter.chain ?? null,
        filter.event ?? null,
        filter.actor ?? null,
        filter.from ?? null,
        filter.to ?? null,
      ],
    );
    yield* rows.map((row) => ({ ...row, at: row.at.toISOString() }));
    after = rows.at(-1)?.sequence ?? after;
    if (rows.length < pageSize) {
      return;
    }
  }
}

/** The names of all chains, in order. */
export async function* readChainNames(db: Queryable): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    // Both: a chain whose events are all gone is known by its head, one whose head is gone by its events.
    const { rows } = await db.query<{ chain: string }>(
      `select chain from (
         (select chain from audit_heads where chain > $1 order by chain limit ${pageSize})
         union
         (select distinct chain from audit_events where chain > $1 order by chain limit ${pageSize})
       ) as named order by chain limit ${pageSize}`,
      [after],
    );
    yield* rows.map(({ chain }) => chain);
    after = rows.at(-1)?.chain ?? after;
    if (rows.length < pageSize) {
      return;
    }
  }
}
