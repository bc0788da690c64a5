import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { createCountGate } from '../../src/tenancy/count-quota.ts';
import { createQuotaStore, type Quotas } from '../../src/tenancy/quotas.ts';
import { createRateGates, type RateGates } from '../../src/tenancy/rate-gate.ts';
import { createUsageMeter } from '../../src/tenancy/usage-meter.ts';
import { createUsageStore } from '../../src/tenancy/usage-store.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { tenantRecord } from './tenant-record.ts';

const tables = createTestTables();
const prefix = testTablePrefix();
const names: string[] = [];

async function newTable(): Promise<Table> {
  const name = `${prefix}-usage-${names.length}`;
  names.push(name);
  await tables.create(name);
  return tables.open(name);
}

let table: Table;
beforeAll(async () => {
  table = await newTable();
});
afterAll(() => Promise.all(names.map((name) => tables.delete(name))));

const record = tenantRecord('acme');
const near: string[] = [];

function meterAt(clock = testClock()) {
  const meter = createUsageMeter({
    clock,
    log: silentLog,
    flushSeconds: 60,
    onNear: async (_record, _table, { quota }) => {
      near.push(quota);
    },
  });
  return { meter, clock };
}

describe('usage', () => {
  it('adds up over processes, by day and by month, and counts each account once', async () => {
    const { meter: one, clock } = meterAt();
    const { meter: two } = meterAt(clock);
    for (const meter of [one, two]) {
      const ofTenant = meter.of(record, table);
      for (let count = 0; count < 3; count += 1) ofTenant.count('requests');
      ofTenant.count('signIns');
      ofTenant.count('tokens');
      ofTenant.active('acc_ann');
      ofTenant.active('acc_ann');
    }
    two.of(record, table).active('acc_bob');
    await Promise.all([one.flush(), two.flush()]);
    clock.advance(24 * 3_600_000);
    one.of(record, table).active('acc_ann');
    one.of(record, table).count('tokens');
    await one.flush();
    await one.flush();

    const store = createUsageStore({ table, clock });
    const first = { requests: 6, signIns: 2, tokens: 2, activeUsers: 2 };
    const second = { requests: 0, signIns: 0, tokens: 1, activeUsers: 1 };
    expect(await store.read('day', '2026-01-01', '2026-01-31')).toEqual([
      { period: '2026-01-01', ...first },
      { period: '2026-01-02', ...second },
    ]);
    expect(await store.read('day', '2026-01-02', '2026-01-02')).toEqual([
      { period: '2026-01-02', ...second },
    ]);
    expect(await store.read('month', '2026-01', '2026-01')).toEqual([
      { period: '2026-01', requests: 6, signIns: 2, tokens: 3, activeUsers: 2 },
    ]);
  });

  it('calls the store only with a flush, and not at all when nothing happened', async () => {
    let calls = 0;
    const counting = new Proxy(table, {
      get(target, name: keyof Table) {
        if (name !== 'name') calls += 1;
        return target[name];
      },
    });
    const { meter } = meterAt();
    const ofTenant = meter.of(record, counting);
    for (let count = 0; count < 1000; count += 1) ofTenant.count('requests');
    ofTenant.active('acc_carl');
    expect(calls).toBe(0);
    await meter.flush();
    const afterFirst = calls;
    expect(afterFirst).toBeGreaterThan(0);
    await meter.flush();
    ofTenant.active('acc_carl');
    await meter.flush();
    expect(calls).toBe(afterFirst);
  });

  it('keeps what cannot be written while the store rests', async () => {
    const own = await newTable();
    let rests = true;
    const resting: Table = {
      ...own,
      name: own.name,
      get: own.get,
      query: own.query,
      delete: own.delete,
      batchWrite: own.batchWrite,
      put: async (...parts) => (rests ? fail() : own.put(...parts)),
      update: async (...parts) => (rests ? fail() : own.update(...parts)),
    };
    const fail = () => Promise.reject(new AppError('temporarily_unavailable', 'later'));
    const { meter, clock } = meterAt();
    meter.of(record, resting).count('requests');
    meter.of(record, resting).active('acc_ann');
    await meter.flush();
    rests = false;
    await meter.flush();
    expect(await createUsageStore({ table: own, clock }).read('day', '2026-01-01', '2026-01-01')).toEqual([
      { period: '2026-01-01', requests: 1, signIns: 0, tokens: 0, activeUsers: 1 },
    ]);
  });

  it('tells once per flush that a rate is near', async () => {
    const { meter } = meterAt();
    meter.of(record, table).near('requestsPerSecond');
    meter.of(record, table).near('requestsPerSecond');
    await meter.flush();
    await meter.flush();
    expect(near).toEqual(['requestsPerSecond']);
  });
});

const takeAt =
  (gates: RateGates, perSecond: number | undefined, onNear: () => void = () => {}) =>
  () =>
    gates.take(record.id, 'requests', { perSecond, onNear });

