import { beforeAll, describe, expect, test } from 'vitest';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { createDirectory, type Directory } from '../../src/tenancy/directory.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, testTablePrefix } from '../support/services.ts';
import { tenantRecord } from './tenant-record.ts';
import { createTestDirectory } from './test-directory.ts';

const clock = testClock();
let directory: Directory;

beforeAll(async () => {
  directory = await createTestDirectory(clock);
});

describe('reserve (D1)', () => {
  test('stores the record as it is', async () => {
    const record = tenantRecord('stored', { status: 'provisioning' });
    await directory.reserve(record);
    expect(await directory.get(record.slug)).toEqual(record);
  });

  test('is idempotent for the same tenant and keeps what is stored', async () => {
    const record = tenantRecord('twice');
    await directory.reserve(record);
    const again = await directory.reserve({ ...record, name: 'Other name' });
    expect(again).toEqual(record);
    expect(await directory.get(record.slug)).toEqual(record);
  });

  test('gives a slug to exactly one of many that ask at once', async () => {
    const contenders = Array.from({ length: 10 }, (_, index) =>
      tenantRecord('wanted', { id: `ten_${index}` as TenantId }),
    );
    const results = await Promise.allSettled(contenders.map((record) => directory.reserve(record)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ code: 'slug_unavailable', status: 409 });
      }
    }
  });
});

describe('get', () => {
  test('finds nothing for a slug that nobody holds', async () => {
    expect(await directory.get('nobody' as Slug)).toBeUndefined();
  });
});

describe('update', () => {
  test('changes the record, raises configVersion and keeps the identity', async () => {
    const record = tenantRecord('changing');
    await directory.reserve(record);
    clock.advance(60_000);
    const updated = await directory.update(record.slug, record.id, (current) => ({
      ...current,
      name: 'New name',
      id: 'ten_other' as TenantId,
      slug: 'other' as Slug,
      configVersion: 99,
    }));
    expect(updated).toEqual({
      ...record,
      name: 'New name',
      configVersion: 2,
      updatedAt: new Date(clock.now()).toISOString(),
    });
    expect(await directory.get(record.slug)).toEqual(updated);
    expect(await directory.get('other' as Slug)).toBeUndefined();
  });

  test('loses none of several changes made at once', async () => {
    const record = tenantRecord('busy', { name: '' });
    await directory.reserve(record);
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((letter) =>
        directory.update(record.slug, record.id, (current) => ({ ...current, name: current.name + letter })),
      ),
    );
    const stored = await directory.get(record.slug);
    expect([...(stored?.name ?? '')].sort().join('')).toBe('abcd');
    expect(stored?.configVersion).toBe(5);
  });

  test("refuses another tenant's record and an absent one alike", async () => {
    const record = tenantRecord('owned');
    await directory.reserve(record);
    const rename = () => ({ ...record, name: 'Stolen' });
    await expect(directory.update(record.slug, 'ten_thief' as TenantId, rename)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(directory.update('absent' as Slug, record.id, rename)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await directory.get(record.slug)).toEqual(record);
  });

  test('gives up when somebody else writes every time in between', async () => {
    const tables = createTestTables();
    const name = `${testTablePrefix()}-directory`;
    await tables.create(name);
    const table = tables.open(name);
    const rival = createDirectory({ table, clock });
    const record = tenantRecord('contested');
    await rival.reserve(record);
    let rounds = 0;
    const slow = createDirectory({
      clock,
      table: {
        ...table,
        async put(item, condition) {
          rounds += 1;
          await rival.touch(record.slug);
          return table.put(item, condition);
        },
      },
    });
    const renamed = slow.update(record.slug, record.id, (current) => ({ ...current, name: 'Late' }));
    await expect(renamed).rejects.toMatchObject({ code: 'conflict', status: 409 });
    expect(await rival.get(record.slug)).toMatchObject({ name: 'contested', configVersion: 1 + rounds });
  });
});

describe('touch', () => {
  test('raises configVersion alone', async () => {
    const record = tenantRecord('touched');
    await directory.reserve(record);
    await directory.touch(record.slug);
    expect(await directory.get(record.slug)).toMatchObject({ name: record.name, configVersion: 2 });
  });

  test('creates nothing for an absent slug', async () => {
    await directory.touch('untouched' as Slug);
    expect(await directory.get('untouched' as Slug)).toBeUndefined();
  });
});

describe('remove', () => {
  test('gives up only the own slug, any number of times', async () => {
    const record = tenantRecord('leaving');
    await directory.reserve(record);
    await directory.remove(record.slug, 'ten_thief' as TenantId);
    expect(await directory.get(record.slug)).toEqual(record);
    await directory.remove(record.slug, record.id);
    await directory.remove(record.slug, record.id);
    expect(await directory.get(record.slug)).toBeUndefined();
  });

  test('can be refused by whoever looks at the record, also at one that was written meanwhile', async () => {
    const tables = createTestTables();
    const name = `${testTablePrefix()}-directory`;
    await tables.create(name);
    const table = tables.open(name);
    const others = createDirectory({ table, clock });
    const record = tenantRecord('refusing');
    await others.reserve(record);
    const overtaken = createDirectory({
      clock,
      table: {
        ...table,
        async delete(key, condition) {
          await others.update(record.slug, record.id, (current) => ({ ...current, name: 'Changed' }));
          await table.delete(key, condition);
        },
      },
    });
    const removing = overtaken.remove(record.slug, record.id, (current) => {
      if (current.name === 'Changed') {
        throw new Error('not this one');
      }
    });
    await expect(removing).rejects.toThrow('not this one');
    expect(await others.get(record.slug)).toMatchObject({ name: 'Changed' });
  });
});

describe('list', () => {
  test('pages through all tenants by slug', async () => {
    const own = await createTestDirectory(clock);
    for (const slug of ['cherry', 'apple', 'banana']) {
      await own.reserve(tenantRecord(slug));
    }
    const first = await own.list({ limit: 2 });
    expect(first.tenants.map(({ slug }) => slug)).toEqual(['apple', 'banana']);
    const second = await own.list({ limit: 2, cursor: first.cursor ?? '' });
    expect(second.tenants).toEqual([tenantRecord('cherry')]);
    expect(second.cursor).toBeUndefined();
  });
});
