import { createHash } from 'node:crypto';
import { compactVerify, importJWK } from 'jose';
import type { KeyStore, TenantKeys } from '../../cloud/keys/port.ts';
import type { OwnedResource } from '../../cloud/resource-owner.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Random } from '../../kernel/random.ts';
import type { SigningAlgorithm, SigningKeyRecord, TenantRecord } from '../../kernel/tenant.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { lost, outOfReach, type Step, type StepOutput, UnusableResult } from '../step.ts';
import { updateEntry } from '../tenant-entry.ts';

/** Two, so that the first rotation of cookie keys has a predecessor from the start. */
const cookieKeyCount = 2;

/** Makes the tenant's signing key in the key store and its cookie keys, and publishes both in the directory (A6). */
export function signingKeys({
  directory,
  keyStore,
  signingAlgorithm,
  clock,
  random,
}: {
  directory: Directory;
  keyStore: KeyStore;
  signingAlgorithm: SigningAlgorithm;
  clock: Clock;
  random: Random;
}): Step {
  return {
    name: 'signing-keys',
    exclusive: ['kids'],

    async check({ tenant }) {
      const record = await directory.get(tenant.slug);
      return record?.id === tenant.id && isComplete(record) ? outputOf(record) : undefined;
    },

    async act(context) {
      const { tenant } = context;
      const keys = keyStore.forTenant(tenant.id);
      const kid = firstKid(tenant.id, signingAlgorithm);
      const created = await keys.create(kid, signingAlgorithm, tenant.request.keyMode);
      const cookieKeys = Array.from({ length: cookieKeyCount }, () => random.bytes(32).toString('base64url'));
      const sealedCookieKeys = await keys.seal('cookie-keys', Buffer.from(JSON.stringify(cookieKeys)));
      const signingKey: SigningKeyRecord = {
        kid,
        alg: signingAlgorithm,
        state: 'active',
        ...created,
        createdAt: new Date(clock.now()).toISOString(),
      };
      const record = await updateEntry(directory, context, (current) =>
        isComplete(current) ? current : { ...current, signingKeys: [signingKey], sealedCookieKeys },
      );
      return outputOf(record);
    },

    async confirm({ tenant }) {
      const record = await directory.get(tenant.slug);
      const key = record?.signingKeys.find(({ state }) => state === 'active');
      if (!record || !key) {
        throw new UnusableResult('The tenant has no active signing key.');
      }
      const keys = keyStore.forTenant(tenant.id);
      await keys.unseal('cookie-keys', record.sealedCookieKeys);
      await confirmSignature(keys, key);
    },

    async inspect({ tenant }) {
      const record = await directory.get(tenant.slug);
      if (record?.id !== tenant.id) {
        return [];
      }
      const existing = new Set(await keyStore.forTenant(tenant.id).list());
      return record.signingKeys
        .filter((key) => signs(key) && !existing.has(key.reference))
        .map(({ kid }) => lost(`the key store does not have key ${kid}`));
    },

    /** Of known tenants: a key store has no list of all that it ever made keys for. */
    async list(known) {
      const found: OwnedResource[] = [];
      for (const owner of known) {
        const references = await keyStore.forTenant(owner.tenantId).list();
        found.push(...references.map((name) => ({ name, owner })));
      }
      return found;
    },

    async undo({ tenant, stillHeld }) {
      const keys = keyStore.forTenant(tenant.id);
      const record = await directory.get(tenant.slug);
      const known = record?.id === tenant.id ? record.signingKeys : [];
      const left = known.filter(({ state, reference }) => state !== 'destroyed' && !keys.reaches(reference));
      if (left.length > 0) {
        throw outOfReach(left.map(({ reference }) => `the key ${reference}`).join(', '));
      }
      for (const reference of await keys.list()) {
        await stillHeld();
        await keys.destroy(reference);
      }
    },
  };
}

/** Fixed by tenant and algorithm: a second try finds the first one's key. */
function firstKid(tenantId: TenantId, alg: SigningAlgorithm): string {
  return createHash('sha256').update(`${tenantId} ${alg} 1`).digest('base64url').slice(0, 22);
}

function isComplete(record: TenantRecord): boolean {
  return record.signingKeys.length > 0 && record.sealedCookieKeys !== '';
}

function signs({ state }: SigningKeyRecord): boolean {
  return state === 'active' || state === 'pending';
}

function outputOf(record: TenantRecord): StepOutput {
  return { kids: record.signingKeys.map(({ kid }) => kid) };
}

/** Signs a JWS as the provider will and verifies it as a relying party will. */
async function confirmSignature(keys: TenantKeys, key: SigningKeyRecord): Promise<void> {
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  const input = `${encode(JSON.stringify({ alg: key.alg, kid: key.kid }))}.${encode('{}')}`;
  const signature = await keys.sign(key.reference, key.alg, Buffer.from(input));
  try {
    await compactVerify(
      `${input}.${Buffer.from(signature).toString('base64url')}`,
      await importJWK(key.publicJwk, key.alg),
    );
  } catch (cause) {
    throw new UnusableResult('A signature of the new key does not verify.', { cause });
  }
}
