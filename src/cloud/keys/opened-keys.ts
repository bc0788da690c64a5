import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kernel/clock.ts';

/** How often what has had its time is looked for, in milliseconds. */
const sweepMs = 60_000;

/**
 * Private keys that are open in this process. A key whose time is over is let go also when nobody asks for it any more, or a key that another
 * process has replaced would stay for as long as this one lives. OpenSSL wipes a key when the last signature that uses it is done and it is freed.
 */
export interface OpenedKeys<K> {
  /** The open key, opened now if need be: concurrent first uses share one attempt, and neither a failure nor an absence is remembered. */
  get(at: string, open: () => Promise<K | undefined>): Promise<K | undefined>;
  drop(at: string): void;
  size(): number;
}

export function createOpenedKeys<K>({
  max,
  ttlMs,
  from,
  clock,
}: {
  /** Keys; the least recently used go first. */
  max: number;
  ttlMs: number;
  /** When the time begins. */
  from: 'opening' | 'last use';
  clock: Clock;
}): OpenedKeys<K> {
  const opened = new LRUCache<string, Promise<K | undefined>>({
    max,
    ttl: ttlMs,
    updateAgeOnGet: from === 'last use',
    ttlResolution: 0,
    perf: clock,
  });
  let willSweep = false;

  function sweepLater(): void {
    if (willSweep) return;
    willSweep = true;
    setTimeout(() => {
      willSweep = false;
      opened.purgeStale();
      if (opened.size > 0) sweepLater();
    }, sweepMs).unref();
  }

  return {
    get(at, open) {
      const known = opened.get(at);
      if (known !== undefined) return known;
      const opening = open();
      opened.set(at, opening);
      sweepLater();
      const dropUnless = (kept: boolean) => {
        if (!kept && opened.peek(at) === opening) opened.delete(at);
      };
      opening.then(
        (found) => dropUnless(found !== undefined),
        () => dropUnless(false),
      );
      return opening;
    },
    drop: (at) => void opened.delete(at),
    size: () => opened.size,
  };
}
