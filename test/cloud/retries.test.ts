import { describe, expect, it } from 'vitest';
import { createBoundedRetries } from '../../src/cloud/retries.ts';

const passing = { errorType: 'TRANSIENT' } as const;

describe('retries', () => {
  async function failing(strategy: ReturnType<typeof createBoundedRetries>, scope: string): Promise<number> {
    let token = await strategy.acquireInitialRetryToken(scope);
    for (let retries = 0; ; retries += 1) {
      try {
        token = await strategy.refreshRetryTokenForRetry(token, passing);
      } catch {
        return retries;
      }
    }
  }

  it('are bounded for each call, and none after the fault of the caller', async () => {
    const strategy = createBoundedRetries(4);
    for (let call = 0; call < 100; call += 1) {
      expect(await failing(strategy, 'any')).toBe(3);
    }
    const token = await strategy.acquireInitialRetryToken('any');
    const fault = { errorType: 'CLIENT_ERROR' } as const;
    await expect(strategy.refreshRetryTokenForRetry(token, fault)).rejects.toThrow();
  });

  it('are bounded for each scope over all its calls, and others keep theirs', async () => {
    const strategy = createBoundedRetries(4, { budgeted: true });
    let made = 0;
    for (let call = 0; call < 50; call += 1) {
      made += await failing(strategy, 'sick');
    }
    expect(made).toBe(100);
    expect(await failing(strategy, 'sick')).toBe(0);
    expect(await failing(strategy, 'well')).toBe(3);
  });

  it('come back with successes, never beyond a full budget', async () => {
    const strategy = createBoundedRetries(4, { budgeted: true });
    const succeed = async (times: number) => {
      for (let call = 0; call < times; call += 1) {
        strategy.recordSuccess(await strategy.acquireInitialRetryToken('table'));
      }
    };
    for (let call = 0; call < 50; call += 1) await failing(strategy, 'table');
    await succeed(11);
    expect(await failing(strategy, 'table')).toBe(2);
    await succeed(10_000);
    let made = 0;
    for (let call = 0; call < 50; call += 1) made += await failing(strategy, 'table');
    expect(made).toBe(100);
    await succeed(10);
    // What a call's own retries took comes back when it succeeds.
    let token = await strategy.acquireInitialRetryToken('table');
    token = await strategy.refreshRetryTokenForRetry(token, passing);
    token = await strategy.refreshRetryTokenForRetry(token, passing);
    expect(await failing(strategy, 'table')).toBe(0);
    strategy.recordSuccess(token);
    expect(await failing(strategy, 'table')).toBe(2);
  });
});
