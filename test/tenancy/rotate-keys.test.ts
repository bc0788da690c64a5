import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import type { Postgres } from '../../src/platform/postgres.ts';
import { createKeyJob } from '../../src/tenancy/key-jobs.ts';
import type { KeyRotationOptions } from '../../src/tenancy/rotate-keys.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';
import { createKeyedTenant, keyTimings, olga, pendingMs, retiringMs } from './key-fixture.ts';

let database: TestPostgres;
let postgres: Postgres;
beforeAll(async () => {
  database = await createTestPostgres();
  postgres = database.postgres;
});
afterAll(() => database.close());

const day = 86_400_000;

describe('a rotation on demand', () => {
  test('takes a key through its whole life, and the audit log tells it', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation, changed } = tenant.process();

    const begun = await rotation.begin(tenant.slug, { by: olga });
    const kid = begun.intendedKeys?.[0]?.kid ?? '';
    expect(await tenant.stored()).toEqual(['key-1']);

    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'pending', 'key-1': 'active' });
    expect(await tenant.stored()).toEqual(['key-1', kid].sort());

    tenant.clock.advance(pendingMs);
    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'retiring' });

    tenant.clock.advance(retiringMs - 1);
    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'retiring' });
    tenant.clock.advance(1);
    await rotation.advance(tenant.slug);
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
    expect(await tenant.stored()).toEqual([kid]);

    expect(await tenant.events()).toEqual([
      `rotation-started ${kid}`,
      `key-activated ${kid}`,
      'key-retired key-1',
      'key-destroyed key-1',
    ]);
    expect(new Set(changed)).toEqual(new Set([tenant.slug]));
    const { configVersion } = await tenant.record();
    await rotation.advance(tenant.slug);
    expect((await tenant.record()).configVersion).toBe(configVersion);
  });

  test('is begun once, however often it is asked for', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const [first, second] = [tenant.process(), tenant.process()];
    await Promise.all(
      [first, second, first, second].map(({ rotation }) => rotation.begin(tenant.slug, { by: olga })),
    );
    expect((await tenant.record()).intendedKeys).toHaveLength(1);
    await Promise.all([first.rotation.advance(tenant.slug), second.rotation.advance(tenant.slug)]);
    await first.rotation.begin(tenant.slug, { by: olga });
    expect(Object.values(await tenant.states())).toEqual(['pending', 'active']);
  });

  test('has one effect when two processes advance it at once', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const processes = [tenant.process(), tenant.process()];
    const advance = () => Promise.all(processes.map(({ rotation }) => rotation.advance(tenant.slug)));
    const { intendedKeys } = await tenant.process().rotation.begin(tenant.slug, { by: olga });
    const kid = intendedKeys?.[0]?.kid ?? '';
    await advance();
    tenant.clock.advance(pendingMs);
    await advance();
    tenant.clock.advance(retiringMs);
    await advance();
    expect(await tenant.states()).toEqual({ [kid]: 'active', 'key-1': 'destroyed' });
    expect(await tenant.stored()).toEqual([kid]);
    expect((await tenant.events()).sort()).toEqual(
      [`rotation-started ${kid}`, `key-activated ${kid}`, 'key-retired key-1', 'key-destroyed key-1'].sort(),
    );
  });

  test('adds an algorithm beside the one there is, whose key stays the default', async () => {
    const tenant = await createKeyedTenant({ postgres, alg: 'PS256' });
    const { rotation } = tenant.process();
    await rotation.begin(tenant.slug, { alg: 'ES256', by: olga });
    await rotation.advance(tenant.slug);
    tenant.clock.advance(pendingMs);
    await rotation.advance(tenant.slug);
    const { signingKeys } = await tenant.record();
    expect(signingKeys.map(({ alg, state }) => `${alg} ${state}`)).toEqual(['PS256 active', 'ES256 active']);

    // And the default goes on in its own algorithm.
    await rotation.begin(tenant.slug, { by: olga });
    expect((await tenant.record()).intendedKeys).toMatchObject([{ alg: 'PS256' }]);
  });

  test('waits when too many keys are still needed', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation } = tenant.process();
    for (let count = 1; count < 20; count += 1) {
      await rotation.begin(tenant.slug, { by: olga });
      await rotation.advance(tenant.slug);
      tenant.clock.advance(pendingMs);
      await rotation.advance(tenant.slug);
    }
    await expect(rotation.begin(tenant.slug, { by: olga })).rejects.toMatchObject({ code: 'conflict' });
    tenant.clock.advance(retiringMs);
    await rotation.advance(tenant.slug);
    await rotation.begin(tenant.slug, { by: olga });
    expect((await tenant.record()).intendedKeys).toHaveLength(1);
  });

  test('needs a tenant', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation } = tenant.process();
    await expect(rotation.begin('none' as Slug, { by: olga })).rejects.toMatchObject({ code: 'not_found' });
    await rotation.advance('none' as Slug);
  });
});

