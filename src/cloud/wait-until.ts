import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  everyMs: number;
  withinMs: number;
  signal: AbortSignal;
}

/** Asks again and again until the answer is not `undefined`; `undefined` when time is up. Rejects with the signal's reason when it aborts. */
export async function waitUntil<T>(
  ask: () => Promise<T | undefined>,
  { everyMs, withinMs, signal }: Patience,
): Promise<T | undefined> {
  for (const startedAt = performance.now(); ; ) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined || performance.now() - startedAt > withinMs) {
      return answer;
    }
    await sleep(everyMs, undefined, { signal });
  }
}
