/** Runs at most `max` pieces of work at once; the others wait in order. */
export function limitConcurrency(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const limited = limitConcurrencyByKey(max);
  return (work) => limited('', undefined, work);
}

/**
 * Runs at most `max` pieces of work of one key at once; the others of that key wait in order, until their signal ends it with its reason. Keys
 * leave each other alone, and one that does nothing takes no memory.
 */
export function limitConcurrencyByKey(
  max: number,
): <T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T> {
  const lanes = new Map<string, Lane>();

  return async (key, signal, work) => {
    const lane = lanes.get(key) ?? { running: 0, waiting: new Set() };
    lanes.set(key, lane);
    if (lane.running < max) {
      lane.running += 1;
    } else {
      await turn(lane, signal);
    }
    try {
      return await work();
    } finally {
      // Whoever ends hands its place over, so that nobody slips in between.
      const [next] = lane.waiting;
      if (next !== undefined) {
        lane.waiting.delete(next);
        next();
      } else {
        lane.running -= 1;
        if (lane.running === 0) lanes.delete(key);
      }
    }
  };
}

interface Lane {
  running: number;
  /** In order. */
  waiting: Set<() => void>;
}

function turn(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    function begin(): void {
      signal?.removeEventListener('abort', giveUp);
      resolve();
    }
    function giveUp(): void {
      lane.waiting.delete(begin);
      reject(signal?.reason);
    }
    lane.waiting.add(begin);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}
