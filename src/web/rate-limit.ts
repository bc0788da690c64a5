import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../kernel/errors.ts';

export interface RateLimit {
  /** Counts one use of `key`; `AppError('rate_limited')` with `Retry-After` when its uses are spent. */
  take(key: string): Promise<void>;
  /** Forgets the uses of `key`, for instance after a sign-in that succeeded. */
  reset(key: string): Promise<void>;
}

/**
 * Allows `points` uses of a key per window of `durationSeconds`, counted in this process. Keys may be anything a client sends (an account
 * name beside its `networkOf` address): only their hashes are kept, so their length costs no memory.
 */
export function createRateLimit({
  points,
  durationSeconds,
}: {
  points: number;
  durationSeconds: number;
}): RateLimit {
  const limiter = new RateLimiterMemory({ points, duration: durationSeconds });
  return {
    async take(key) {
      try {
        await limiter.consume(hashOf(key));
      } catch (reason) {
        if (!(reason instanceof RateLimiterRes)) {
          throw reason;
        }
        const seconds = Math.max(1, Math.ceil(reason.msBeforeNext / 1000));
        throw new AppError('rate_limited', `Too many requests. Try again in ${seconds} seconds.`, {
          headers: { 'Retry-After': String(seconds) },
        });
      }
    },
    async reset(key) {
      await limiter.delete(hashOf(key));
    },
  };
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
