import { setTimeout as delay } from 'node:timers/promises';
import { type TestClock, testClock } from './clock.ts';

export interface PacedClock extends TestClock {
  /** Work that sees at most two steps of the clock from its beginning to its end. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when the clock has gone on by so much. */
  after(ms: number): Promise<void>;
  /** Goes on by itself from now on. */
  start(): void;
  stop(): void;
}

/** What has times of its own, such as tokens, must not look older than it is. */
const aheadMs = 20_000;

/**
 * A clock for work that goes on while time passes: it takes a step whenever everything has ended that was under way at the one before. On a
 * machine that is slow, or stands still for a while, its time is slow as well, so nothing in the work can take too long.
 */
export function pacedClock(stepMs: number): PacedClock {
  const startMs = Date.now();
  const clock = testClock(startMs);
  const realStartMs = performance.now();
  const underWay = new Set<Promise<unknown>>();
  const alarms = new Set<{ atMs: number; ring: () => void }>();
  let running = false;

  function advance(ms: number): void {
    clock.advance(ms);
    for (const alarm of alarms) {
      if (alarm.atMs <= clock.now()) {
        alarms.delete(alarm);
        alarm.ring();
      }
    }
  }

  const aheadBy = () => clock.now() - startMs - (performance.now() - realStartMs);

  async function run(): Promise<void> {
    while (running) {
      await Promise.allSettled(underWay);
      // Others have a turn, too, also when nothing is under way.
      await delay(aheadBy() > aheadMs ? 100 : 1);
      advance(stepMs);
    }
  }

  return {
    now: clock.now,
    advance,
    async during(work) {
      const running = work();
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    after: (ms) =>
      new Promise((ring) => {
        alarms.add({ atMs: clock.now() + ms, ring });
      }),
    start() {
      if (running) return;
      running = true;
      run();
    },
    stop() {
      running = false;
    },
  };
}
