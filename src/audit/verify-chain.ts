import type { Queryable } from '../platform/postgres.ts';
import { genesisHash, hashOfEvent, idOfEvent } from './audit-log.ts';
import { type ChainedEvent, readEvents } from './read-chain.ts';

/** What a chain must still hold: its first `events` events end with this hash. */
export interface ChainMark {
  events: number;
  head: string;
}

export interface ChainProblem {
  /**
   * `edited`: an event is not what was hashed. `removed`: the one before it is gone. `reordered`: the one before it stands elsewhere.
   * `cut-off`: events at the end are gone. `rewritten`: the hashes agree with each other, but not with what was signed.
   */
  kind: 'edited' | 'removed' | 'reordered' | 'cut-off' | 'rewritten' | 'forged-checkpoint';
  /** Place in the chain, counted from 1. */
  position: number;
  /** Id of the event at that place; absent at the end. */
  event?: string;
  message: string;
}

export type ChainVerdict =
  /** `head` is the hash of the newest event, `sequence` its sequence number. */
  | { intact: true; events: number; head: string; sequence: string }
  /** `events` fit; `problem` is the first thing that does not. */
  | { intact: false; events: number; problem: ChainProblem };

export interface ChainExpectation {
  /** Where the events to check begin; absent: at the beginning of the chain. */
  start?: ChainMark;
  /** Signed, or else known from somewhere that the database cannot change. */
  checkpoint?: ChainMark;
  /** Tells a moved event from a removed one. */
  exists: (hash: string) => Promise<boolean>;
}

/** Recomputes every hash of one chain's events, given in their order, and compares what they amount to with what is known of the chain. */
export async function checkChain(
  chain: AsyncIterable<ChainedEvent>,
  { start = { events: 0, head: genesisHash }, checkpoint, exists }: ChainExpectation,
): Promise<ChainVerdict> {
  let { events, head } = start;
  let sequence = '0';
  for await (const event of chain) {
    const broken = (kind: ChainProblem['kind'], message: string): ChainVerdict => ({
      intact: false,
      events,
      problem: { kind, position: events + 1, event: event.id, message },
    });
    const hash = hashOfEvent(event);
    if (event.hash !== hash || event.id !== idOfEvent(hash)) {
      return broken('edited', 'the event is not what was recorded');
    }
    if (event.previousHash !== head) {
      return (await exists(event.previousHash))
        ? broken('reordered', 'the event does not follow the one that it was recorded after')
        : broken('removed', 'the event that was recorded before this one is gone');
    }
    if (checkpoint?.events === events + 1 && checkpoint.head !== hash) {
      return broken('rewritten', 'the chain up to here is not the one that was signed');
    }
    events += 1;
    head = hash;
    sequence = event.sequence;
  }
  if (checkpoint !== undefined && events < checkpoint.events) {
    const message = `the chain had ${checkpoint.events} events when it was signed and has ${events} now`;
    return { intact: false, events, problem: { kind: 'cut-off', position: events + 1, message } };
  }
  return { intact: true, events, head, sequence };
}

/** Checks one chain (a tenant id, or `platform`) as the database holds it. */
export async function verifyChain(
  db: Queryable,
  chain: string,
  {
    start,
    checkpoint,
  }: Pick<ChainExpectation, 'checkpoint'> & { start?: ChainMark & { sequence: string } } = {},
): Promise<ChainVerdict> {
  // Before the events: those that are appended meanwhile must not look like missing ones.
  const recorded = await readHead(db, chain);
  const verdict = await checkChain(readEvents(db, { chain, after: start?.sequence }), {
    ...(start === undefined ? {} : { start }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    exists: async (hash) => (await findEvent(db, chain, hash)) !== undefined,
  });
  if (verdict.intact && verdict.events < recorded) {
    const { events } = verdict;
    const message = `the chain had ${recorded} events and has ${events} now`;
    return { intact: false, events, problem: { kind: 'cut-off', position: events + 1, message } };
  }
  return verdict;
}

async function readHead(db: Queryable, chain: string): Promise<number> {
  const { rows } = await db.query<{ events: string }>('select events from audit_heads where chain = $1', [
    chain,
  ]);
  return Number(rows[0]?.events ?? 0);
}

async function findEvent(db: Queryable, chain: string, hash: string): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    'select id from audit_events where chain = $1 and hash = $2',
    [chain, hash],
  );
  return rows[0]?.id;
}
