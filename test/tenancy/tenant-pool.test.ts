import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import type { Directory } from '../../src/tenancy/directory.ts';
import { createTenantPool, type TenantPool, type TenantPoolOptions } from '../../src/tenancy/tenant-pool.ts';
import type { TenantRuntime } from '../../src/tenancy/tenant-runtime.ts';
import { testClock } from '../support/clock.ts';
import { silentLog } from '../support/services.ts';
import { olga, signingKey } from './key-fixture.ts';
import { tenantRecord } from './tenant-record.ts';
import { createTestDirectory } from './test-directory.ts';

const clock = testClock();
const acme = 'acme' as Slug;
const minuteMs = 60_000;

let directory: Directory;
/** The network between the pool and the directory. */
let link: { up: boolean; reads: number; gate: Promise<void> };
let built: TenantRecord[];
let build: (record: TenantRecord) => Promise<TenantRuntime>;
let tenantNumber = 0;

beforeAll(async () => {
  directory = await createTestDirectory(clock);
});

beforeEach(() => {
  link = { up: true, reads: 0, gate: Promise.resolve() };
  built = [];
  build = async (record) => {
    built.push(record);
    return { record, handle: async () => {} };
  };
});

function createPool(options: Partial<TenantPoolOptions> = {}): TenantPool {
  return createTenantPool({
    directory: {
      async get(slug) {
        link.reads += 1;
        const { gate } = link;
        if (!link.up) {
          throw new AppError('temporarily_unavailable', 'The store cannot be reached.');
        }
        const record = await directory.get(slug);
        await gate;
        return record;
      },
    },
    build: (record) => build(record),
    clock,
    log: silentLog,
    max: 10,
    revalidateSeconds: 10,
    negativeSeconds: 5,
    ...options,
  });
}

/** A tenant that no other test knows. */
async function addTenant(changes: Partial<TenantRecord> = {}): Promise<TenantRecord> {
  tenantNumber += 1;
  return directory.reserve(tenantRecord(`tenant-${tenantNumber}`, changes));
}

/** Leases and gives back at once, as a request that takes no time. */
async function use(pool: TenantPool, slug: Slug): Promise<TenantRuntime | undefined> {
  const lease = await pool.lease(slug);
  lease?.release();
  return lease?.runtime;
}

function holdReads(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  link.gate = promise;
  return resolve;
}

describe('loading', () => {
  test('many requests at once build a tenant once', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    const runtimes = await Promise.all(Array.from({ length: 20 }, () => use(pool, slug)));
    expect(new Set(runtimes).size).toBe(1);
    expect(runtimes[0]?.record.slug).toBe(slug);
    expect(built).toHaveLength(1);
    expect(link.reads).toBe(1);
  });

  test('a failed build is not kept', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    const working = build;
    build = async () => {
      throw new AppError('temporarily_unavailable', 'The key store cannot be reached.');
    };
    await expect(pool.lease(slug)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    build = working;
    expect(await use(pool, slug)).toBeDefined();
  });

  test('the least recently used tenant goes first, and the request that holds it keeps it', async () => {
    const pool = createPool({ max: 2 });
    const [first, second, third] = [await addTenant(), await addTenant(), await addTenant()];
    const lease = await pool.lease(first.slug);
    await use(pool, second.slug);
    await use(pool, third.slug);
    await use(pool, second.slug);
    expect(built).toHaveLength(3);
    const again = await use(pool, first.slug);
    expect(built).toHaveLength(4);
    expect(again).not.toBe(lease?.runtime);
    expect(lease?.runtime.record).toEqual(first);
  });
});