describe('cookie keys', () => {
  test('verify before they sign, and after, until no cookie of theirs is left', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation } = tenant.process();
    await rotation.beginCookies(tenant.slug, { by: olga });
    await rotation.beginCookies(tenant.slug, { by: olga });
    const [oldest, fresh, older] = await tenant.cookieKeys();
    expect([oldest, older]).toEqual(['cookie-1', 'cookie-0']);

    tenant.clock.advance((7_200 + 5) * 1000);
    await rotation.advance(tenant.slug);
    expect(await tenant.cookieKeys()).toEqual([fresh, 'cookie-1', 'cookie-0']);

    tenant.clock.advance((7_200 + 30 * 86_400 + 5) * 1000);
    await rotation.advance(tenant.slug);
    expect(await tenant.cookieKeys()).toEqual([fresh]);
    const { cookieKeys = [] } = await tenant.record();
    expect(cookieKeys.map(({ state }) => state)).toEqual(['active', 'destroyed', 'destroyed']);
    const [id, first, zeroth] = cookieKeys.map((key) => key.id);
    expect((await tenant.events()).sort()).toEqual(
      [
        `rotation-started ${id}`,
        `key-activated ${id}`,
        ...[first, zeroth].flatMap((old) => [`key-retired ${old}`, `key-destroyed ${old}`]),
      ].sort(),
    );
    expect(JSON.stringify(await tenant.record())).not.toContain(fresh);
  });
});

describe('the schedule', () => {
  const job = (tenant: Awaited<ReturnType<typeof createKeyedTenant>>) =>
    createKeyJob({ directory: tenant.directory, rotation: tenant.process().rotation, log: silentLog });
  const { signal } = new AbortController();

  test('rotates signing and cookie keys before the period ends, again and again', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { run } = job(tenant);
    await run({}, signal);
    expect((await tenant.record()).configVersion).toBe(1);

    for (let hour = 0; hour < 200 * 24; hour += 6) {
      tenant.clock.advance(day / 4);
      await run({}, signal);
    }
    const { signingKeys, cookieKeys = [] } = await tenant.record();
    const states = (keys: readonly { state: string }[], state: string) =>
      keys.filter((key) => key.state === state).length;
    expect(states(signingKeys, 'active')).toBe(1);
    expect(states(cookieKeys, 'active')).toBe(1);
    const events = await tenant.events();
    // Two periods of 81 to 90 days each, for two kinds of keys.
    expect(events.filter((event) => event.startsWith('key-activated'))).toHaveLength(4);
    expect(await tenant.stored()).toHaveLength(1);
  });

  test('gives a tenant a key that has none, at once', async () => {
    const tenant = await createKeyedTenant({ postgres });
    await tenant.directory.update(tenant.slug, tenant.id, (record) => ({
      ...record,
      signingKeys: record.signingKeys.map((key) => ({ ...key, state: 'retired' as const })),
    }));
    await job(tenant).run({}, signal);
    expect(Object.values(await tenant.states())).toEqual(['active', 'destroyed']);
  });

  test('leaves a suspended tenant its keys, but finishes what was begun', async () => {
    const tenant = await createKeyedTenant({ postgres });
    const { rotation } = tenant.process();
    await rotation.begin(tenant.slug, { by: olga });
    const suspend = () =>
      tenant.directory.update(tenant.slug, tenant.id, (record) => ({ ...record, status: 'suspended' }));
    await suspend();
    await job(tenant).run({}, signal);
    expect(Object.values(await tenant.states())).toEqual(['pending', 'active']);
    tenant.clock.advance(pendingMs);
    await job(tenant).run({}, signal);
    tenant.clock.advance(keyTimings.rotationSeconds * 1000);
    await job(tenant).run({}, signal);
    expect(Object.values(await tenant.states())).toEqual(['active', 'destroyed']);
  });

  test('does not let one tenant keep the others waiting', async () => {
    const broken = await createKeyedTenant({
      postgres,
      wrap: (parts) => ({
        ...parts,
        keyStore: {
          forTenant: (id) => ({
            ...parts.keyStore.forTenant(id),
            create: () => Promise.reject(new Error('no key for you')),
          }),
        },
      }),
    });
    const { rotation } = broken.process();
    await rotation.begin(broken.slug, { by: olga });
    await rotation.beginCookies(broken.slug, { by: olga });
    const seen: Slug[] = [];
    const listed = createKeyJob({
      directory: {
        list: async () => ({
          tenants: [await broken.record(), { ...(await broken.record()), slug: 'other' as Slug }],
        }),
      },
      rotation: {
        isDue: rotation.isDue,
        advance: async (slug) => {
          seen.push(slug);
          await rotation.advance(broken.slug);
        },
      },
      log: silentLog,
    });
    await listed.run({}, signal);
    expect(seen).toEqual(['acme', 'other']);
    await listed.run({ slug: broken.slug }, signal);
    await expect(rotation.advance(broken.slug)).rejects.toThrow('no key for you');

    // Nor one step of a tenant the others.
    broken.clock.advance((7_200 + 5) * 1000);
    await listed.run({}, signal);
    expect((await broken.record()).cookieKeys?.map(({ state }) => state)).toEqual([
      'active',
      'retiring',
      'retiring',
    ]);
  });
});

