import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRateLimit } from '../../src/web/rate-limit.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('a key has its points per window; then 429 says when to come back', async () => {
  const limit = createRateLimit({ points: 2, durationSeconds: 60 });
  await limit.take('a');
  await limit.take('a');
  vi.advanceTimersByTime(20_500);
  await expect(limit.take('a')).rejects.toMatchObject({
    code: 'rate_limited',
    status: 429,
    headers: { 'Retry-After': '40' },
  });
  vi.advanceTimersByTime(39_500);
  await limit.take('a');
});

test('keys are counted apart, also very long ones', async () => {
  const limit = createRateLimit({ points: 1, durationSeconds: 60 });
  const prefix = 'x'.repeat(100_000);
  await limit.take(`${prefix}1`);
  await limit.take(`${prefix}2`);
  await expect(limit.take(`${prefix}1`)).rejects.toMatchObject({ code: 'rate_limited' });
});

test('limits are counted apart', async () => {
  const [first, second] = [1, 1].map((points) => createRateLimit({ points, durationSeconds: 60 }));
  await first?.take('a');
  await second?.take('a');
  await expect(first?.take('a')).rejects.toMatchObject({ code: 'rate_limited' });
});

test('a reset key begins anew', async () => {
  const limit = createRateLimit({ points: 1, durationSeconds: 60 });
  await limit.take('a');
  await limit.reset('a');
  await limit.take('a');
  await expect(limit.take('a')).rejects.toMatchObject({ code: 'rate_limited' });
});