describe('a rate', () => {
  it('lets so many through, warns before, refuses after, and recovers with time', () => {
    const clock = testClock();
    let warned = 0;
    const take = takeAt(createRateGates({ clock }), 10, () => (warned += 1));
    for (let count = 0; count < 8; count += 1) take();
    expect(warned).toBe(0);
    take();
    take();
    expect(warned).toBe(2);
    expect(take).toThrow(expect.objectContaining({ code: 'rate_limited', headers: { 'Retry-After': '1' } }));
    clock.advance(100);
    take();
    expect(take).toThrow();
    clock.advance(60_000);
    for (let count = 0; count < 10; count += 1) take();
    expect(take).toThrow();
  });

  it('without a limit lets everything through', () => {
    const take = takeAt(createRateGates({ clock: testClock() }), undefined);
    for (let count = 0; count < 1000; count += 1) take();
  });

  it('is kept by tenant and lane: neither another tenant nor another rate gives anything anew', () => {
    const gates = createRateGates({ clock: testClock() });
    const take = takeAt(gates, 2);
    take();
    take();
    expect(take).toThrow();
    expect(takeAt(gates, 2)).toThrow();
    expect(takeAt(gates, 50)).toThrow();
    gates.take('ten_other' as TenantId, 'requests', { perSecond: 2, onNear: () => {} });
    gates.take(record.id, 'tokens', { perSecond: 2, onNear: () => {} });
    expect(take).toThrow();
  });
});

const limit = (own: Table, quotas: Quotas) =>
  createQuotaStore({ table: own, clock: testClock() }).change(() => quotas);

describe('a count', () => {
  it('is kept however many come at once', async () => {
    const own = await newTable();
    await limit(own, { clients: 5 });
    let made = 2;
    const gate = createCountGate({
      table: own,
      clock: testClock(),
      quota: 'clients',
      count: async () => made,
    });
    await gate.take();
    made += 1;
    const takes = await Promise.allSettled([1, 2, 3, 4, 5].map(() => gate.take()));
    const taken = takes.filter(({ status }) => status === 'fulfilled').length;
    expect(taken).toBe(2);
    made += taken;
    await expect(gate.take()).rejects.toMatchObject({ code: 'quota_exceeded' });
    made -= 1;
    await gate.release();
    expect(await gate.take()).toEqual({ taken: 5, limit: 5 });
  });

  it('that a crash left too high is set right before it refuses', async () => {
    const own = await newTable();
    const clock = testClock();
    await limit(own, { users: 3 });
    const gate = createCountGate({ table: own, clock, quota: 'users', count: async () => 1 });
    // Places that were taken and never used.
    for (let count = 0; count < 2; count += 1) await gate.take();
    await expect(gate.take()).rejects.toMatchObject({ code: 'quota_exceeded' });
    clock.advance(3_600_000);
    expect(await gate.take()).toEqual({ taken: 2, limit: 3 });
  });

  it('tells when most places are taken', async () => {
    const own = await newTable();
    await limit(own, { clients: 10 });
    const told: unknown[] = [];
    const onNear = (...near: unknown[]) => told.push(near);
    const gate = createCountGate({
      table: own,
      clock: testClock(),
      quota: 'clients',
      count: async () => 6,
      onNear,
    });
    await gate.take();
    expect(told).toEqual([]);
    await gate.take();
    await gate.take();
    expect(told).toEqual([
      ['clients', 8],
      ['clients', 9],
    ]);
  });

  it('that a lost reply left too low is set right, while nothing comes or goes', async () => {
    const own = await newTable();
    const clock = testClock();
    await limit(own, { users: 3 });
    const gate = createCountGate({ table: own, clock, quota: 'users', count: async () => 3 });
    await gate.recount(0);
    expect((await own.query({ pk: 'Quota', skPrefix: 'count#' })).items).toEqual([]);
    await expect(gate.take()).rejects.toMatchObject({ code: 'quota_exceeded' });
    // Removed once, released twice.
    await gate.release();
    await gate.release();
    await gate.recount(0);
    expect(await gate.take()).toMatchObject({ taken: 2 });
    clock.advance(3_600_000);
    await gate.recount(86_400_000);
    expect(await gate.take()).toMatchObject({ taken: 3 });
    await gate.release();
    clock.advance(86_400_000);
    await gate.recount(86_400_000);
    await expect(gate.take()).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('is not set right by what was counted while somebody took a place', async () => {
    const own = await newTable();
    const clock = testClock();
    await limit(own, { users: 10 });
    let during = async () => {};
    const count = async () => {
      await during();
      return 1;
    };
    const gate = createCountGate({ table: own, clock, quota: 'users', count });
    expect(await gate.take()).toMatchObject({ taken: 2 });
    clock.advance(86_400_000);
    const other = createCountGate({ table: own, clock, quota: 'users', count });
    during = async () => {
      during = async () => {};
      await other.take();
    };
    await gate.recount(0);
    expect(await gate.take()).toMatchObject({ taken: 4 });
  });

  it('without a limit costs nothing', async () => {
    const own = await newTable();
    const gate = createCountGate({
      table: own,
      clock: testClock(),
      quota: 'users',
      count: () => Promise.reject(new Error('counted')),
    });
    await gate.take();
    await gate.release();
    expect((await own.query({ pk: 'Quota' })).items).toEqual([]);
  });
});

it('a warning is claimed once a day', async () => {
  const clock = testClock();
  const quotas = createQuotaStore({ table, clock });
  const claims = await Promise.all([1, 2, 3].map(() => quotas.claimWarning('clients')));
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect(await quotas.claimWarning('users')).toBe(true);
  clock.advance(24 * 3_600_000);
  expect(await quotas.claimWarning('clients')).toBe(true);
});
