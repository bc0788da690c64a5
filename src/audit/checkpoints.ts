import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Queryable } from '../platform/postgres.ts';
import { kidOf, type Statements } from './statements.ts';
import { type ChainProblem, type ChainVerdict, verifyChain } from './verify-chain.ts';

export const checkpointType = 'audit-checkpoint+jwt';

/** Where a chain stood when the platform signed it. */
export interface Checkpoint {
  chain: string;
  events: number;
  /** Hash of the last of them. */
  head: string;
  /** Sequence number of the last of them. */
  sequence: string;
  /** ISO 8601. */
  at: string;
  /** Statement of `chain`, `events` and `head`. */
  jws: string;
}

/**
 * Signed heads of audit chains, the latest of each, in the platform tenant's table. What a checkpoint proves: at its time the platform's key
 * vouched for the chain up to there. So whoever rules PostgreSQL alone can neither cut the chain off before its checkpoint nor write it anew
 * unnoticed; what was appended later is covered by the next one. Whoever rules the tables alone can remove a checkpoint or put an earlier one in its
 * place, but not make one. Against somebody who rules both, or who has the key, only what was taken out before helps: an export of the log, a
 * receipt, a head that somebody kept.
 *
 * A checkpoint by a key that was revoked proves nothing, and is made anew with another key as soon as the chain has been verified from its
 * beginning.
 */
export interface Checkpoints {
  /** Recomputes a whole chain and compares it with its checkpoint. */
  verify(chain: string): Promise<ChainVerdict & { checkpoint?: Checkpoint }>;
  /** All of them, in the order of their chains, a page at a time; nothing about them is verified. */
  list(): AsyncGenerator<Checkpoint>;
  /** See `list`. */
  find(chain: string): Promise<Checkpoint | undefined>;
  /**
   * Signs the heads that have moved, each only after the events since its last checkpoint have been verified, and those whose checkpoint is by a
   * key that was revoked since, whether they have moved or not. Several processes may do it at once. Returns how many were signed, and the
   * chains that do not verify.
   */
  advance(signal?: AbortSignal): Promise<{ signed: number; broken: string[] }>;
}

export interface CheckpointsDependencies {
  db: Queryable;
  /** The platform tenant's table. */
  openTable: () => Promise<Table>;
  statements: Statements;
  clock: Clock;
  log: Log;
}

const partition = 'AuditCheckpoint';
const roundSize = 50;

/** Longer than any process goes on signing with a key that it read before it was revoked. */
const lateSignatureMs = 10 * 60_000;

export function createCheckpoints(dependencies: CheckpointsDependencies): Checkpoints {
  const { db, openTable, statements, clock, log } = dependencies;

  async function find(chain: string): Promise<Checkpoint | undefined> {
    const item = await (await openTable()).get({ pk: partition, sk: chain });
    return item && toCheckpoint(item);
  }

  async function worthOf({ chain, events, head, jws }: Checkpoint): Promise<Worth> {
    const verified = await statements.verify(checkpointType, jws);
    const { claims } = verified ?? {};
    if (claims?.chain !== chain || claims.events !== events || claims.head !== head) {
      return 'forged';
    }
    return verified?.revokedAt === undefined ? 'proof' : 'revoked';
  }

  async function check(
    chain: string,
    checkpoint: Checkpoint | undefined,
    { whole }: { whole: boolean },
  ): Promise<{ verdict: ChainVerdict; worth?: Worth }> {
    if (checkpoint === undefined) {
      return { verdict: await verifyChain(db, chain) };
    }
    const worth = await worthOf(checkpoint);
    if (worth === 'forged') {
      const message = "the chain's checkpoint was not signed by the platform";
      const problem = { kind: 'forged-checkpoint', position: 1, message } as const;
      return { verdict: { intact: false, events: 0, problem }, worth };
    }
    const fromStart = whole || worth === 'revoked';
    return {
      verdict: await verifyChain(db, chain, fromStart ? { checkpoint } : { start: checkpoint }),
      worth,
    };
  }

  async function advanceChain(chain: string): Promise<ChainProblem | undefined> {
    const last = await find(chain);
    const { verdict, worth } = await check(chain, last, { whole: false });
    if (!verdict.intact) {
      return verdict.problem;
    }
    const { events, head, sequence } = verdict;
    if (worth === 'revoked' || events > (last?.events ?? 0)) {
      const { jws } = await statements.sign(checkpointType, { chain, events, head });
      const at = new Date(clock.now()).toISOString();
      try {
        await (await openTable()).put(
          { pk: partition, sk: chain, events, head, sequence, at, jws },
          last === undefined ? [{ exists: false }] : [{ attribute: 'jws', equals: last.jws }],
        );
      } catch (error) {
        // Another process was faster; what it signed is as good.
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
      }
    }
    await db.query('update audit_heads set checkpointed = greatest(checkpointed, $2) where chain = $1', [
      chain,
      events,
    ]);
    return undefined;
  }

  async function* list(): AsyncGenerator<Checkpoint> {
    const table = await openTable();
    let cursor: string | undefined;
    do {
      const page = await table.query({ pk: partition, ...(cursor === undefined ? {} : { cursor }) });
      yield* page.items.map(toCheckpoint);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** Chains that are quiet, and those of tenants that are gone, would keep the checkpoint of a revoked key for ever. */
  async function renew(sign: (chain: string) => Promise<void>): Promise<void> {
    const startedAt = clock.now();
    const revoked = await statements.noteRevocations();
    if (revoked.length === 0) {
      return;
    }
    const kids = new Set(revoked.map(({ kid }) => kid));
    for await (const { chain, jws } of list()) {
      if (kids.has(kidOf(jws) ?? '')) {
        await sign(chain);
      }
    }
    for (const { kid } of revoked.filter(
      ({ revokedAt }) => startedAt - Date.parse(revokedAt) > lateSignatureMs,
    )) {
      await statements.markRenewed(kid);
    }
  }

  return {
    find,
    list,

    async verify(chain) {
      // Before the chain is read, so that it is never ahead of what is read.
      const checkpoint = await find(chain);
      const { verdict, worth } = await check(chain, checkpoint, { whole: true });
      return checkpoint === undefined || worth === 'revoked' ? verdict : { ...verdict, checkpoint };
    },

    async advance(signal = new AbortController().signal) {
      const broken = new Set<string>();
      let signed = 0;
      async function sign(chain: string): Promise<void> {
        signal.throwIfAborted();
        const problem = await advanceChain(chain);
        if (problem === undefined) {
          signed += 1;
        } else {
          broken.add(chain);
          log.error({ chain, problem }, 'an audit chain does not verify; its head is not signed');
        }
      }

      await renew(sign);
      for (let after = ''; ; ) {
        const { rows } = await db.query<{ chain: string }>(
          `select chain from audit_heads where events > checkpointed and chain > $1 order by chain limit ${roundSize}`,
          [after],
        );
        for (const { chain } of rows) {
          await sign(chain);
        }
        after = rows.at(-1)?.chain ?? after;
        if (rows.length < roundSize) {
          return { signed, broken: [...broken] };
        }
      }
    },
  };
}

/** `revoked`: the platform's key signed it, or somebody else who had the key. */
type Worth = 'proof' | 'revoked' | 'forged';

function toCheckpoint({ sk, events, head, sequence, at, jws }: Item): Checkpoint {
  return {
    chain: sk,
    events: Number(events),
    head: String(head),
    sequence: String(sequence),
    at: String(at),
    jws: String(jws),
  };
}
