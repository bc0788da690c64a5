import { beforeAll, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createAttemptCounters } from '../../src/identity/attempt-counters.ts';
import { pressureLane } from '../../src/identity/attempt-lanes.ts';
import { type Attempt, createAttemptLimits } from '../../src/identity/attempt-limits.ts';
import { createProcessLimits } from '../../src/identity/process-limits.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { type TestClock, testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let table: Table;
let clock: TestClock;
let subjects = 0;

beforeAll(async () => {
  ({ table } = await createTenantTable());
  clock = testClock(Date.UTC(2026, 0, 1, 12));
});

/** One process of several; the table is what they share. */
function limitsOfProcess({ freeFailures = 3, attemptsPerMinute = 1_000, calls = [] as string[] } = {}) {
  const watched: Table = {
    ...table,
    update: (...args) => {
      calls.push('update');
      return table.update(...args);
    },
    delete: (...args) => {
      calls.push('delete');
      return table.delete(...args);
    },
  };
  return createAttemptLimits({
    tenantId: 'ten_1' as TenantId,
    table: watched,
    clock,
    processLimits: createProcessLimits({ attemptsPerMinute }),
    freeFailures,
  });
}

/** A subject that no other test uses, tried at from a network of its own. */
function freshAttempt(more: Partial<Attempt> = {}): Attempt {
  subjects += 1;
  return {
    purpose: 'password',
    realm: 'default',
    subject: `person-${subjects}@example.com`,
    clientIp: `192.0.2.${subjects}`,
    ...more,
  };
}

async function fail(attempt: Attempt, limits = limitsOfProcess()): Promise<{ lockedOut: boolean }> {
  return (await limits.begin(attempt)).failed();
}

async function waitOf(attempt: Attempt, limits = limitsOfProcess()): Promise<number> {
  try {
    await limits.begin(attempt);
    return 0;
  } catch (error) {
    expect(error).toMatchObject({ code: 'rate_limited' });
    return Number((error as { headers: Record<string, string> }).headers['Retry-After']);
  }
}

it('lets free failures pass in all processes together, then asks for twice the wait with each', async () => {
  const attempt = freshAttempt();
  expect(await fail(attempt)).toEqual({ lockedOut: false });
  expect(await fail(attempt)).toEqual({ lockedOut: false });
  expect(await fail(attempt)).toEqual({ lockedOut: true });
  for (const seconds of [5, 10, 20, 40]) {
    expect(await waitOf(attempt)).toBe(seconds);
    clock.advance((seconds - 1) * 1_000);
    expect(await waitOf(attempt)).toBe(1);
    clock.advance(1_000);
    expect(await fail(attempt)).toEqual({ lockedOut: false });
  }
});

it('never asks for more than a quarter of an hour', async () => {
  const attempt = freshAttempt();
  for (let count = 0; count < 14; count += 1) {
    await fail(attempt);
    clock.advance(900_000);
  }
  await fail(attempt);
  expect(await waitOf(attempt)).toBe(900);
});

it('lets one of many parallel attempts through when a wait is over', async () => {
  const attempt = freshAttempt();
  for (let count = 0; count < 3; count += 1) await fail(attempt);
  clock.advance(5_000);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, () => limitsOfProcess().begin(attempt)),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  // Counted before it was made: whoever gives no verdict has failed.
  expect(await waitOf(attempt)).toBe(10);
});

it('writes nothing for a success that has nothing to forgive, and forgives once', async () => {
  const calls: string[] = [];
  const limits = limitsOfProcess({ calls });
  const attempt = freshAttempt();
  await (await limits.begin(attempt)).succeeded();
  expect(calls).toEqual([]);
  await fail(attempt);
  await fail(attempt);
  await (await limits.begin(attempt)).succeeded();
  expect(calls).toEqual(['delete']);
  await fail(attempt);
  await fail(attempt);
  expect(await waitOf(attempt)).toBe(0);
});

