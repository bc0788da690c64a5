import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../platform/log.ts';
import {
  type AttemptPolicy,
  comesAgainMs,
  isPassing,
  isPermanent,
  publicReason,
  StepWaits,
} from './attempts.ts';
import type { RunAudit } from './run-audit.ts';
import type { Lease } from './run-lease.ts';
import type { StoredStep } from './run-rows.ts';
import type { RunStore } from './run-store.ts';
import type { StepContext } from './step.ts';

/**
 * Runs `work` with a recorded attempt around each try, and `finish` once it has succeeded. Returns the public reason of the failure that
 * ended the tries, if one did: at once for a permanent one, after some tries in a row for one of an unknown kind. What passes by itself is waited
 * for, far longer and not here: `StepWaits`, so that the run is taken up again later and others need not wait. Nobody waits in the queue behind the
 * first start, which had better say what is wrong.
 */
export type AttemptStep = <Result>(
  lease: Lease,
  stored: StoredStep,
  action: 'act' | 'undo',
  context: StepContext,
  work: () => Promise<Result>,
  finish: (attempt: string, result: Result) => Promise<void>,
) => Promise<string | undefined>;

export interface AttemptStepDependencies {
  store: RunStore;
  attempts: AttemptPolicy;
  /** How long a step may go on failing for reasons that pass. */
  patienceMs: number;
  audit: RunAudit;
  clock: Clock;
  log: Log;
}

export function createAttemptStep(dependencies: AttemptStepDependencies): AttemptStep {
  const { store, attempts, patienceMs, audit, clock, log } = dependencies;

  return async (lease, stored, action, context, work, finish) => {
    const cameAgain = stored.failingSince !== undefined;

    function judge(error: unknown, number: number) {
      const failingMs = stored.failingSince === undefined ? 0 : clock.now() - stored.failingSince.getTime();
      const passes = isPassing(error);
      const isOver = isPermanent(error) || number >= (passes && cameAgain ? 1 : attempts.maxAttempts);
      const isPatient = passes && context.tenant.kind === 'tenant' && failingMs < patienceMs;
      return { last: isOver && !isPatient, waits: isOver && isPatient, failingMs };
    }

    for (let number = 1; ; number += 1) {
      context.signal.throwIfAborted();
      const attempt = await store.begin(lease, stored, action);
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await work();
      } catch (error) {
        context.signal.throwIfAborted();
        log.warn({ err: error, runId: lease.runId, step: stored.name, action }, 'a provisioning step failed');
        const { last, waits, failingMs } = judge(error, number);
        const reason = publicReason(error);
        await store.failAttempt(
          lease,
          stored,
          attempt,
          { action, error: reason, last },
          last && action === 'act'
            ? audit.stepFailed(lease, { step: stored.name, error: reason })
            : undefined,
        );
        if (last) {
          return reason;
        }
        if (waits) {
          throw new StepWaits(stored.name, comesAgainMs(failingMs));
        }
        await attempts.wait(attempts.delayMs(number + 1), context.signal);
        continue;
      }
      context.signal.throwIfAborted();
      await finish(attempt, result);
      return undefined;
    }
  };
}
