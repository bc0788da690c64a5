import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFairRate } from '../../../src/cloud/keys/fair-rate.ts';
import { createSignatureBudget } from '../../../src/cloud/keys/signature-budget.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

const refused = { code: 'temporarily_unavailable', headers: { 'Retry-After': '1' } };

describe('a fair rate', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function rateOf(perSecond: number, maxWaitMs = 1_000) {
    return createFairRate({ perSecond, maxWaitMs, clock: systemClock, name: 'calls' });
  }

  it('lets a burst pass, then the rate', async () => {
    const rate = rateOf(10);
    const passed: number[] = [];
    for (let count = 0; count < 15; count += 1) {
      rate.take('a').then(() => passed.push(Date.now()));
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(passed).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(passed.slice(10)).toStrictEqual([100, 200, 300, 400, 500]);
    expect(rate.usage()).toMatchObject({ granted: 15, refused: 0, waiting: 0 });
  });

  it('never grants more than rate and burst together', async () => {
    const rate = rateOf(50, 100_000);
    let passed = 0;
    for (let count = 0; count < 1_000; count += 1) {
      rate.take(`t${count % 7}`).then(() => {
        passed += 1;
      });
    }
    for (let second = 1; second <= 5; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(passed).toBeLessThanOrEqual(50 + second * 50);
      expect(passed).toBeGreaterThanOrEqual(50 + second * 50 - 5);
    }
  });

  it('serves a quiet tenant within one turn of a busy one', async () => {
    const rate = rateOf(10, 60_000);
    for (let count = 0; count < 200; count += 1) {
      void rate.take('busy');
    }
    let servedAt: number | undefined;
    rate.take('quiet').then(() => {
      servedAt = Date.now();
    });
    await vi.advanceTimersByTimeAsync(300);
    expect(servedAt).toBeLessThanOrEqual(200);
    expect(rate.usage()).toMatchObject({ waitingTenants: 1 });
  });

  it('refuses at once whoever would wait too long, and only them', async () => {
    const rate = rateOf(10);
    const outcomes = await Promise.all([
      ...Array.from({ length: 30 }, () =>
        Promise.race([
          rate.take('busy').then(
            () => 'granted',
            () => 'refused',
          ),
          vi.advanceTimersByTimeAsync(0).then(() => 'waits'),
        ]),
      ),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(10);
    await expect(rate.take('busy')).rejects.toMatchObject(refused);
    const quiet = rate.take('quiet');
    await vi.advanceTimersByTimeAsync(1_000);
    await quiet;
    expect(rate.usage().refused).toBe(11);
  });

  it('keeps the families of keys apart', async () => {
    const budget = createSignatureBudget({
      perSecond: { ecc: 1, rsa: 1 },
      maxWaitMs: 100,
      clock: systemClock,
    });
    await budget.take('a', 'ES256');
    await expect(budget.take('a', 'ES256')).rejects.toMatchObject(refused);
    await budget.take('a', 'RS256');
    await expect(budget.take('b', 'PS256')).rejects.toMatchObject(refused);
    expect(budget.usage()).toMatchObject({
      ecc: { granted: 1, refused: 1 },
      rsa: { granted: 1, refused: 1 },
    });
  });
});
