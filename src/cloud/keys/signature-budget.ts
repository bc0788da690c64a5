import type { Clock } from '../../kernel/clock.ts';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';
import { createFairRate, type RateUsage } from './fair-rate.ts';

/** KMS counts signatures per account, region and family of keys. */
export type KeyFamily = 'ecc' | 'rsa';

export function keyFamilyOf(alg: SigningAlgorithm): KeyFamily {
  return alg === 'ES256' ? 'ecc' : 'rsa';
}

/** This process's share of the account's signatures, dealt out fairly between tenants. */
export interface SignatureBudget {
  /** Resolves when the tenant may sign once; else `AppError('temporarily_unavailable')` with `Retry-After`. */
  take(tenantId: string, alg: SigningAlgorithm): Promise<void>;
  /** For gauges. */
  usage(): Record<KeyFamily, RateUsage>;
}

export interface SignatureBudgetOptions {
  /** The account's quota divided by the number of processes that share it. */
  perSecond: Record<KeyFamily, number>;
  /** How long a signature may wait for its turn. */
  maxWaitMs: number;
  clock: Clock;
}

export function createSignatureBudget({
  perSecond,
  maxWaitMs,
  clock,
}: SignatureBudgetOptions): SignatureBudget {
  const share = (family: KeyFamily) =>
    createFairRate({ perSecond: perSecond[family], maxWaitMs, clock, name: `${family} signatures` });
  const rates = { ecc: share('ecc'), rsa: share('rsa') };
  return {
    take: (tenantId, alg) => rates[keyFamilyOf(alg)].take(tenantId),
    usage: () => ({ ecc: rates.ecc.usage(), rsa: rates.rsa.usage() }),
  };
}