describe('a crash', () => {
  /** Every call that changes something outside the process, numbered; the process ends before or after the one at `point`. */
  function crashing(point: number, phase: 'before' | 'after') {
    let calls = 0;
    let crashed = false;
    async function pass<T>(work: () => Promise<T>): Promise<T> {
      if (crashed) {
        throw new Error('the process has ended');
      }
      calls += 1;
      const here = calls === point;
      crashed = here && phase === 'before';
      const result = crashed ? undefined : await work();
      if (here) {
        crashed = true;
        throw new Error('the process ends here');
      }
      return result as T;
    }
    return {
      get crashed() {
        return crashed;
      },
      wrap: (parts: KeyRotationOptions): KeyRotationOptions => ({
        ...parts,
        directory: {
          get: parts.directory.get,
          update: (...args) => pass(() => parts.directory.update(...args)),
        },
        postgres: {
          ...parts.postgres,
          transaction: (work) => pass(() => parts.postgres.transaction(work)),
        },
        keyStore: {
          forTenant(id) {
            const keys = parts.keyStore.forTenant(id);
            return {
              ...keys,
              create: (...args) => pass(() => keys.create(...args)),
              destroy: (reference) => pass(() => keys.destroy(reference)),
            };
          },
        },
      }),
    };
  }

  async function live(options: { point: number; phase: 'before' | 'after' }, revoke: boolean) {
    const crash = crashing(options.point, options.phase);
    let dying = true;
    const tenant = await createKeyedTenant({
      postgres,
      wrap: (parts) => (dying ? crash.wrap(parts) : parts),
    });
    const first = tenant.process();
    dying = false;
    const ignore = () => {};
    if (!revoke) {
      await first.rotation.begin(tenant.slug, { by: olga }).catch(ignore);
      await first.rotation.advance(tenant.slug).catch(ignore);
    } else {
      await first.revocations.revoke(tenant.slug, 'key-1', { by: olga, reason: 'leaked' }).catch(ignore);
    }
    tenant.clock.advance(pendingMs);
    await first.rotation.advance(tenant.slug).catch(ignore);
    tenant.clock.advance(retiringMs);
    await first.rotation.advance(tenant.slug).catch(ignore);
    const { crashed } = crash;

    // What the operator does who got no answer, and then time.
    const next = tenant.process();
    if (!revoke) {
      await next.rotation.begin(tenant.slug, { by: olga });
    } else {
      await next.revocations.revoke(tenant.slug, 'key-1', { by: olga, reason: 'leaked' });
    }
    for (const ms of [0, pendingMs, retiringMs, pendingMs, retiringMs]) {
      tenant.clock.advance(ms);
      await next.rotation.advance(tenant.slug);
    }
    return { tenant, crashed };
  }

  test.each([
    ['a rotation', false],
    ['a revocation', true],
  ])(
    'at any point of %s loses no key and leaves none unrecorded',
    async (_what, revoke) => {
      let points = 0;
      for (let crashed = true; crashed; ) {
        points += 1;
        for (const phase of ['before', 'after'] as const) {
          const result = await live({ point: points, phase }, revoke);
          crashed = result.crashed;
          const { tenant } = result;
          const { signingKeys, intendedKeys = [] } = await tenant.record();
          const at = `${phase} call ${points}`;
          expect(intendedKeys, at).toEqual([]);
          const needed = signingKeys.filter(({ state }) => state !== 'destroyed').map(({ kid }) => kid);
          expect(await tenant.stored(), at).toEqual(needed.sort());
          expect(
            Object.values(await tenant.states()).filter((state) => state === 'active'),
            at,
          ).toHaveLength(1);
          expect(signingKeys.find(({ kid }) => kid === 'key-1')?.state, at).toBe('destroyed');

          const events = await tenant.events();
          expect(new Set(events).size, `${at}: ${events}`).toBe(events.length);
          const expected = signingKeys.flatMap(
            ({ kid, startedBy, activatedAt, retiredAt, destroyedAt, revocation }) => [
              ...(startedBy ? [`rotation-started ${kid}`] : []),
              ...(startedBy && activatedAt ? [`key-activated ${kid}`] : []),
              ...(revocation ? [`key-revoked ${kid}`] : []),
              ...(retiredAt && !revocation ? [`key-retired ${kid}`] : []),
              ...(destroyedAt ? [`key-destroyed ${kid}`] : []),
            ],
          );
          expect(events.toSorted(), at).toEqual(expected.toSorted());
        }
      }
      expect(points).toBeGreaterThan(8);
    },
    60_000,
  );
});
