import { randomBytes } from 'node:crypto';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createTenantFactors } from '../../src/identity/tenant-factors.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { randomId, systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

const publicUrl = new URL('https://id.example');

/** The factor stores of one tenant; tenants made with the same `keyTable` share the key store, as they do in a deployment. */
export async function createFactorStores({
  clock = testClock(),
  keyTable,
}: {
  clock?: ReturnType<typeof testClock>;
  keyTable?: Table;
} = {}) {
  const { table } = await createTenantTable();
  const shared = { table, clock, random: systemRandom };
  const keyStore = createLocalKeyStore({
    ...shared,
    table: keyTable ?? (await createTenantTable()).table,
    masterKey,
  });
  const keys = keyStore.forTenant(`ten_${randomId(systemRandom)}` as TenantId);
  return {
    table,
    keys,
    clock,
    ...createTenantFactors({ ...shared, sealer: keys, publicUrl, tenantName: 'Acme' }),
  };
}

export type FactorStores = Awaited<ReturnType<typeof createFactorStores>>;

const masterKey = randomBytes(32);
