import { AppError } from '../kernel/errors.ts';

/** Runs `work` when its turn comes; `AppError('temporarily_unavailable')` at once when the owner has too many that wait. */
export type FairGate = <Result>(owner: string, work: () => Promise<Result>) => Promise<Result>;

/**
 * Lets so many through at once, and of several owners who wait each in turn, however many one of them sends. Of each so many wait; whoever
 * comes beyond that is told to come later, rather than to wait for longer than anybody does.
 */
export function createFairGate({
  atOnce,
  maxWaiting,
}: {
  atOnce: number;
  /** Of each owner. */
  maxWaiting: number;
}): FairGate {
  /** In the order of their turns. */
  const lines = new Map<string, (() => void)[]>();
  let running = 0;

  async function enter(owner: string): Promise<void> {
    if (running < atOnce) {
      running += 1;
      return;
    }
    const line = lines.get(owner) ?? [];
    if (line.length >= maxWaiting) {
      throw new AppError('temporarily_unavailable', 'Too many at once. Try again in a moment.', {
        headers: { 'Retry-After': '5' },
        detail: `${maxWaiting} of ${owner} wait already`,
      });
    }
    lines.set(owner, line);
    await new Promise<void>((resolve) => line.push(resolve));
  }

  /** Hands the place on, so that nobody who comes in between gets it. */
  function leave(): void {
    const [owner, line] = lines.entries().next().value ?? [];
    if (owner === undefined || line === undefined) {
      running -= 1;
      return;
    }
    const next = line.shift();
    lines.delete(owner);
    if (line.length > 0) {
      lines.set(owner, line);
    }
    next?.();
  }

  return async (owner, work) => {
    await enter(owner);
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
