import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { KeyStore, TenantKeys } from '../../cloud/keys/port.ts';
import type { SigningKeyRecord, TenantRecord } from '../../kernel/tenant.ts';
import { isActive } from '../../tenancy/key-lifecycle.ts';
import { type Finding, finding } from './finding.ts';

/**
 * Every active key is the tenant's by the key store's own word, signs, and its signature verifies against what the tenant publishes, as a
 * relying party would see it; nothing private is published.
 */
export async function inspectKeys(
  keyStore: KeyStore,
  record: TenantRecord,
  jwks: JSONWebKeySet,
): Promise<Finding> {
  const keys = keyStore.forTenant(record.id);
  const owned = new Set(await keys.list());
  const active = record.signingKeys.filter(isActive);
  const problems: string[] = active.length === 0 ? ['there is no active key'] : [];
  for (const key of active) {
    if (!owned.has(key.reference)) {
      problems.push(`the key store does not know key ${key.kid} as the tenant's`);
    } else if (!(await verifies(keys, key, jwks))) {
      problems.push(`a signature of key ${key.kid} does not verify against the published keys`);
    }
  }
  if (jwks.keys.some((key) => 'd' in key || 'k' in key)) {
    problems.push('a private key is published');
  }
  return finding('signing-keys', problems, `${active.length} active, signatures verify`);
}

async function verifies(
  keys: TenantKeys,
  { kid, alg, reference }: SigningKeyRecord,
  jwks: JSONWebKeySet,
): Promise<boolean> {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ alg, kid })}.${encode({})}`;
  const signature = await keys.sign(reference, alg, Buffer.from(input));
  try {
    await compactVerify(`${input}.${Buffer.from(signature).toString('base64url')}`, createLocalJWKSet(jwks), {
      algorithms: [alg],
    });
    return true;
  } catch {
    return false;
  }
}
