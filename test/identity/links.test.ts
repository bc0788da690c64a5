import { beforeAll, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createLinks, type LinkPurpose } from '../../src/identity/links.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let table: Table;

beforeAll(async () => {
  ({ table } = await createTenantTable());
});

function linksAt(clock = testClock(), of: Table = table) {
  return createLinks({ table: of, clock, random: systemRandom });
}

const invitation = { purpose: 'invitation', subject: 'acc_1', ttlSeconds: 60 } as const;

it('gives its data once', async () => {
  const links = linksAt();
  const token = await links.issue({ ...invitation, data: { firstClientId: 'web' } });
  const link = { subject: 'acc_1', data: { firstClientId: 'web' } };
  expect(await links.peek(token, 'invitation')).toEqual(link);
  expect(await links.consume(token, 'invitation')).toEqual(link);
  expect(await links.consume(token, 'invitation')).toBeUndefined();
  expect(await links.peek(token, 'invitation')).toBeUndefined();
});

it('is won by one of many who use it at once', async () => {
  const links = linksAt();
  const token = await links.issue(invitation);
  const results = await Promise.all(Array.from({ length: 10 }, () => links.consume(token, 'invitation')));
  expect(results.filter((link) => link !== undefined)).toHaveLength(1);
});

it('ends at its time, to the second', async () => {
  const clock = testClock();
  const links = linksAt(clock);
  const token = await links.issue(invitation);
  clock.advance(59_999);
  expect(await links.peek(token, 'invitation')).toBeDefined();
  clock.advance(1);
  expect(await links.peek(token, 'invitation')).toBeUndefined();
  expect(await links.consume(token, 'invitation')).toBeUndefined();
});

it('is nothing for another purpose, in another tenant, or misspelt', async () => {
  const links = linksAt();
  const token = await links.issue(invitation);
  const { table: otherTable } = await createTenantTable();
  expect(await links.consume(token, 'password-reset' as LinkPurpose)).toBeUndefined();
  expect(await linksAt(testClock(), otherTable).consume(token, 'invitation')).toBeUndefined();
  expect(await links.consume(`${token}A`, 'invitation')).toBeUndefined();
  expect(await links.consume('', 'invitation')).toBeUndefined();
  expect(await links.consume(token, 'invitation')).toBeDefined();
});

it('is stored as a hash only', async () => {
  const { table: fresh } = await createTenantTable();
  const puts: string[] = [];
  const watched: Table = {
    ...fresh,
    put(item, condition) {
      puts.push(JSON.stringify(item));
      return fresh.put(item, condition);
    },
  };
  const token = await linksAt(testClock(), watched).issue(invitation);
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(puts).toHaveLength(1);
  expect(puts[0]).not.toContain(token);
});