describe('tenants that are not there (E3)', () => {
  test.each(['provisioning', 'suspended', 'blocked', 'deleting', 'failed', 'deleted'] as const)(
    'a tenant that is %s is absent',
    async (status) => {
      const { slug } = await addTenant({ status });
      expect(await createPool().lease(slug)).toBeUndefined();
      expect(built).toHaveLength(0);
    },
  );

  test('absence is remembered for its time and no longer', async () => {
    const pool = createPool();
    const slug = 'not-yet' as Slug;
    await use(pool, slug);
    await directory.reserve(tenantRecord(slug));
    clock.advance(4_999);
    expect(await use(pool, slug)).toBeUndefined();
    expect(link.reads).toBe(1);
    clock.advance(1);
    expect(await use(pool, slug)).toBeDefined();
  });

  test('a flood of made-up slugs pushes no tenant out', async () => {
    const { slug } = await addTenant();
    const pool = createPool({ max: 2 });
    await use(pool, slug);
    await Promise.all(Array.from({ length: 50 }, (_, index) => use(pool, `made-up-${index}` as Slug)));
    await use(pool, slug);
    expect(built).toHaveLength(1);
  });
});

describe('revalidation', () => {
  test('an unchanged tenant is kept', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    const before = await use(pool, slug);
    clock.advance(10_000);
    expect(await use(pool, slug)).toBe(before);
    expect(link.reads).toBe(2);
    expect(built).toHaveLength(1);
  });

  test('a fresh entry costs no read', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    clock.advance(4_999);
    await use(pool, slug);
    expect(link.reads).toBe(1);
  });

  test('in the second half of the period the check runs beside the request', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    const before = await use(pool, slug);
    await directory.update(slug, id, (record) => ({ ...record, name: 'Renamed' }));
    clock.advance(5_000);
    const letReadsPass = holdReads();
    expect(await use(pool, slug)).toBe(before);
    expect(await use(pool, slug)).toBe(before);
    letReadsPass();
    await expect.poll(async () => (await use(pool, slug))?.record.name).toBe('Renamed');
    expect(link.reads).toBe(2);
  });

  test('a change made elsewhere is seen within the bound, also by a tenant nobody asked for meanwhile', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    await directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
    clock.advance(10_000);
    expect(await pool.lease(slug)).toBeUndefined();
  });

  test('a request in flight finishes on the runtime it began with', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    const lease = await pool.lease(slug);
    await directory.update(slug, id, (record) => ({ ...record, name: 'Renamed' }));
    clock.advance(10_000);
    expect((await use(pool, slug))?.record.configVersion).toBe(2);
    expect(lease?.runtime.record.configVersion).toBe(1);
  });
});

describe('invalidation', () => {
  test('the next lease sees the change at once', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    await directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
    pool.invalidate(slug);
    expect(await pool.lease(slug)).toBeUndefined();
  });

  test('absence is forgotten', async () => {
    const pool = createPool();
    const slug = 'just-made' as Slug;
    await use(pool, slug);
    await directory.reserve(tenantRecord(slug));
    pool.invalidate(slug);
    expect(await use(pool, slug)).toBeDefined();
  });

  test('a read that began before it does not bring the old state back', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    clock.advance(10_000);
    const letReadsPass = holdReads();
    const early = use(pool, slug);
    await expect.poll(() => link.reads).toBe(2);
    await directory.update(slug, id, (record) => ({ ...record, status: 'blocked' }));
    pool.invalidate(slug);
    link.gate = Promise.resolve();
    expect(await pool.lease(slug)).toBeUndefined();
    letReadsPass();
    await early;
    expect(await pool.lease(slug)).toBeUndefined();
  });
});

