import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import { createTenantChanges } from '../../src/tenancy/tenant-changes.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';

let database: TestPostgres;
beforeAll(async () => {
  database = await createTestPostgres();
});
afterAll(() => database.close());

const patience = { timeout: 30_000 };

function createProcess() {
  const invalidated: string[] = [];
  const pool = { invalidate: (slug: Slug) => void invalidated.push(slug) };
  return { invalidated, changes: createTenantChanges({ postgres: database.postgres, pool, log: silentLog }) };
}

it('a change is noticed here at once, and in every process that listens', async () => {
  const [one, two] = [createProcess(), createProcess()];
  two.changes.start();
  await vi.waitFor(async () => {
    one.changes.announce('acme' as Slug);
    expect(one.invalidated.at(-1)).toBe('acme');
    await new Promise((resolve) => setImmediate(resolve));
    expect(two.invalidated).toContain('acme');
  }, patience);
  await one.changes.stop();
  await two.changes.stop();
});

it('what is no slug is not heard', async () => {
  const { invalidated, changes } = createProcess();
  changes.start();
  await vi.waitFor(async () => {
    await database.postgres.query(
      `select pg_notify('tenantry_tenant_changed', '../etc'), pg_notify('tenantry_tenant_changed', 'acme')`,
    );
    expect(invalidated).toContain('acme');
  }, patience);
  expect(new Set(invalidated)).toEqual(new Set(['acme']));
  await changes.stop();
});

it('without PostgreSQL it is noticed here', async () => {
  const { invalidated, changes } = (() => {
    const own: string[] = [];
    const postgres = {
      query: async () => {
        throw new Error('unreachable');
      },
      listen: database.postgres.listen,
    };
    const pool = { invalidate: (slug: Slug) => void own.push(slug) };
    return { invalidated: own, changes: createTenantChanges({ postgres, pool, log: silentLog }) };
  })();
  changes.announce('acme' as Slug);
  expect(invalidated).toEqual(['acme']);
  await changes.stop();
});
