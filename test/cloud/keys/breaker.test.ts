import { beforeEach, describe, expect, it } from 'vitest';
import { type Breaker, createBreaker, type Verdict } from '../../../src/cloud/keys/breaker.ts';
import { AppError } from '../../../src/kernel/errors.ts';
import { type TestClock, testClock } from '../../support/clock.ts';

const broken = () =>
  new AppError('temporarily_unavailable', 'Not now.', { headers: { 'Retry-After': '2' }, detail: 'broken' });

describe('the breaker', () => {
  let clock: TestClock;
  let breaker: Breaker;
  let calls: number;
  let changes: string[];
  let verdict: Verdict;

  beforeEach(() => {
    clock = testClock();
    calls = 0;
    changes = [];
    verdict = 'count';
    breaker = createBreaker({
      clock,
      judge: () => verdict,
      failures: 3,
      pauseMs: 1_000,
      maxPauseMs: 3_000,
      maxConcurrent: 2,
      onChange: ({ key, state }) => changes.push(`${key} ${state}`),
    });
  });

  function fail(key = 'a'): Promise<unknown> {
    return breaker
      .run(key, () => {
        calls += 1;
        return Promise.reject(broken());
      })
      .catch((error) => error);
  }

  function succeed(key = 'a'): Promise<unknown> {
    return breaker
      .run(key, () => {
        calls += 1;
        return Promise.resolve('done');
      })
      .catch((error) => error);
  }

  it('opens after failures in a row, and says when to come back', async () => {
    await fail();
    await fail();
    await succeed();
    await fail();
    await fail();
    expect(breaker.open()).toBe(0);
    await fail();
    expect(calls).toBe(6);
    clock.advance(100);
    expect(await succeed()).toMatchObject({
      code: 'temporarily_unavailable',
      headers: { 'Retry-After': '1' },
    });
    expect(calls).toBe(6);
    expect(changes).toStrictEqual(['a open']);
  });

  it('leaves every other key alone', async () => {
    await Promise.all([fail(), fail(), fail()]);
    await fail();
    expect(await succeed('b')).toBe('done');
  });

  it('lets one probe through after its pause, and doubles the pause when it fails', async () => {
    verdict = 'trip';
    await fail();
    clock.advance(1_000);
    const [probe, others] = [fail(), [succeed(), succeed()]];
    expect(await Promise.all(others)).toStrictEqual([
      expect.objectContaining({ code: 'temporarily_unavailable' }),
      expect.objectContaining({ code: 'temporarily_unavailable' }),
    ]);
    await probe;
    expect(calls).toBe(2);
    clock.advance(1_999);
    await succeed();
    expect(calls).toBe(2);
    clock.advance(1);
    expect(await succeed()).toBe('done');
    expect(await succeed()).toBe('done');
    expect(changes).toStrictEqual(['a open', 'a closed']);
  });

  it('bounds the pause', async () => {
    verdict = 'trip';
    await fail();
    for (const pause of [1_000, 2_000, 3_000, 3_000]) {
      clock.advance(pause);
      await fail();
    }
    expect(calls).toBe(5);
  });

  it('does not count what says nothing about the key', async () => {
    verdict = 'ignore';
    for (let count = 0; count < 10; count += 1) {
      await fail();
    }
    expect(calls).toBe(10);
  });

  it('keeps an error that no retry mends as it is', async () => {
    verdict = 'trip';
    const gone = new AppError('server_error', 'Gone.');
    await expect(breaker.run('a', () => Promise.reject(gone))).rejects.toBe(gone);
    await expect(breaker.run('a', () => Promise.resolve('never'))).rejects.toBe(gone);
  });

  it('refuses more calls at once than one key may hold', async () => {
    const ends: (() => void)[] = [];
    const hanging = () => breaker.run('a', () => new Promise<void>((resolve) => ends.push(resolve)));
    const held = [hanging(), hanging()];
    await expect(hanging()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    expect(await succeed('b')).toBe('done');
    for (const end of ends) {
      end();
    }
    await Promise.all(held);
    expect(await succeed()).toBe('done');
  });

  it('does not close by the success of a call that began before it opened', async () => {
    let end: (() => void) | undefined;
    const early = breaker.run('a', () => new Promise<void>((resolve) => (end = resolve)));
    verdict = 'trip';
    await fail();
    end?.();
    await early;
    expect(breaker.open()).toBe(1);
  });
});
