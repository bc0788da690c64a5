import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createLocalKeyStore } from '../../../src/cloud/keys/local.ts';
import { createRoutedKeyStore } from '../../../src/cloud/keys/routed.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { keysConformance } from '../../conformance/keys.ts';
import { createTestTables, testTablePrefix } from '../../support/services.ts';

const tenant = 'ten_routed' as TenantId;

async function localStore() {
  const tables = createTestTables();
  const name = `${testTablePrefix()}-keys`;
  await tables.create(name);
  return createLocalKeyStore({
    table: tables.open(name),
    masterKey: randomBytes(32),
    random: systemRandom,
    clock: systemClock,
  });
}

keysConformance('routed, without KMS', async () =>
  createRoutedKeyStore({ mode: 'local', local: await localStore(), kms: undefined }),
);

it('says which setting is missing for a key that is in KMS', async () => {
  const keys = createRoutedKeyStore({
    mode: 'local',
    local: await localStore(),
    kms: undefined,
  }).forTenant(tenant);
  const refusal = { code: 'server_error', detail: expect.stringContaining('KMS_ENDPOINT') };
  await expect(keys.sign(`kms/${tenant}/k/ES256/i`, 'ES256', Buffer.from('x'))).rejects.toMatchObject(
    refusal,
  );
  await expect(keys.create('k', 'ES256', 'kms')).rejects.toMatchObject(refusal);
  await expect(keys.unseal('cookie-keys', 'kms.v1.AAAA')).rejects.toMatchObject(refusal);
  expect(await keys.list()).toStrictEqual([]);
});

it('says that the master key is missing for a key that is not in KMS', async () => {
  const before = createRoutedKeyStore({
    mode: 'local',
    local: await localStore(),
    kms: undefined,
  }).forTenant(tenant);
  const { reference } = await before.create('k', 'ES256');
  const after = createRoutedKeyStore({ mode: 'kms', local: undefined, kms: undefined }).forTenant(tenant);
  const refusal = { code: 'server_error', detail: expect.stringContaining('MASTER_KEY') };
  await expect(after.sign(reference, 'ES256', Buffer.from('x'))).rejects.toMatchObject(refusal);
  await expect(
    after.unseal('cookie-keys', await before.seal('cookie-keys', Buffer.from('x'))),
  ).rejects.toMatchObject(refusal);
});
