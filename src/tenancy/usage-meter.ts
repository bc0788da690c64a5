import { LRUCache } from 'lru-cache';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { CountQuota, RateQuota } from './quotas.ts';
import { createUsageStore, type Granularity, periodsOf, type UsageCounts } from './usage-store.ts';

/** Where one tenant's use is counted: in memory, so that no request waits for it. */
export interface TenantMeter {
  count(what: keyof Omit<UsageCounts, 'activeUsers'>): void;
  /** The account has got tokens. */
  active(accountId: string): void;
  /** The tenant comes near what it may have. `used`: how many, where they are counted. */
  near(quota: CountQuota | RateQuota, used?: number): void;
}

export interface UsageMeter {
  of(record: TenantRecord, table: Table): TenantMeter;
  /** Writes down what has been counted since the last time. Never rejects: what cannot be written now is kept for the next. */
  flush(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

interface Pending {
  record: TenantRecord;
  table: Table;
  /** By day. */
  counts: Map<string, Partial<UsageCounts>>;
  /** Day and account, with a space between. */
  active: Set<string>;
  near: Map<CountQuota | RateQuota, number | undefined>;
}

/** Accounts that this process has marked already; one that is forgotten costs a write, no wrong figure. */
const maxKnown = 200_000;
const writesAtOnce = 10;

export function createUsageMeter({
  clock,
  log,
  flushSeconds,
  onNear,
}: {
  clock: Clock;
  log: Log;
  flushSeconds: number;
  /** Told with a flush that a tenant has come near a limit since the last one. */
  onNear: (
    record: TenantRecord,
    table: Table,
    near: { quota: CountQuota | RateQuota; used: number | undefined },
  ) => Promise<void>;
}): UsageMeter {
  let pending = new Map<string, Pending>();
  const known = new LRUCache<string, true>({ max: maxKnown });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  function pendingOf(record: TenantRecord, table: Table): Pending {
    const entry = pending.get(table.name) ?? {
      record,
      table,
      counts: new Map(),
      active: new Set(),
      near: new Map(),
    };
    pending.set(table.name, entry);
    return entry;
  }

  function add({ counts }: Pending, day: string, what: keyof UsageCounts, by: number): void {
    const ofDay = counts.get(day) ?? {};
    ofDay[what] = (ofDay[what] ?? 0) + by;
    counts.set(day, ofDay);
  }

  /** Puts back what could not be written. */
  function keep(entry: Pending, day: string, counts: Partial<UsageCounts>): void {
    const target = pendingOf(entry.record, entry.table);
    for (const [what, by] of Object.entries(counts)) {
      add(target, day, what as keyof UsageCounts, by);
    }
  }

  async function attempt(entry: Pending, work: () => Promise<void>, keepIt: () => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Anything else than a store that has no time just now stays as it is: the tenant's table is gone with the tenant.
      const again = error instanceof AppError && error.code === 'temporarily_unavailable';
      if (again) keepIt();
      log.warn({ err: error, tenant: entry.record.slug, again }, 'usage could not be written');
    }
  }

  async function writeCounts(entry: Pending): Promise<void> {
    const store = createUsageStore({ table: entry.table, clock });
    for (const [day, counts] of entry.counts) {
      await attempt(
        entry,
        () => store.add('day', day, counts),
        () => keep(entry, day, counts),
      );
      // A month is a sum of its own: written apart, it may miss what the day has when the store fails in between, and never the reverse.
      await attempt(
        entry,
        () => store.add('month', day.slice(0, 7), counts),
        () => {},
      );
    }
  }

  async function writeActive(entry: Pending): Promise<void> {
    const store = createUsageStore({ table: entry.table, clock });
    const marks = [...entry.active].flatMap((mark) => {
      const [day = '', accountId = ''] = mark.split(' ');
      const periods: [Granularity, string][] = [
        ['day', day],
        ['month', day.slice(0, 7)],
      ];
      return periods.map(([granularity, period]) => ({ mark, granularity, period, accountId }));
    });
    for (let begin = 0; begin < marks.length; begin += writesAtOnce) {
      await Promise.all(
        marks.slice(begin, begin + writesAtOnce).map(({ mark, granularity, period, accountId }) =>
          attempt(
            entry,
            async () => {
              const key = `${entry.table.name} ${period} ${accountId}`;
              if (!known.has(key) && (await store.markActive(granularity, period, accountId))) {
                await store.add(granularity, period, { activeUsers: 1 });
              }
              known.set(key, true);
            },
            () => pendingOf(entry.record, entry.table).active.add(mark),
          ),
        ),
      );
    }
  }

  async function flushOnce(): Promise<void> {
    const taken = pending;
    pending = new Map();
    for (const entry of taken.values()) {
      await writeCounts(entry);
      await writeActive(entry);
      for (const [quota, used] of entry.near) {
        await attempt(
          entry,
          () => onNear(entry.record, entry.table, { quota, used }),
          () => {},
        );
      }
    }
  }

  function flush(): Promise<void> {
    running = running.then(flushOnce);
    return running;
  }

  return {
    of(record, table) {
      const day = () => periodsOf(clock.now()).day;
      return {
        count: (what) => add(pendingOf(record, table), day(), what, 1),
        active(accountId) {
          const today = day();
          if (!known.has(`${table.name} ${today} ${accountId}`)) {
            pendingOf(record, table).active.add(`${today} ${accountId}`);
          }
        },
        near(quota, used) {
          const { near } = pendingOf(record, table);
          const most = Math.max(used ?? 0, near.get(quota) ?? 0);
          near.set(quota, used === undefined ? undefined : most);
        },
      };
    },
    flush,
    start() {
      timer = setInterval(() => void flush(), flushSeconds * 1000);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
