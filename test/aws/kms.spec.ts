import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient } from '@aws-sdk/client-kms';
import { compactVerify, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TenantKeys } from '../../src/cloud/keys/port.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { SigningAlgorithm } from '../../src/kernel/tenant.ts';
import { testClock } from '../support/clock.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { listDeployedKeys } from './deployed-keys.ts';
import { emulator } from './emulators.ts';
import { createEmulatorKeyStore, createKeysTable, deployment, tenant } from './key-stores.ts';

const other = 'ten_other' as TenantId;
const data = Buffer.from('what is signed');
const refused = { code: 'server_error' };
let table: Table;
let kms: KMSClient;

beforeAll(async () => {
  table = await createKeysTable('ministack');
  kms = new KMSClient(emulator('ministack'));
});

async function jws(keys: TenantKeys, reference: string, alg: SigningAlgorithm): Promise<string> {
  const input = [JSON.stringify({ alg }), 'payload']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  return `${input}.${Buffer.from(await keys.sign(reference, alg, Buffer.from(input))).toString('base64url')}`;
}

describe('mode kms', () => {
  it('makes a key whose description, tags and policy name tenant, kid and use', async () => {
    const principals = {
      accountId: '123456789012',
      dataPlaneRoleArn: 'arn:aws:iam::123456789012:role/data',
      controlPlaneRoleArn: 'arn:aws:iam::123456789012:role/control',
    };
    const { prefix, process } = await deployment('kms', { principals });
    const proxy = await startFaultProxy(emulator('ministack').endpoint);
    const { reference } = await process({ endpoint: proxy.endpoint }).keys.create('k1', 'PS256');
    // AWS would refuse a policy under which its maker cannot change it; that is what this one is for.
    const created = proxy.seen.find(({ operation }) => operation === 'CreateKey');
    expect(created?.input.BypassPolicyLockoutSafetyCheck).toBe(true);
    await proxy.close();
    const [key, ...more] = await listDeployedKeys(kms, prefix);
    expect(more).toStrictEqual([]);
    expect(key).toMatchObject({
      Description: `Tenantry: signing key k1 (PS256) of tenant ${tenant}`,
      KeySpec: 'RSA_2048',
      KeyUsage: 'SIGN_VERIFY',
      tags: {
        'tenantry:tenant': tenant,
        'tenantry:kid': 'k1',
        'tenantry:alg': 'PS256',
        'tenantry:purpose': 'signing',
      },
    });
    const instance = reference.split('/').at(-1);
    const alias = `alias/${prefix}/${tenant}/k1/PS256/${instance}`;
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: alias }));
    expect(KeyMetadata?.KeyId).toBe(key?.KeyId);
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: key?.KeyId, PolicyName: 'default' }));
    const { Statement } = JSON.parse(Policy ?? '');
    expect(Statement[1]).toStrictEqual({
      Sid: 'PlanesSign',
      Effect: 'Allow',
      Principal: { AWS: [principals.dataPlaneRoleArn, principals.controlPlaneRoleArn] },
      Action: 'kms:Sign',
      Resource: '*',
      Condition: {
        StringEquals: { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256', 'kms:MessageType': 'DIGEST' },
      },
    });
    expect(Statement[0].Action).not.toContain('kms:*');
    expect(Statement[0].Action).not.toContain('kms:Sign');
    // Or nobody could.
    expect(Statement[0].Action).toContain('kms:PutKeyPolicy');
  });

  it.each(['ES256', 'RS256'] as const)(
    'signs %s in KMS so that jose verifies it, with one call',
    async (alg) => {
      const { process } = await deployment('kms');
      const { reference, publicJwk } = await process().keys.create('k', alg);
      const cold = process();
      await compactVerify(await jws(cold.keys, reference, alg), await importJWK(publicJwk, alg));
      expect(cold.calls).toStrictEqual(['Sign']);
    },
  );

  it('asks for PSS by its KMS name; the signature of the emulator is right but for its salt', async () => {
    const { process } = await deployment('kms');
    const { keys } = process();
    const { reference, publicJwk } = await keys.create('k', 'PS256');
    const signature = await keys.sign(reference, 'PS256', data);
    const key = createPublicKey({ key: publicJwk as Record<string, string>, format: 'jwk' });
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const withSalt = (saltLength: number) => verify('sha256', data, { key, padding, saltLength }, signature);
    expect(withSalt(constants.RSA_PSS_SALTLEN_MAX_SIGN)).toBe(true);
    // AWS salts with 32 bytes, as RFC 7518 §3.5 asks. Should the emulator do so one day, this line says it.
    expect(withSalt(32)).toBe(false);
  });

  it('sends a digest: an emulator that hashes it once more signs just that', async () => {
    const keys = createEmulatorKeyStore('moto', 'kms', { table: await createKeysTable('moto') }).forTenant(
      tenant,
    );
    const { reference, publicJwk } = await keys.create('k', 'ES256');
    const key = createPublicKey({ key: publicJwk as Record<string, string>, format: 'jwk' });
    const digest = createHash('sha256').update(data).digest();
    const signature = await keys.sign(reference, 'ES256', data);
    expect(verify('sha256', digest, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  it('disables a destroyed key and schedules its deletion in the window that was set', async () => {
    const { prefix, process } = await deployment('kms', { deletionWindowDays: 7 });
    const { keys } = process();
    const { reference } = await keys.create('k', 'ES256');
    await Promise.all([keys.destroy(reference), process().keys.destroy(reference)]);
    await process().keys.destroy(reference);
    const [key] = await listDeployedKeys(kms, prefix);
    expect(key).toMatchObject({ KeyState: 'PendingDeletion', Enabled: false });
    const days = (Number(key?.DeletionDate) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
  });

  it('refuses a deletion window and a prefix that AWS would refuse', async () => {
    for (const bad of [
      { deletionWindowDays: 6 },
      { deletionWindowDays: 31 },
      { prefix: 'a/b' },
      { prefix: '' },
    ]) {
      expect(() => createEmulatorKeyStore('ministack', 'kms', { table, ...bad })).toThrow(TypeError);
    }
    const store = createEmulatorKeyStore('ministack', 'kms', { table });
    await expect(store.forTenant('ten_a/../ten_b' as TenantId).create('k', 'ES256')).rejects.toMatchObject(
      refused,
    );
  });

  describe('a creation that is interrupted', () => {
    it.each([
      ['CreateAlias', 'reset'],
      ['CreateKey', 'lost-reply'],
      ['GetPublicKey', 'reset'],
    ] as const)('at %s (%s) is taken up again with the very same key', async (operation, kind) => {
      const { prefix, process } = await deployment('kms');
      const proxy = await startFaultProxy(emulator('ministack').endpoint);
      proxy.inject({ fault: { kind }, when: (passing) => passing.operation === operation });
      const struck = process({ endpoint: proxy.endpoint, timings: { manageMs: 3_000 } });
      await expect(struck.keys.create('k', 'ES256')).rejects.toMatchObject({
        code: 'temporarily_unavailable',
      });
      await proxy.close();
      const [left] = await listDeployedKeys(kms, prefix);

      const { keys } = process();
      const { reference, publicJwk } = await keys.create('k', 'ES256');
      await compactVerify(await jws(keys, reference, 'ES256'), await importJWK(publicJwk, 'ES256'));
      const after = await listDeployedKeys(kms, prefix);
      expect(after.map(({ KeyId }) => KeyId)).toStrictEqual([left?.KeyId]);
    });

    it('and then undone leaves no usable key', async () => {
      const { prefix, process } = await deployment('kms');
      const proxy = await startFaultProxy(emulator('ministack').endpoint);
      proxy.inject({ fault: { kind: 'lost-reply' }, when: ({ operation }) => operation === 'CreateKey' });
      const struck = process({ endpoint: proxy.endpoint });
      await expect(struck.keys.create('k', 'ES256')).rejects.toMatchObject({
        code: 'temporarily_unavailable',
      });
      await proxy.close();

      const { keys } = process();
      const references = await keys.list();
      expect(references).toHaveLength(1);
      for (const reference of references) {
        await keys.destroy(reference);
      }
      expect((await listDeployedKeys(kms, prefix)).map(({ KeyState }) => KeyState)).toStrictEqual([
        'PendingDeletion',
      ]);
      expect(await keys.list()).toStrictEqual([]);
    });
  });

  it('ends with one key when several processes create it at once', async () => {
    const { prefix, process } = await deployment('kms');
    const created = await Promise.all(Array.from({ length: 4 }, () => process().keys.create('k', 'ES256')));
    expect(new Set(created.map(({ reference }) => reference)).size).toBe(1);
    expect(new Set(created.map(({ publicJwk }) => publicJwk.x)).size).toBe(1);
    const states = (await listDeployedKeys(kms, prefix)).map(({ KeyState }) => KeyState);
    expect(states.filter((state) => state === 'Enabled')).toHaveLength(1);
    expect(states.filter((state) => state !== 'Enabled' && state !== 'PendingDeletion')).toStrictEqual([]);
    const [{ reference, publicJwk } = { reference: '', publicJwk: {} }] = created;
    await compactVerify(await jws(process().keys, reference, 'ES256'), await importJWK(publicJwk, 'ES256'));
  });
});

describe('mode kms-envelope', () => {
  it.each(['ES256', 'RS256', 'PS256'] as const)(
    'signs %s so that jose verifies it, unwrapping once',
    async (alg) => {
      const { process } = await deployment('kms-envelope');
      const { reference, publicJwk } = await process().keys.create('k', alg);
      const cold = process();
      const key = await importJWK(publicJwk, alg);
      const tokens = await Promise.all(Array.from({ length: 10 }, () => jws(cold.keys, reference, alg)));
      await Promise.all(tokens.map((token) => compactVerify(token, key)));
      expect(cold.calls).toStrictEqual(['Decrypt']);
    },
  );

  it('unwraps again what was evicted', async () => {
    const { process } = await deployment('kms-envelope', { cacheMax: 1 });
    const { keys, calls } = process();
    const [one, two] = [await keys.create('one', 'ES256'), await keys.create('two', 'ES256')];
    calls.length = 0;
    for (const { reference } of [one, one, two, one]) {
      await keys.sign(reference, 'ES256', data);
    }
    expect(calls).toStrictEqual(['Decrypt', 'Decrypt', 'Decrypt']);
  });

  it('keeps a key open while it signs, and for an hour after that', async () => {
    const clock = testClock();
    const { process } = await deployment('kms-envelope', { clock });
    const { reference } = await process().keys.create('k', 'ES256');
    const { store, keys, calls } = process();
    for (const minutes of [0, 50, 50, 61]) {
      clock.advance(minutes * 60_000);
      await keys.sign(reference, 'ES256', data);
    }
    expect(calls).toStrictEqual(['Decrypt', 'Decrypt']);
    expect(store.usage().openKeys).toBe(1);
  });

  it('opens no entry that was put in the place of another', async () => {
    const { table: ownTable, process } = await deployment('kms-envelope');
    const { store, keys } = process();
    const mine = await keys.create('mine', 'ES256');
    const second = await keys.create('second', 'ES256');
    await store.forTenant(other).create('mine', 'ES256');
    const wrapped = async (id: TenantId, kid: string) => {
      const item = await ownTable.get({ pk: `Key#${id}`, sk: kid });
      return String(item?.wrappedPrivateKey);
    };
    for (const foreign of [await wrapped(tenant, 'second'), await wrapped(other, 'mine')]) {
      await ownTable.update({ pk: `Key#${tenant}`, sk: 'mine' }, { set: { wrappedPrivateKey: foreign } });
      await expect(process().keys.sign(mine.reference, 'ES256', data)).rejects.toMatchObject(refused);
    }
    expect(await process().keys.sign(second.reference, 'ES256', data)).toHaveLength(64);
  });

  it.each(['kms', 'kms-envelope'] as const)('signs with no made-up reference in mode %s', async (mode) => {
    const { process } = await deployment(mode);
    const { keys } = process();
    const { reference } = await keys.create('k', 'ES256');
    await keys.create('k2', 'RS256');
    await keys.sign(reference, 'ES256', data);
    const instance = reference.split('/').at(-1);
    for (const [kid, alg] of [
      ['k', 'RS256'],
      ['k2', 'RS256'],
      ['k2', 'ES256'],
      ['wrapping', 'ES256'],
    ] as const) {
      await expect(keys.sign(`${mode}/${tenant}/${kid}/${alg}/${instance}`, alg, data)).rejects.toMatchObject(
        refused,
      );
    }
  });

  it('stops signing in other processes within a minute after a key is destroyed', async () => {
    const clock = testClock();
    const { process } = await deployment('kms-envelope', { clock });
    const [here, there] = [process(), process()];
    const first = await here.keys.create('k', 'ES256');
    await here.keys.create('k2', 'ES256');
    await there.keys.sign(first.reference, 'ES256', data);
    await here.keys.destroy(first.reference);
    await expect(here.keys.sign(first.reference, 'ES256', data)).rejects.toMatchObject(refused);
    clock.advance(60_000);
    await expect(there.keys.sign(first.reference, 'ES256', data)).rejects.toMatchObject(refused);
  });

  it('stands beside keys of mode kms: a key keeps the mode it was made in', async () => {
    const { process } = await deployment('kms');
    const before = process();
    const one = await before.keys.create('one', 'ES256');
    const after = process({ mode: 'kms-envelope' });
    expect(await after.keys.create('one', 'ES256')).toStrictEqual(one);
    const two = await after.keys.create('two', 'ES256');
    for (const { reference } of [one, two]) {
      expect(await after.keys.sign(reference, 'ES256', data)).toHaveLength(64);
      expect(await before.keys.sign(reference, 'ES256', data)).toHaveLength(64);
    }
    expect([one, two].map(({ reference }) => reference.split('/')[0])).toStrictEqual(['kms', 'kms-envelope']);
  });
});

describe('small secrets', () => {
  it.each(['kms', 'kms-envelope'] as const)(
    'cost one call per process in mode %s, however many cold tenants',
    async (mode) => {
      const { prefix, process } = await deployment(mode);
      const sealing = process();
      const tenants = Array.from({ length: 5 }, (_, index) => `ten_cold${index}` as TenantId);
      const sealed = await Promise.all(
        tenants.map((id) => sealing.store.forTenant(id).seal('cookie-keys', Buffer.from(id))),
      );
      expect((await listDeployedKeys(kms, prefix)).map(({ tags }) => tags['tenantry:purpose'])).toStrictEqual(
        ['sealing'],
      );
      const cold = process();
      const opened = await Promise.all(
        tenants.map((id, index) => cold.store.forTenant(id).unseal('cookie-keys', sealed[index] ?? '')),
      );
      expect(opened.map(String)).toStrictEqual(tenants);
      expect(cold.calls).toStrictEqual(['Decrypt']);
    },
  );

  it('are sealed under one key although several processes make it at once', async () => {
    const { prefix, process } = await deployment('kms');
    const sealed = await Promise.all(
      Array.from({ length: 4 }, (_, index) => process().keys.seal('p', Buffer.from(String(index)))),
    );
    const { keys } = process();
    const opened = await Promise.all(sealed.map((value) => keys.unseal('p', value)));
    expect(opened.map(String)).toStrictEqual(['0', '1', '2', '3']);
    const enabled = (await listDeployedKeys(kms, prefix)).filter(({ KeyState }) => KeyState === 'Enabled');
    expect(enabled).toHaveLength(1);
  });

  it('cannot be opened where none was ever sealed', async () => {
    const { process } = await deployment('kms');
    await expect(process().keys.unseal('p', 'v1.AAAA')).rejects.toMatchObject(refused);
  });
});