it('slows an account down that many networks guess at, and forgives that to nobody', async () => {
  const { subject } = freshAttempt();
  for (let count = 0; count < 15; count += 1) {
    await fail(freshAttempt({ subject }));
  }
  expect(await waitOf(freshAttempt({ subject }))).toBe(5);
  clock.advance(5_000);
  await (await limitsOfProcess().begin(freshAttempt({ subject }))).succeeded();
  expect(await waitOf(freshAttempt({ subject }))).toBeGreaterThan(0);
});

it('does not let strangers slow down a browser that the account knows, nor that browser guess freely', async () => {
  const { subject } = freshAttempt();
  for (let count = 0; count < 15; count += 1) {
    await fail(freshAttempt({ subject }));
  }
  const owner = freshAttempt({ subject, deviceId: 'device-1' });
  expect(await waitOf(owner)).toBe(0);
  for (let count = 0; count < 3; count += 1) await fail(owner);
  expect(await waitOf(owner)).toBe(5);
  expect(await waitOf({ ...owner, deviceId: 'device-2' })).toBe(0);
});

it('slows down a network that tries many accounts, an IPv6 network as one', async () => {
  const address = (host: number) => `2001:db8:0:1::${host}`;
  for (let count = 0; count < 30; count += 1) {
    await fail(freshAttempt({ clientIp: address(count + 1) }));
  }
  expect(await waitOf(freshAttempt({ clientIp: address(99) }))).toBe(5);
  expect(await waitOf(freshAttempt({ clientIp: '2001:db8:0:2::1' }))).toBe(0);
});

it('keeps purposes and application tenants apart', async () => {
  const attempt = freshAttempt();
  for (let count = 0; count < 3; count += 1) await fail(attempt);
  expect(await waitOf(attempt)).toBe(5);
  expect(await waitOf({ ...attempt, purpose: 'totp' })).toBe(0);
  expect(await waitOf({ ...attempt, realm: 'apt_2' })).toBe(0);
  expect(await waitOf({ ...attempt, subject: attempt.subject.toUpperCase() })).toBe(5);
});

it('forgets after a day', async () => {
  const attempt = freshAttempt();
  for (let count = 0; count < 8; count += 1) {
    await fail(attempt);
    clock.advance(900_000);
  }
  clock.advance(86_400_000);
  for (let count = 0; count < 3; count += 1) await fail(attempt);
  expect(await waitOf(attempt)).toBe(5);
});

it('gives strangers less for free while the whole tenant is under attack', async () => {
  const own = await createTenantTable();
  const limits = () =>
    createAttemptLimits({
      tenantId: 'ten_1' as TenantId,
      table: own.table,
      clock,
      processLimits: createProcessLimits({ attemptsPerMinute: 1_000 }),
      freeFailures: 3,
    });
  await createAttemptCounters({ table: own.table, clock }).add(pressureLane(3), 299);
  await fail(freshAttempt(), limits());
  const stranger = freshAttempt();
  await fail(stranger, limits());
  expect(await waitOf(stranger, limits())).toBe(5);
  const owner = freshAttempt({ deviceId: 'device-1' });
  await fail(owner, limits());
  expect(await waitOf(owner, limits())).toBe(0);
});

it('counts uses that have no right or wrong', async () => {
  const limits = limitsOfProcess();
  const attempt = freshAttempt({ purpose: 'recovery-mail' });
  for (let count = 0; count < 3; count += 1) await limits.count(attempt);
  await expect(limits.count(attempt)).rejects.toMatchObject({ code: 'rate_limited' });
});

it('stops a burst in the process before it reaches the table', async () => {
  const calls: string[] = [];
  const limits = limitsOfProcess({ attemptsPerMinute: 2, calls });
  const attempt = freshAttempt();
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => fail(attempt, limits)));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  expect(calls).toHaveLength(8);
});
