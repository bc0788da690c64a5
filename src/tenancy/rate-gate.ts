import { LRUCache } from 'lru-cache';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantId } from '../kernel/ids.ts';
import { warningShare } from './quotas.ts';

/** What is counted apart: everything that a tenant's users ask for, of that what asks for tokens, and what its administrators ask for. */
export type RateLane = 'requests' | 'tokens' | 'administration';

export interface RateGates {
  /**
   * Lets so many through per second, and as many at once after a quiet second. `AppError('rate_limited')` with `Retry-After` for the others;
   * `onNear` hears when little is left. Without a rate everything passes.
   */
  take(
    tenantId: TenantId,
    lane: RateLane,
    options: { perSecond: number | undefined; onNear: () => void },
  ): void;
}

/** Tenants with a rate that one process serves at a time; who is forgotten begins with a full measure. */
const maxKept = 10_000;

/**
 * The rates that tenants may have, as this process alone counts them: several have the rate each. What is left is kept by tenant, so that a
 * tenant whose configuration changes gets nothing anew.
 */
export function createRateGates({ clock }: { clock: Clock }): RateGates {
  const kept = new LRUCache<string, { left: number; atMs: number }>({ max: maxKept });

  return {
    take(tenantId, lane, { perSecond, onNear }) {
      if (perSecond === undefined) {
        return;
      }
      const key = `${tenantId} ${lane}`;
      const now = clock.now();
      const { left: before, atMs } = kept.get(key) ?? { left: perSecond, atMs: now };
      const left = Math.min(perSecond, before + (Math.max(0, now - atMs) / 1000) * perSecond);
      const passes = left >= 1;
      kept.set(key, { left: passes ? left - 1 : left, atMs: now });
      if (left - 1 < perSecond * (1 - warningShare)) {
        onNear();
      }
      if (!passes) {
        throw new AppError('rate_limited', 'This tenant gets more requests than it may have.', {
          headers: { 'Retry-After': '1' },
        });
      }
    },
  };
}
