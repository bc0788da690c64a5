import type { Clock } from '../../src/kernel/clock.ts';

export interface TestClock extends Clock {
  advance(ms: number): void;
}

/** A clock that moves only when told to; begins at 2026-01-01T00:00:00Z unless told otherwise. */
export function testClock(startMs: number = Date.UTC(2026, 0, 1)): TestClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}
