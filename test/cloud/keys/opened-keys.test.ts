import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOpenedKeys } from '../../../src/cloud/keys/opened-keys.ts';
import { type TestClock, testClock } from '../../support/clock.ts';

let clock: TestClock;
beforeEach(() => {
  clock = testClock();
  vi.useFakeTimers({ toFake: ['setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** As much time for the sweeps as for the keys. */
function pass(ms: number): void {
  clock.advance(ms);
  vi.advanceTimersByTime(ms);
}

const open = (from: 'opening' | 'last use', ttlMs = 120_000) =>
  createOpenedKeys<{ name: string }>({ max: 10, ttlMs, from, clock });

describe('keys that are open', () => {
  it('go when their time is over, although nobody asks for any', async () => {
    const keys = open('last use');
    await keys.get('a', async () => ({ name: 'a' }));
    pass(120_000);
    expect(keys.size()).toBe(1);
    pass(60_000);
    expect(keys.size()).toBe(0);
    // And so does one that is opened later.
    await keys.get('b', async () => ({ name: 'b' }));
    pass(180_000);
    expect(keys.size()).toBe(0);
  });

  it('stay while they are used, where that is what counts, and no longer than told where it is not', async () => {
    const [sliding, fixed] = [open('last use'), open('opening')];
    const opened: string[] = [];
    for (let minute = 0; minute < 5; minute += 1) {
      for (const [name, keys] of Object.entries({ sliding, fixed })) {
        await keys.get('a', async () => {
          opened.push(`${name} ${minute}`);
          return { name };
        });
      }
      pass(60_000);
    }
    expect(opened).toStrictEqual(['sliding 0', 'fixed 0', 'fixed 3']);
  });

  it('are held by nothing once they are gone, so that they are freed and wiped', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const keys = open('last use');
    const hold = async (at: string) => {
      const key = await keys.get(at, async () => ({ name: at }));
      return new WeakRef(key as object);
    };
    const [swept, dropped] = [await hold('swept'), await hold('dropped')];
    keys.drop('dropped');
    pass(180_000);
    vi.useRealTimers();
    await expect
      .poll(() => {
        collectGarbage();
        return [swept, dropped].every((key) => key.deref() === undefined);
      })
      .toBe(true);
  });

  it('are opened once for many uses, and an absence or a failure is asked about again', async () => {
    const keys = open('opening');
    let asked = 0;
    const opening = async () => {
      asked += 1;
      if (asked === 1) return undefined;
      if (asked === 2) throw new Error('not now');
      return { name: 'a' };
    };
    expect(await keys.get('a', opening)).toBeUndefined();
    await expect(keys.get('a', opening)).rejects.toThrow('not now');
    const both = await Promise.all([keys.get('a', opening), keys.get('a', opening)]);
    expect(both[0]).toBe(both[1]);
    expect([asked, keys.size()]).toStrictEqual([3, 1]);
  });
});