describe('while the directory cannot be reached', () => {
  test('running tenants go on for more than an hour and are not asked for at every request', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    const before = await use(pool, slug);
    link.up = false;
    clock.advance(60 * minuteMs);
    expect(await use(pool, slug)).toBe(before);
    expect(await use(pool, slug)).toBe(before);
    expect(link.reads).toBe(2);
  });

  test('a change is picked up once it is back', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    link.up = false;
    clock.advance(30 * minuteMs);
    await use(pool, slug);
    link.up = true;
    await directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
    clock.advance(10_000);
    expect(await pool.lease(slug)).toBeUndefined();
  });

  test('no request of a running tenant waits for one that hangs, and what it says in the end counts', async () => {
    const { slug, id } = await addTenant();
    const pool = createPool({ patienceMs: 10 });
    const before = await use(pool, slug);
    clock.advance(10_000);
    const letReadsPass = holdReads();
    expect(await use(pool, slug)).toBe(before);
    // Whoever comes now does not even wait a moment, and asks nobody else.
    expect(await use(pool, slug)).toBe(before);
    clock.advance(10_000);
    expect(await use(pool, slug)).toBe(before);
    expect(link.reads).toBe(2);

    letReadsPass();
    await directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
    clock.advance(10_000);
    await expect.poll(() => use(pool, slug)).toBeUndefined();
  });

  test.each(['invalidated', 'unconfirmed'] as const)(
    'one that hangs is waited for by a tenant that is %s',
    async (state) => {
      const [{ slug, id }, other] = [await addTenant(), await addTenant()];
      const pool = createPool({ patienceMs: 10 });
      await use(pool, slug);
      await directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
      clock.advance(119 * minuteMs);
      await use(pool, other.slug);
      if (state === 'invalidated') pool.invalidate(slug);
      else clock.advance(minuteMs);
      clock.advance(10_000);
      const letReadsPass = holdReads();
      let answered = false;
      const waiting = use(pool, slug).finally(() => {
        answered = true;
      });
      // Another request runs out of patience meanwhile.
      expect(await use(pool, other.slug)).toBeDefined();
      expect(answered).toBe(false);
      letReadsPass();
      expect(await waiting).toBeUndefined();
    },
  );

  test('no tenant serves for ever without being confirmed', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    await use(pool, slug);
    link.up = false;
    clock.advance(120 * minuteMs);
    await expect(pool.lease(slug)).rejects.toMatchObject({ status: 503 });
  });

  test('a tenant that is not running cannot be told from one that does not exist', async () => {
    const { slug } = await addTenant();
    link.up = false;
    const pool = createPool();
    const outcomes = await Promise.all(
      [slug, acme].map((each) => pool.lease(each).catch((error: unknown) => error)),
    );
    expect(outcomes[0]).toBeInstanceOf(AppError);
    expect(outcomes[0]).toEqual(outcomes[1]);
  });
});

describe('closing', () => {
  test('waits for every lease and lends no more', async () => {
    const { slug } = await addTenant();
    const pool = createPool();
    const [first, second] = [await pool.lease(slug), await pool.lease(slug)];
    let isClosed = false;
    const closed = pool.close().then(() => {
      isClosed = true;
    });
    await expect(pool.lease(slug)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    first?.release();
    first?.release();
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    second?.release();
    await closed;
  });

  test('is immediate when nothing is lent', async () => {
    const pool = createPool();
    await pool.lease('nobody' as Slug);
    await pool.close();
  });
});

describe('a revoked key', () => {
  const key = (changes: object = {}) => signingKey('key-1', 'active', changes);
  const revocation = { at: '2026-01-01T00:00:00.000Z', by: olga, reason: 'leaked' };

  async function heldTenant() {
    tenantNumber += 1;
    const slug = `revoked-${tenantNumber}` as Slug;
    const record = await directory.reserve(tenantRecord(slug, { signingKeys: [key()] }));
    const pool = createPool();
    (await pool.lease(slug))?.release();
    build = async () => {
      throw new AppError('temporarily_unavailable', 'The tenant cannot be built.');
    };
    return { slug, record, pool };
  }

  test('ends the runtime that publishes it, whatever keeps the next one from being built', async () => {
    const { slug, record, pool } = await heldTenant();
    await directory.update(slug, record.id, (current) => ({
      ...current,
      signingKeys: [key({ state: 'retired', revocation })],
    }));
    clock.advance(10_000);
    for (const _ of [1, 2]) {
      await expect(pool.lease(slug)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    }
    // Nothing is remembered of it: the next request finds the tenant as soon as it can be built.
    build = async (latest) => ({ record: latest, handle: async () => {} });
    const lease = await pool.lease(slug);
    expect(lease?.runtime.record.signingKeys[0]?.revocation).toEqual(revocation);
    lease?.release();
  });

  test('is the only change that does: any other waits until it can be built', async () => {
    const { slug, record, pool } = await heldTenant();
    await directory.update(slug, record.id, (current) => ({
      ...current,
      signingKeys: [key({ state: 'retiring' })],
    }));
    clock.advance(10_000);
    const lease = await pool.lease(slug);
    expect(lease?.runtime.record.signingKeys[0]?.state).toBe('active');
    lease?.release();
  });
});
