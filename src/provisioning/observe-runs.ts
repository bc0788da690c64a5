import { LRUCache } from 'lru-cache';
import type { Log } from '../platform/log.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { RunResult } from './close-run.ts';
import type { RunStore } from './run-store.ts';
import type { RunKind } from './step.ts';

/** Told how long things took (B11, C6); see `platform/metrics.ts`. */
export interface RunObserver {
  stepTried(step: string, action: 'act' | 'undo', outcome: 'done' | 'failed', seconds: number): void;
  runEnded(kind: RunKind, result: RunResult, seconds: number): void;
}

/** The same store, which tells an observer of every attempt and of the end of every run. */
export function observeRuns(
  store: RunStore,
  { observer, db, log }: { observer: RunObserver; db: Queryable; log: Log },
): RunStore {
  /** By attempt. Attempts whose lease was lost have no end here, so the number is bounded. */
  const beganAt = new LRUCache<string, number>({ max: 1_000 });

  function take(step: string, attempt: string, action: 'act' | 'undo', outcome: 'done' | 'failed'): void {
    const began = beganAt.get(attempt);
    if (began !== undefined) {
      beganAt.delete(attempt);
      observer.stepTried(step, action, outcome, (performance.now() - began) / 1_000);
    }
  }

  async function tellEnd(runId: string, result: RunResult): Promise<void> {
    try {
      const { rows } = await db.query<{ kind: RunKind; seconds: number }>(
        'select kind, extract(epoch from finished_at - created_at)::float8 as seconds from provisioning_runs where id = $1',
        [runId],
      );
      for (const { kind, seconds } of rows) {
        observer.runEnded(kind, result, seconds);
      }
    } catch (error) {
      log.warn({ err: error, runId }, 'the duration of a provisioning run could not be read');
    }
  }

  return {
    ...store,
    async begin(lease, step, action) {
      const attempt = await store.begin(lease, step, action);
      beganAt.set(attempt, performance.now());
      return attempt;
    },
    async failAttempt(lease, step, attempt, failure, announce) {
      take(step.name, attempt, failure.action, 'failed');
      await store.failAttempt(lease, step, attempt, failure, announce);
    },
    async finishAct(lease, step, attempt, output) {
      take(step.name, attempt, 'act', 'done');
      await store.finishAct(lease, step, attempt, output);
    },
    async settleGate(lease, step, attempt, settled) {
      take(step.name, attempt, 'act', 'done');
      await store.settleGate(lease, step, attempt, settled);
    },
    async finishUndo(lease, step, attempt) {
      take(step.name, attempt, 'undo', 'done');
      await store.finishUndo(lease, step, attempt);
    },
    async finish(lease, result, options) {
      await store.finish(lease, result, options);
      await tellEnd(lease.runId, result);
    },
  };
}
