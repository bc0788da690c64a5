import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { Postgres } from '../../src/platform/postgres.ts';
import type { KeyRotationOptions } from '../../src/tenancy/rotate-keys.ts';
import { createTestPostgres, type TestPostgres } from '../support/services.ts';
import { createKeyedTenant, olga, pendingMs, signingKey } from './key-fixture.ts';

let database: TestPostgres;
let postgres: Postgres;
beforeAll(async () => {
  database = await createTestPostgres();
  postgres = database.postgres;
});
afterAll(() => database.close());

const leaked = { by: olga, reason: 'leaked' };

describe('a revoked signing key', () => {
  test('is published no more and destroyed at once, and a new one signs', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, revocations, changed } = tenant.process();
    const { signingKeys } = await revocations.revoke(tenant.slug, 'key-1', leaked);
    expect(signingKeys.map(({ state }) => state)).toEqual(['active', 'retired']);
    const kid = signingKeys[0]?.kid ?? '';
    expect(await tenant.stored()).toEqual([kid]);
    expect(changed).toContain(tenant.slug);

    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
    expect((await tenant.record()).signingKeys[1]?.revocation).toMatchObject(leaked);
    expect(await tenant.events()).toEqual([
      `rotation-started ${kid}`,
      `key-activated ${kid}`,
      'key-revoked key-1',
      'key-destroyed key-1',
    ]);
  });

  test('gives way to the key that was to follow it anyway', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, revocations } = tenant.process();
    const { intendedKeys } = await rotation.begin(tenant.slug, { by: olga });
    const kid = intendedKeys?.[0]?.kid ?? '';
    await rotation.advance(tenant.slug);
    await revocations.revoke(tenant.slug, 'key-1', leaked);
    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
  });

  test('may be any that is published; the active one stays', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, revocations } = tenant.process();
    const { intendedKeys } = await rotation.begin(tenant.slug, { by: olga });
    const kid = intendedKeys?.[0]?.kid ?? '';
    await rotation.advance(tenant.slug);
    tenant.clock.advance(pendingMs);
    await rotation.advance(tenant.slug);
    await revocations.revoke(tenant.slug, 'key-1', leaked);
    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
  });

  test('stays as it was revoked when somebody revokes it again', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, revocations } = tenant.process();
    await revocations.revoke(tenant.slug, 'key-1', leaked);
    await rotation.advance(tenant.slug);
    const { configVersion } = await tenant.record();
    await revocations.revoke(tenant.slug, 'key-1', { by: olga, reason: 'again' });
    const record = await tenant.record();
    expect(record.configVersion).toBe(configVersion);
    expect(record.signingKeys[1]?.revocation?.reason).toBe('leaked');
  });

  test('has a successor, however many keys there are', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { revocations } = tenant.process();
    await tenant.directory.update(tenant.slug, tenant.id, (record) => ({
      ...record,
      signingKeys: [
        ...record.signingKeys,
        ...Array.from({ length: 30 }, (_, index) => signingKey(`old-${index}`, 'retiring')),
      ],
    }));
    await revocations.revoke(tenant.slug, 'key-1', leaked);
    expect((await tenant.record()).signingKeys.map(({ state }) => state).slice(0, 2)).toEqual([
      'active',
      'retired',
    ]);
  });

  test('is unknown when it never was', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { revocations } = tenant.process();
    await expect(revocations.revoke(tenant.slug, 'key-2', leaked)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('goes although the key store cannot make another one, and the next round makes it', async () => {
    let down = true;
    const unavailable = async () => {
      throw new AppError('temporarily_unavailable', 'Try again.');
    };
    const wrap = (parts: KeyRotationOptions): KeyRotationOptions => ({
      ...parts,
      keyStore: {
        forTenant(id) {
          const keys = parts.keyStore.forTenant(id);
          return {
            ...keys,
            create: (...args) => (down ? unavailable() : keys.create(...args)),
            destroy: (reference) => (down ? unavailable() : keys.destroy(reference)),
          };
        },
      },
    });
    const tenant = await createKeyedTenant({ postgres, wrap });
    const { rotation, revocations } = tenant.process();
    const record = await revocations.revoke(tenant.slug, 'key-1', leaked);
    expect(record.signingKeys.map(({ state }) => state)).toEqual(['retired']);
    expect(record.intendedKeys).toHaveLength(1);
    await expect(rotation.advance(tenant.slug)).rejects.toMatchObject({ code: 'temporarily_unavailable' });

    down = false;
    await rotation.advance(tenant.slug);
    const kid = record.intendedKeys?.[0]?.kid ?? '';
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
    expect(await tenant.stored()).toEqual([kid]);
  });
});

