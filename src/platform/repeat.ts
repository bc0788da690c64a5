import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './log.ts';

export interface Repetition {
  /** Lets the next round begin at once. */
  wake(): void;
  /** No further round begins; resolves when the present one has ended. Its signal is aborted. */
  stop(): Promise<void>;
}

/** Runs `work` again and again, `everyMs` after it has ended. An error is logged and does not end the repetition. */
export function repeat(
  work: (signal: AbortSignal) => Promise<void>,
  { what, everyMs, log }: { what: string; everyMs: number; log: Log },
): Repetition {
  const stopping = new AbortController();
  let waking = new AbortController();

  async function rest(): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, waking.signal]);
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {});
    waking = new AbortController();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await work(stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) {
          log.warn({ err: error }, `${what} failed and will be tried again`);
        }
      }
      await rest();
    }
  }

  const running = run();
  return {
    wake: () => waking.abort(),
    async stop() {
      stopping.abort(new Error('the process is stopping'));
      await running;
    },
  };
}
