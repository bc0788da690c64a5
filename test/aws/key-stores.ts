import { randomBytes } from 'node:crypto';
import type { KmsMode } from '../../src/cloud/keys/key-entries.ts';
import { createKmsKeyStore, type KmsKeyStore, type KmsKeyStoreOptions } from '../../src/cloud/keys/kms.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { allTableCapabilities, type EmulatorName, emulator } from './emulators.ts';

/** A fresh `-keys` table on the emulator. */
export async function createKeysTable(name: EmulatorName): Promise<Table> {
  const tables = createDynamodbTables({
    ...emulator(name),
    capabilities: allTableCapabilities,
    log: silentLog,
  });
  const tableName = `${testTablePrefix()}-keys`;
  await tables.create(tableName);
  return tables.open(tableName);
}

/** A deployment of its own: a fresh prefix, so that nothing is shared with other tests. */
export function testPrefix(): string {
  return `t${randomBytes(6).toString('hex')}`;
}

/** A key store of the emulator that does not ration CreateKey unless told to. */
export function createEmulatorKeyStore(
  name: EmulatorName,
  mode: KmsMode,
  options: Pick<KmsKeyStoreOptions, 'table'> & Partial<KmsKeyStoreOptions>,
): KmsKeyStore {
  return createKmsKeyStore({
    ...emulator(name),
    prefix: testPrefix(),
    mode,
    createKeysPerSecond: 1_000,
    random: systemRandom,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

export const tenant = 'ten_kms' as TenantId;

/** A deployment with its prefix; each call of `process` is another process of it, with nothing in memory. */
export async function deployment(mode: KmsMode, common: Partial<KmsKeyStoreOptions> = {}) {
  const prefix = testPrefix();
  const ownTable = await createKeysTable('ministack');
  return {
    prefix,
    table: ownTable,
    process(options: Partial<KmsKeyStoreOptions> = {}) {
      const calls: string[] = [];
      const store = createEmulatorKeyStore('ministack', mode, {
        table: ownTable,
        prefix,
        onCall: ({ operation }) => calls.push(operation),
        ...common,
        ...options,
      });
      return { store, calls, keys: store.forTenant(tenant) };
    },
  };
}
