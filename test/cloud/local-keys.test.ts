import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { keysConformance } from '../conformance/keys.ts';
import { testClock } from '../support/clock.ts';
import { silentLog, testDynamodb, testTableCapabilities, testTablePrefix } from '../support/services.ts';

const tenant = 'ten_local' as TenantId;
const data = Buffer.from('what is signed');
const refused = { code: 'server_error' };
const name = `${testTablePrefix()}-keys`;
const masterKey = randomBytes(32);
const clock = testClock();
const calls: string[] = [];
const tables = createDynamodbTables({
  ...testDynamodb(),
  capabilities: testTableCapabilities,
  log: silentLog,
  onCall: ({ operation }) => calls.push(operation),
});
const table: Table = tables.open(name);

/** As another process would open it: nothing cached. */
function freshStore(options: { masterKey?: Buffer; cacheMax?: number } = {}) {
  return createLocalKeyStore({ table, masterKey, random: systemRandom, clock, ...options });
}

beforeAll(() => tables.create(name));
afterAll(async () => {
  await tables.delete(name);
  tables.close();
});

keysConformance('local', async () => freshStore());

describe('local key store', () => {
  it('keeps no private key in the clear', async () => {
    const keys = freshStore().forTenant(tenant);
    await keys.create('clear', 'ES256');
    const item = await table.get({ pk: `Key#${tenant}`, sk: 'clear' });
    expect(Object.keys(item ?? {}).sort()).toStrictEqual([
      'alg',
      'createdAt',
      'instance',
      'pk',
      'sealedPrivateKey',
      'sk',
    ]);
    const sealed = Buffer.from(String(item?.sealedPrivateKey).slice(3), 'base64url');
    // The object identifier of P-256, which every unsealed PKCS#8 key of the curve contains (RFC 5480 §2.1.1.1).
    expect(sealed.includes(Buffer.from('06082a8648ce3d030107', 'hex'))).toBe(false);
  });

  it('shares keys and sealed values between processes under one master key, and under no other', async () => {
    const [one, two] = [freshStore().forTenant(tenant), freshStore().forTenant(tenant)];
    const stranger = freshStore({ masterKey: randomBytes(32) }).forTenant(tenant);
    const created = await one.create('shared', 'ES256');
    expect(await two.create('shared', 'ES256')).toStrictEqual(created);
    expect(await two.sign(created.reference, 'ES256', data)).toHaveLength(64);
    await expect(stranger.sign(created.reference, 'ES256', data)).rejects.toMatchObject(refused);
    await expect(stranger.create('shared', 'ES256')).rejects.toMatchObject(refused);
    const sealed = await one.seal('p', data);
    expect(Buffer.from(await two.unseal('p', sealed))).toStrictEqual(data);
    await expect(stranger.unseal('p', sealed)).rejects.toMatchObject({
      detail: expect.stringContaining('MASTER_KEY'),
    });
  });

  it('refuses a master key of the wrong size', () => {
    expect(() => freshStore({ masterKey: randomBytes(31) })).toThrow('32 bytes');
  });

  it('refuses a kid that could reach into the reference or the table', async () => {
    const keys = freshStore().forTenant(tenant);
    for (const kid of ['', 'a/b', 'a#b', '../x', 'a b', 'x'.repeat(129)]) {
      await expect(keys.create(kid, 'ES256')).rejects.toMatchObject(refused);
    }
  });

  it('opens no entry that was moved to another tenant, another kid or another algorithm', async () => {
    const other = 'ten_other' as TenantId;
    const { reference } = await freshStore().forTenant(tenant).create('moved', 'RS256');
    const item = await table.get({ pk: `Key#${tenant}`, sk: 'moved' });
    if (item === undefined) {
      throw new Error('no entry');
    }
    await table.put({ ...item, pk: `Key#${other}` });
    await table.put({ ...item, sk: 'elsewhere' });
    const thief = freshStore().forTenant(other);
    await expect(thief.sign(reference.replace(tenant, other), 'RS256', data)).rejects.toMatchObject(refused);
    await expect(thief.create('moved', 'RS256')).rejects.toMatchObject(refused);
    const owner = freshStore().forTenant(tenant);
    await expect(owner.sign(reference.replace('moved', 'elsewhere'), 'RS256', data)).rejects.toMatchObject(
      refused,
    );
    await table.put({ ...item, alg: 'PS256' });
    await expect(owner.sign(reference, 'PS256', data)).rejects.toMatchObject(refused);
  });

  it('opens a key once for many signatures, also when they begin together', async () => {
    const { reference } = await freshStore().forTenant(tenant).create('busy', 'ES256');
    const keys = freshStore().forTenant(tenant);
    calls.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => keys.sign(reference, 'ES256', data)));
    await keys.sign(reference, 'ES256', data);
    expect(calls).toStrictEqual(['GetItem']);
  });

  it('keeps no more opened keys than it may', async () => {
    const keys = freshStore({ cacheMax: 1 }).forTenant(tenant);
    const a = await keys.create('bounded-a', 'ES256');
    const b = await keys.create('bounded-b', 'ES256');
    calls.length = 0;
    for (const { reference } of [a, b, a]) {
      await keys.sign(reference, 'ES256', data);
    }
    expect(calls).toHaveLength(3);
  });

  it('notices within a minute that another process destroyed a key', async () => {
    const [one, two] = [freshStore().forTenant(tenant), freshStore().forTenant(tenant)];
    const { reference } = await one.create('doomed', 'ES256');
    await two.sign(reference, 'ES256', data);
    await one.destroy(reference);
    await expect(one.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
    clock.advance(60_001);
    await expect(two.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
  });

  it('keeps no key open that is not looked for any more', async () => {
    const store = freshStore();
    const keys = store.forTenant(tenant);
    const { reference } = await keys.create('quiet', 'ES256');
    expect(store.openKeys()).toBe(0);
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    await keys.sign(reference, 'ES256', data);
    expect(store.openKeys()).toBe(1);
    clock.advance(60_001);
    vi.advanceTimersByTime(60_000);
    vi.useRealTimers();
    expect(store.openKeys()).toBe(0);
  });

  it('does not remember a look-up that failed', async () => {
    const { reference } = await freshStore().forTenant(tenant).create('late', 'ES256');
    const item = await table.get({ pk: `Key#${tenant}`, sk: 'late' });
    const keys = freshStore().forTenant(tenant);
    await table.delete({ pk: `Key#${tenant}`, sk: 'late' });
    await expect(keys.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
    await table.put(item ?? { pk: '', sk: '' });
    expect(await keys.sign(reference, 'ES256', data)).toHaveLength(64);
  });
});