describe('a revoked signing key of one of two algorithms', () => {
  /** Keys of both, and a switch for what fails. */
  async function twoAlgorithms() {
    const fails = { creating: false, noting: false };
    const unavailable = async () => {
      throw new AppError('temporarily_unavailable', 'Try again.');
    };
    const wrap = (parts: KeyRotationOptions): KeyRotationOptions => ({
      ...parts,
      directory: {
        ...parts.directory,
        async update(slug, id, change) {
          let intends = false;
          const update = await parts.directory.get(slug);
          if (fails.noting && update) intends = (change(update).intendedKeys?.length ?? 0) > 0;
          return intends ? unavailable() : parts.directory.update(slug, id, change);
        },
      },
      keyStore: {
        forTenant(id) {
          const keys = parts.keyStore.forTenant(id);
          return { ...keys, create: (...args) => (fails.creating ? unavailable() : keys.create(...args)) };
        },
      },
    });
    const tenant = await createKeyedTenant({ postgres, wrap });
    const { rotation, revocations } = tenant.process();
    await rotation.begin(tenant.slug, { alg: 'RS256', by: olga });
    await rotation.advance(tenant.slug);
    tenant.clock.advance(pendingMs);
    await rotation.advance(tenant.slug);
    const rsa = (await tenant.record()).signingKeys[1]?.kid ?? '';
    expect(await tenant.states()).toEqual({ 'key-1': 'active', [rsa]: 'active' });
    return { tenant, rotation, revocations, fails, rsa };
  }

  test.each([
    { failing: 'the key cannot be made', fault: { creating: true } },
    { failing: 'not even the intent can be noted', fault: { noting: true } },
  ])('has a successor that signs with the next round when $failing', async ({ fault }) => {
    for (const kind of ['default', 'other'] as const) {
      const { tenant, rotation, revocations, fails, rsa } = await twoAlgorithms();
      const [revoked, left] = kind === 'default' ? ['key-1', rsa] : [rsa, 'key-1'];
      Object.assign(fails, fault);
      await revocations.revoke(tenant.slug, revoked, leaked);
      expect(await tenant.states()).toEqual({ [revoked]: 'retired', [left]: 'active' });
      await expect(rotation.advance(tenant.slug)).rejects.toMatchObject({ code: 'temporarily_unavailable' });

      Object.assign(fails, { creating: false, noting: false });
      expect(rotation.isDue(await tenant.record())).toBe(true);
      await rotation.advance(tenant.slug);
      const { signingKeys } = await tenant.record();
      const states = signingKeys.map(({ alg, state }) => `${alg} ${state}`).toSorted();
      const algorithm = kind === 'default' ? 'ES256' : 'RS256';
      expect(states).toEqual(['ES256 active', 'RS256 active', `${algorithm} destroyed`].toSorted());
      expect(rotation.isDue(await tenant.record())).toBe(false);
    }
  });
});

describe('revoked cookie keys', () => {
  test('give way to a new one, and their secrets are gone', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, revocations, changed } = tenant.process();
    await rotation.beginCookies(tenant.slug, { by: olga });
    const before = await tenant.cookieKeys();
    await revocations.revokeCookies(tenant.slug, leaked);
    const after = await tenant.cookieKeys();
    expect(after).toHaveLength(1);
    expect(before).not.toContain(after[0]);
    expect(changed).toContain(tenant.slug);

    await rotation.advance(tenant.slug);
    const { cookieKeys = [] } = await tenant.record();
    expect(cookieKeys.map(({ state }) => state)).toEqual(['active', 'destroyed', 'destroyed', 'destroyed']);
    const revoked = (await tenant.events()).filter((event) => event.startsWith('key-revoked'));
    expect(revoked).toHaveLength(3);
  });

  test('of many calls at once leave one key', async () => {
    const tenant = await createKeyedTenant({ postgres });
    await Promise.all([1, 2, 3].map(() => tenant.process().revocations.revokeCookies(tenant.slug, leaked)));
    expect(await tenant.cookieKeys()).toHaveLength(1);
    const { cookieKeys = [] } = await tenant.record();
    expect(cookieKeys.filter(({ state }) => state === 'active')).toHaveLength(1);
  });
});
