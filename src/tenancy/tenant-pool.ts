import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { Directory } from './directory.ts';
import { revokesMore } from './key-lifecycle.ts';
import type { BuildTenantRuntime, TenantRuntime } from './tenant-runtime.ts';

/** A running tenant, held for one request. `release` may be called again; only the first call counts. */
export interface Lease {
  readonly runtime: TenantRuntime;
  release(): void;
}

export interface TenantPool {
  /**
   * `undefined` when there is no active tenant of that slug (E3). Rejects when the tenant cannot be brought to life now:
   * `AppError('temporarily_unavailable')` when the directory cannot be reached, otherwise what the factory threw.
   */
  lease(slug: Slug): Promise<Lease | undefined>;
  /** The next lease reads the directory, whatever the pool holds. For changes made by this process. */
  invalidate(slug: Slug): void;
  /** Running tenants held at this moment. */
  size(): number;
  /** Lends no more; resolves when every lease has been released. */
  close(): Promise<void>;
}

export interface TenantPoolOptions {
  directory: Pick<Directory, 'get'>;
  build: BuildTenantRuntime;
  clock: Clock;
  log: Log;
  /** Running tenants kept; the least recently used go first. Requests that hold one finish on it. */
  max: number;
  /** The longest time that a change made elsewhere goes unnoticed while the directory answers. */
  revalidateSeconds: number;
  /** How long a request waits for the directory to say that a running tenant is as it was; then it goes on with that. Default 1,000. */
  patienceMs?: number;
  /** How long "no such tenant" is remembered. */
  negativeSeconds: number;
  /** Told of every look-up: `held` found a running tenant, `loaded` brought one to life. */
  onLookedUp?: (outcome: LookUpOutcome) => void;
}

export type LookUpOutcome = 'held' | 'loaded' | 'absent' | 'failed';

/** What the pool holds of a tenant; replaced as a whole, never changed. */
interface Entry {
  readonly runtime: TenantRuntime;
  /** When the directory last said that this entry is right. */
  readonly confirmedAtMs: number;
  /** When the directory was last asked, with whatever success. */
  readonly checkedAtMs: number;
}

/** How long an entry serves while the directory cannot be reached: an outage is survived, a suspension cannot be outlived for ever. */
export const maxUnconfirmedSeconds = 2 * 60 * 60;

function isUnconfirmed({ confirmedAtMs }: Entry, nowMs: number): boolean {
  return nowMs - confirmedAtMs >= maxUnconfirmedSeconds * 1000;
}

/** In the place of a time: something has changed since. */
const invalidated = Number.NEGATIVE_INFINITY;

function isInvalidated({ checkedAtMs }: Entry): boolean {
  return checkedAtMs === invalidated;
}

/** Bounds what a flood of made-up slugs can occupy; separate from running tenants, so that it cannot push one out. */
const maxAbsent = 10_000;

