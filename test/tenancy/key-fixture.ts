import { randomBytes } from 'node:crypto';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { KeyStore } from '../../src/cloud/keys/port.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { KeyState, SigningAlgorithm, SigningKeyRecord, TenantRecord } from '../../src/kernel/tenant.ts';
import type { Postgres } from '../../src/platform/postgres.ts';
import { createDirectory } from '../../src/tenancy/directory.ts';
import type { KeyTimings } from '../../src/tenancy/key-timings.ts';
import { createKeyRevocations } from '../../src/tenancy/revoke-keys.ts';
import { createKeyRotation, type KeyRotationOptions } from '../../src/tenancy/rotate-keys.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { tenantRecord } from './tenant-record.ts';

/** The product's default timings. */
export const keyTimings: KeyTimings = {
  rotationSeconds: 90 * 86_400,
  jwksCacheSeconds: 300,
  revalidateSeconds: 15,
  unconfirmedSeconds: 7_200,
  longestTokenSeconds: 86_400,
  longestCookieSeconds: 30 * 86_400,
  clockToleranceSeconds: 5,
};

/** From publishing to signing. */
export const pendingMs = (300 + 15 + 5) * 1000;
/** From the last signature to the end of publishing. */
export const retiringMs = (7_200 + 86_400 + 5) * 1000;

export const olga: Actor = { kind: 'operator', id: 'acc_olga', email: 'olga@operators.example' };

/** A key as the directory has it, for tests that never use it. */
export function signingKey(
  kid: string,
  state: KeyState,
  changes: Partial<SigningKeyRecord> & { alg?: SigningAlgorithm } = {},
): SigningKeyRecord {
  const createdAt = '2026-01-01T00:00:00.000Z';
  return { kid, alg: 'ES256', state, reference: `ref-${kid}`, publicJwk: {}, createdAt, ...changes };
}

/** One active tenant with a key of its own in real stores. `process()` gives what another process of the deployment would have. */
export async function createKeyedTenant({
  postgres,
  wrap = (same) => same,
  alg = 'ES256',
}: {
  postgres: Postgres;
  /** Wraps what every process uses, to make it fail. */
  wrap?: (parts: KeyRotationOptions) => KeyRotationOptions;
  alg?: SigningAlgorithm;
}) {
  const clock = testClock();
  const tables = createTestTables();
  const prefix = testTablePrefix();
  await Promise.all([tables.create(`${prefix}-keys`), tables.create(`${prefix}-directory`)]);
  const masterKey = randomBytes(32);
  const openKeyStore = (): KeyStore =>
    createLocalKeyStore({ table: tables.open(`${prefix}-keys`), masterKey, random: systemRandom, clock });
  const directory = createDirectory({ table: tables.open(`${prefix}-directory`), clock });
  const id = `ten_${prefix}` as TenantId;
  const slug = 'acme' as Slug;
  const keys = openKeyStore().forTenant(id);
  await directory.reserve(
    tenantRecord(slug, {
      id,
      signingKeys: [signingKey('key-1', 'active', { alg, ...(await keys.create('key-1', alg)) })],
      sealedCookieKeys: await keys.seal('cookie-keys', Buffer.from(JSON.stringify(['cookie-1', 'cookie-0']))),
    }),
  );

  function process() {
    const changed: Slug[] = [];
    const parts = wrap({
      directory,
      keyStore: openKeyStore(),
      postgres,
      timings: keyTimings,
      clock,
      random: systemRandom,
      onTenantChanged: (changedSlug) => changed.push(changedSlug),
    });
    const rotation = createKeyRotation(parts);
    const revocations = createKeyRevocations({ ...parts, rotation, log: silentLog });
    return { rotation, revocations, changed };
  }

  return {
    id,
    slug,
    clock,
    directory,
    keys,
    process,
    async record(): Promise<TenantRecord> {
      const record = await directory.get(slug);
      if (record === undefined) {
        throw new Error('the tenant is gone');
      }
      return record;
    },
    /** `kid: state`, in the directory's order. */
    async states(): Promise<Record<string, KeyState>> {
      const record = await this.record();
      return Object.fromEntries(record.signingKeys.map(({ kid, state }) => [kid, state]));
    },
    async cookieKeys(): Promise<string[]> {
      const { sealedCookieKeys } = await this.record();
      return JSON.parse(Buffer.from(await keys.unseal('cookie-keys', sealedCookieKeys)).toString());
    },
    /** kids that the key store has. */
    async stored(): Promise<string[]> {
      return (await keys.list()).map((reference) => reference.split('/')[2] ?? '').sort();
    },
    async events(): Promise<string[]> {
      const { rows } = await postgres.query<{ text: string }>(
        `select substr(event, 13) || ' ' || (details ->> 'kid') as text from audit_events where tenant_id = $1 order by sequence`,
        [id],
      );
      return rows.map(({ text }) => text);
    },
  };
}

export type KeyedTenant = Awaited<ReturnType<typeof createKeyedTenant>>;
