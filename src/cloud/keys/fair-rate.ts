import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';

export interface RateUsage {
  perSecond: number;
  /** Whole permits that could be taken at this moment. */
  available: number;
  /** Callers that wait, and the tenants they belong to. */
  waiting: number;
  waitingTenants: number;
  /** Since the process began. */
  granted: number;
  refused: number;
}

/**
 * A rate shared by all tenants: while permits last, everybody passes; when they run out, the waiting tenants take turns, so that a busy
 * tenant delays itself and nobody else by more than one turn.
 */
export interface FairRate {
  /**
   * Resolves when `tenant` may make one call. Throws `AppError('temporarily_unavailable')` with `Retry-After` when its turn would come, or
   * came, after `maxWaitMs`.
   */
  take(tenant: string): Promise<void>;
  usage(): RateUsage;
}

export interface FairRateOptions {
  perSecond: number;
  /** Permits that gather while nobody asks; default one second's worth. */
  burst?: number;
  maxWaitMs: number;
  clock: Clock;
  /** For the log: what is rationed. */
  name: string;
}

interface Waiter {
  until: number;
  grant: () => void;
  refuse: (error: AppError) => void;
}

export function createFairRate(options: FairRateOptions): FairRate {
  const { perSecond, burst = Math.max(1, perSecond), maxWaitMs, clock, name } = options;
  /** In the order of turns. */
  const queues = new Map<string, Waiter[]>();
  let permits = burst;
  let filledAt = clock.now();
  let timer: NodeJS.Timeout | undefined;
  let granted = 0;
  let refused = 0;

  function fill(): void {
    const now = clock.now();
    // A clock set back gives nothing, and takes nothing.
    permits = Math.min(burst, permits + (Math.max(0, now - filledAt) * perSecond) / 1_000);
    filledAt = now;
  }

  /** How long a new caller of `tenant` would wait if nobody came after it. */
  function expectedWaitMs(tenant: string): number {
    const turn = (queues.get(tenant)?.length ?? 0) + 1;
    let ahead = turn;
    for (const [other, waiters] of queues) {
      ahead += other === tenant ? 0 : Math.min(waiters.length, turn);
    }
    return ((ahead - permits) / perSecond) * 1_000;
  }

  function refuse(): AppError {
    refused += 1;
    return new AppError('temporarily_unavailable', 'The key store cannot answer at the moment.', {
      headers: { 'Retry-After': String(Math.max(1, Math.ceil(maxWaitMs / 1_000))) },
      detail: `the budget of ${perSecond}/s for ${name} is used up`,
    });
  }

  function nextWaiter(): Waiter | undefined {
    const [turn] = queues;
    if (turn === undefined) {
      return undefined;
    }
    const [tenant, waiters] = turn;
    const waiter = waiters.shift();
    queues.delete(tenant);
    if (waiters.length > 0) {
      queues.set(tenant, waiters);
    }
    return waiter;
  }

  function serve(): void {
    timer = undefined;
    fill();
    while (permits >= 1 && queues.size > 0) {
      const waiter = nextWaiter();
      if (waiter === undefined || waiter.until < clock.now()) {
        waiter?.refuse(refuse());
        continue;
      }
      permits -= 1;
      granted += 1;
      waiter.grant();
    }
    schedule();
  }

  function schedule(): void {
    if (timer === undefined && queues.size > 0) {
      timer = setTimeout(serve, Math.max(1, Math.ceil(((1 - permits) / perSecond) * 1_000)));
    }
  }

  return {
    take(tenant) {
      fill();
      if (queues.size === 0 && permits >= 1) {
        permits -= 1;
        granted += 1;
        return Promise.resolve();
      }
      if (expectedWaitMs(tenant) > maxWaitMs) {
        return Promise.reject(refuse());
      }
      return new Promise((grant, reject) => {
        const waiters = queues.get(tenant) ?? [];
        waiters.push({ until: clock.now() + maxWaitMs, grant, refuse: reject });
        queues.set(tenant, waiters);
        schedule();
      });
    },

    usage() {
      fill();
      const waiting = [...queues.values()].reduce((sum, waiters) => sum + waiters.length, 0);
      return {
        perSecond,
        available: Math.floor(permits),
        waiting,
        waitingTenants: queues.size,
        granted,
        refused,
      };
    },
  };
}
