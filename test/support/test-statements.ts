import { createStatements, type Statements } from '../../src/audit/statements.ts';
import type { KeyStore } from '../../src/cloud/keys/port.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { platformSlug } from '../../src/kernel/slug.ts';
import type { SigningAlgorithm, SigningKeyRecord, TenantRecord } from '../../src/kernel/tenant.ts';

export interface TestPlatform {
  statements: Statements;
  record: TenantRecord;
  /** What the directory would say from now on. */
  setKeys(keys: readonly SigningKeyRecord[]): void;
  makeKey(kid: string, alg?: SigningAlgorithm): Promise<SigningKeyRecord>;
}

/** The platform tenant as far as signing goes: a table, and a real key of the store. May be made again over the same stores. */
export async function createTestPlatform(deps: {
  tables: Tables;
  keyStore: KeyStore;
  tablePrefix: string;
  clock: Clock;
  publicUrl: URL;
}): Promise<TestPlatform> {
  const { tables, keyStore, tablePrefix, clock } = deps;
  const id = 'ten_platformplatformplatf' as TenantId;
  const tableName = `${tablePrefix}-platform`;
  const createdAt = new Date(clock.now()).toISOString();
  await tables.create(tableName);

  async function makeKey(kid: string, alg: SigningAlgorithm = 'ES256'): Promise<SigningKeyRecord> {
    const created = await keyStore.forTenant(id).create(kid, alg);
    return { kid, alg, state: 'active', createdAt, ...created };
  }

  const record: TenantRecord = {
    id,
    slug: platformSlug,
    name: 'Platform',
    kind: 'platform',
    status: 'active',
    configVersion: 1,
    tableName,
    signingKeys: [await makeKey('platform-1')],
    sealedCookieKeys: '',
    provisioning: { state: 'active', steps: [] },
    createdAt,
    updatedAt: createdAt,
  };
  return {
    record,
    statements: createStatements({ ...deps, findPlatform: async () => record }),
    setKeys: (keys) => void Object.assign(record, { signingKeys: keys }),
    makeKey,
  };
}
