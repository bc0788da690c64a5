import { createHash } from 'node:crypto';
import type { KeyStore, TenantKeys } from '../cloud/keys/port.ts';
import { AppError } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import type { CookieKeyRecord, KeyState, TenantRecord } from '../kernel/tenant.ts';
import type { Directory } from './directory.ts';

const purpose = 'cookie-keys';
const changeAttempts = 5;

/** Those that verify cookies, in the order in which the provider gets them: it signs with the first. */
const live: readonly KeyState[] = ['active', 'pending', 'retiring'];

export interface NewCookieKey {
  id: string;
  /** base64url of 256 random bits. */
  secret: string;
}

export function newCookieKey(random: Random): NewCookieKey {
  const secret = random.bytes(32).toString('base64url');
  return { id: idOf(secret), secret };
}

/** A fingerprint: tells the keys apart and says nothing about them. */
function idOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url').slice(0, 22);
}

/** The secrets in the provider's order. */
export async function unsealCookieKeys(
  keys: TenantKeys,
  { sealedCookieKeys }: TenantRecord,
): Promise<string[]> {
  return JSON.parse(Buffer.from(await keys.unseal(purpose, sealedCookieKeys)).toString()) as string[];
}

/**
 * Changes the tenant's cookie keys: `change` gets what is known of them and returns what shall be; `fresh` holds the secrets of keys that it
 * adds. The secrets of keys that verify no more are dropped with it. When `change` returns what it got, nothing is written. Runs again
 * when somebody else changed them in between.
 */
export async function changeCookieKeys(
  { directory, keyStore }: { directory: Pick<Directory, 'get' | 'update'>; keyStore: KeyStore },
  tenant: Pick<TenantRecord, 'slug' | 'id'>,
  fresh: readonly NewCookieKey[],
  change: (keys: readonly CookieKeyRecord[]) => readonly CookieKeyRecord[],
): Promise<TenantRecord> {
  const keys = keyStore.forTenant(tenant.id);
  for (let attempt = 1; attempt <= changeAttempts; attempt += 1) {
    const record = await directory.get(tenant.slug);
    if (record?.id !== tenant.id) {
      throw new AppError('not_found', 'There is no such tenant.');
    }
    const secrets = await unsealCookieKeys(keys, record);
    const known = describe(record, secrets);
    const cookieKeys = change(known);
    if (cookieKeys === known) {
      return record;
    }
    const secretOf = new Map([
      ...secrets.map((secret) => [idOf(secret), secret] as const),
      ...fresh.map(({ id, secret }) => [id, secret] as const),
    ]);
    const kept = live.flatMap((state) => cookieKeys.filter((key) => key.state === state));
    const list = kept.map(({ id }) => secretOf.get(id));
    const sealedCookieKeys = await keys.seal(purpose, Buffer.from(JSON.stringify(list)));
    const updated = await directory.update(tenant.slug, tenant.id, (current) =>
      current.sealedCookieKeys === record.sealedCookieKeys
        ? { ...current, cookieKeys, sealedCookieKeys }
        : current,
    );
    if (updated.sealedCookieKeys === sealedCookieKeys) {
      return updated;
    }
  }
  throw new AppError('conflict', 'The cookie keys are being changed by somebody else. Try again.');
}

/** What is known of the keys. Those that a tenant begins with have no record yet: the first is active, the others are its predecessors. */
function describe(record: TenantRecord, secrets: readonly string[]): readonly CookieKeyRecord[] {
  if (record.cookieKeys !== undefined) {
    return record.cookieKeys;
  }
  const { createdAt } = record;
  return secrets.map((secret, index) => ({
    id: idOf(secret),
    createdAt,
    publishedAt: createdAt,
    activatedAt: createdAt,
    ...(index === 0 ? { state: 'active' } : { state: 'retiring', retiringAt: createdAt }),
  }));
}
