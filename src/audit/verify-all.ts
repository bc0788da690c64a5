import type { Queryable } from '../platform/postgres.ts';
import type { Checkpoints } from './checkpoints.ts';
import { readChainNames } from './read-chain.ts';
import type { ChainProblem } from './verify-chain.ts';

/** What one chain amounts to, fit to be shown. */
export interface ChainReport {
  chain: string;
  intact: boolean;
  /** That fit; of a chain that is intact, all. */
  events: number;
  /** Hash of the last of them; whoever keeps it can later prove that nothing up to it has changed. */
  head?: string;
  problem?: ChainProblem;
  /** The latest signed head. */
  checkpoint?: { events: number; head: string; at: string; jws: string };
}

export interface AuditReport {
  intact: boolean;
  chains: number;
  events: number;
  /** Events that no checkpoint covers yet. */
  unsigned: number;
  /** The first hundred chains that are not intact. */
  broken: ChainReport[];
}

const maxBroken = 100;

export async function reportChain(checkpoints: Checkpoints, chain: string): Promise<ChainReport> {
  const { checkpoint, ...verdict } = await checkpoints.verify(chain);
  return {
    chain,
    intact: verdict.intact,
    events: verdict.events,
    ...(verdict.intact ? { head: verdict.head } : { problem: verdict.problem }),
    ...(checkpoint === undefined
      ? {}
      : {
          checkpoint: {
            events: checkpoint.events,
            head: checkpoint.head,
            at: checkpoint.at,
            jws: checkpoint.jws,
          },
        }),
  };
}

/** Verifies every chain, one after another. A chain that only a checkpoint knows of is broken, too. */
export async function verifyAllChains(
  db: Queryable,
  checkpoints: Checkpoints,
  signal: AbortSignal = new AbortController().signal,
): Promise<AuditReport> {
  const report: AuditReport = { intact: true, chains: 0, events: 0, unsigned: 0, broken: [] };

  async function add(chain: string): Promise<void> {
    signal.throwIfAborted();
    const one = await reportChain(checkpoints, chain);
    report.chains += 1;
    report.events += one.events;
    report.unsigned += Math.max(0, one.events - (one.checkpoint?.events ?? 0));
    if (!one.intact) {
      report.intact = false;
      if (report.broken.length < maxBroken) {
        report.broken.push(one);
      }
    }
  }

  const seen = new Set<string>();
  for await (const chain of readChainNames(db)) {
    seen.add(chain);
    await add(chain);
  }
  for await (const { chain } of checkpoints.list()) {
    if (!seen.has(chain)) {
      await add(chain);
    }
  }
  return report;
}
