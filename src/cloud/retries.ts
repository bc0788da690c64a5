import type { KMSClientConfig } from '@aws-sdk/client-kms';
import { LRUCache } from 'lru-cache';

export type RetryStrategy = Extract<
  NonNullable<KMSClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type RetryToken = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

const pauseMs = 50;
const throttledPauseMs = 300;
const maxPauseMs = 2_000;

/** As the SDK counts: a call that succeeds gives back what its retries took, or a fifth of one when it needed none. */
const fullBudget = 500;
const retryCost = 5;
const refundOfFirstAttempt = 1;

/** Scopes whose budget is remembered; one that is forgotten has a full one. */
const maxScopes = 10_000;

/**
 * At most `maxAttempts`, with exponential pauses and full jitter. The SDK's own strategy keeps one budget of retries for the whole client, which
 * the failures of one tenant would use up for all. Here the caller bounds retries under lasting faults, as the breaker of each KMS key does, or
 * `budgeted` does it, by scope: in the SDK a call's context names it as `partition_id`.
 */
export function createBoundedRetries(maxAttempts: number, { budgeted = false } = {}): RetryStrategy {
  const budgets = new LRUCache<string, number>({ max: maxScopes });
  /** Of calls that have been repeated: whose budget they take from. */
  const scopes = new WeakMap<RetryToken, string>();

  function token(scope: string, retries: number, delayMs: number): RetryToken {
    const made = { getRetryCount: () => retries, getRetryDelay: () => delayMs };
    if (budgeted) scopes.set(made, scope);
    return made;
  }

  function take(scope: string): void {
    if (!budgeted) return;
    const left = budgets.get(scope) ?? fullBudget;
    if (left < retryCost) throw new Error('no further attempt: the budget of retries is used up');
    budgets.set(scope, left - retryCost);
  }

  return {
    async acquireInitialRetryToken(scope) {
      return token(scope, 0, 0);
    },

    async refreshRetryTokenForRetry(before, { errorType }) {
      const retries = before.getRetryCount() + 1;
      if (errorType === 'CLIENT_ERROR' || retries >= maxAttempts) {
        throw new Error('no further attempt');
      }
      const scope = scopes.get(before) ?? '';
      take(scope);
      const base = errorType === 'THROTTLING' ? throttledPauseMs : pauseMs;
      return token(scope, retries, Math.random() * Math.min(base * 2 ** retries, maxPauseMs));
    },

    recordSuccess(last) {
      const scope = scopes.get(last);
      const left = scope === undefined ? undefined : budgets.get(scope);
      if (scope === undefined || left === undefined) return;
      const filled = left + (last.getRetryCount() * retryCost || refundOfFirstAttempt);
      if (filled < fullBudget) budgets.set(scope, filled);
      else budgets.delete(scope);
    },
  };
}