export function createTenantPool(options: TenantPoolOptions): TenantPool {
  const { directory, build, clock, log, max, patienceMs = 1_000, onLookedUp = () => {} } = options;
  const revalidateMs = options.revalidateSeconds * 1000;
  const negativeMs = options.negativeSeconds * 1000;
  const entries = new LRUCache<Slug, Entry>({ max });
  const absentUntilMs = new LRUCache<Slug, number>({ max: maxAbsent });
  /** Single flight: one check per slug at a time. A check that is no longer in here must not store what it found. */
  const checks = new Map<Slug, Promise<Entry | undefined>>();
  const leases = createLeaseCount();

  function check(slug: Slug): Promise<Entry | undefined> {
    const running = checks.get(slug);
    if (running) {
      return running;
    }
    const isCurrent = () => checks.get(slug) === started;
    const started = load(slug, isCurrent).finally(() => {
      if (isCurrent()) {
        checks.delete(slug);
      }
    });
    checks.set(slug, started);
    return started;
  }

  async function load(slug: Slug, isCurrent: () => boolean): Promise<Entry | undefined> {
    const held = entries.peek(slug);
    const entry = await read(slug, held).catch((error) => {
      const now = clock.now();
      if (error instanceof MustNotGoOn) {
        entries.delete(slug);
        throw error.cause;
      }
      if (!held || isUnconfirmed(held, now)) {
        throw error;
      }
      log.warn({ error, slug }, 'tenant could not be checked; it goes on as it was');
      return { ...held, checkedAtMs: now };
    });
    if (isCurrent()) {
      store(slug, entry);
    }
    return entry;
  }

  async function read(slug: Slug, held: Entry | undefined): Promise<Entry | undefined> {
    // Taken before the read: what changes while it is under way is found by the next one in time.
    const now = clock.now();
    const record = await directory.get(slug);
    if (record?.status !== 'active') {
      return undefined;
    }
    const runtime =
      held && isSameVersion(held.runtime.record, record) ? held.runtime : await rebuild(record, held);
    return { runtime, confirmedAtMs: now, checkedAtMs: now };
  }

  /** Whatever keeps the new runtime from being built, the old one ends when one of its keys was revoked. */
  async function rebuild(record: TenantRecord, held: Entry | undefined): Promise<TenantRuntime> {
    try {
      return await build(record);
    } catch (error) {
      throw held && revokesMore(held.runtime.record, record) ? new MustNotGoOn(error) : error;
    }
  }

  function store(slug: Slug, entry: Entry | undefined): void {
    if (entry) {
      entries.set(slug, entry);
      absentUntilMs.delete(slug);
    } else {
      entries.delete(slug);
      absentUntilMs.set(slug, clock.now() + negativeMs);
    }
  }

  /**
   * Busy tenants never wait: in the second half of the period the check runs beside the request. A tenant that nobody asked for meanwhile
   * is checked before it serves, so the bound holds for it, too, unless the directory takes too long to answer. What is known to have changed
   * is waited for, however long that takes.
   */
  async function find(slug: Slug): Promise<Entry | undefined> {
    const now = clock.now();
    const entry = entries.get(slug);
    if (!entry) {
      return now < (absentUntilMs.get(slug) ?? 0) ? undefined : check(slug);
    }
    const ageMs = now - entry.checkedAtMs;
    if (ageMs >= revalidateMs) {
      const running = check(slug);
      return isInvalidated(entry) ? running : patiently(slug, running, entry);
    }
    if (ageMs >= revalidateMs / 2) {
      check(slug).catch((error) => log.warn({ error, slug }, 'tenant could not be checked'));
    }
    return entry;
  }

  /** A directory that hangs holds up no request of a running tenant; the check goes on beside it, and what it finds counts. */
  async function patiently(
    slug: Slug,
    running: Promise<Entry | undefined>,
    held: Entry,
  ): Promise<Entry | undefined> {
    const answered = new AbortController();
    const outOfPatience = delay(patienceMs, 'too slow' as const, { signal: answered.signal });
    outOfPatience.catch(() => {});
    try {
      const outcome = await Promise.race([running, outOfPatience]);
      if (outcome !== 'too slow') return outcome;
    } finally {
      answered.abort();
    }
    const now = clock.now();
    if (isUnconfirmed(held, now)) return running;
    running.catch((error) => log.warn({ error, slug }, 'tenant could not be checked'));
    log.warn({ slug }, 'the directory is slow; a tenant goes on as it was');
    if (entries.peek(slug) === held) entries.set(slug, { ...held, checkedAtMs: now });
    return held;
  }

  return {
    async lease(slug) {
      if (leases.closed) {
        throw new AppError('temporarily_unavailable', 'The server is stopping.');
      }
      const release = leases.take();
      const held = entries.has(slug);
      try {
        const entry = await find(slug);
        onLookedUp(entry ? (held ? 'held' : 'loaded') : 'absent');
        if (entry) {
          return { runtime: entry.runtime, release };
        }
      } catch (error) {
        onLookedUp('failed');
        release();
        throw error;
      }
      release();
      return undefined;
    },
    invalidate(slug) {
      checks.delete(slug);
      absentUntilMs.delete(slug);
      const entry = entries.peek(slug);
      if (entry) {
        entries.set(slug, { ...entry, checkedAtMs: invalidated });
      }
    },
    size: () => entries.size,
    close: () => leases.close(),
  };
}

/** Why a tenant cannot be brought to life, when it must not go on as it was. */
class MustNotGoOn extends Error {
  constructor(cause: unknown) {
    super('the tenant must not go on as it was', { cause });
  }
}

function isSameVersion(a: TenantRecord, b: TenantRecord): boolean {
  return a.id === b.id && a.configVersion === b.configVersion;
}

/** Counts what is lent, so that closing can wait for the last one to come back. */
function createLeaseCount() {
  const drained = Promise.withResolvers<void>();
  let open = 0;
  let closed = false;

  function settle(): void {
    if (closed && open === 0) {
      drained.resolve();
    }
  }

  return {
    get closed() {
      return closed;
    },
    take(): () => void {
      let held = true;
      open += 1;
      return () => {
        if (held) {
          held = false;
          open -= 1;
          settle();
        }
      };
    },
    close(): Promise<void> {
      closed = true;
      settle();
      return drained.promise;
    },
  };
}
