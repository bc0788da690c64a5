import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DecryptCommand, GenerateDataKeyPairWithoutPlaintextCommand } from '@aws-sdk/client-kms';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { KeyEntries, KeyEntry, MadeKey } from './key-entries.ts';
import type { KmsConnection } from './kms-call.ts';
import { tagNames, wrappingKeyAlias } from './kms-names.ts';
import { jwkOfSpki, kmsNames, present } from './kms-signing.ts';
import { createOpenedKeys } from './opened-keys.ts';

/** How long an opened key signs before the key store's table is asked whether it still exists. */
const recheckMs = 60_000;

/** How long an opened key that signs nothing is kept: an outage of KMS of that length is survived, and a replaced key is gone after it. */
const idleMs = 60 * 60 * 1_000;

/** Private keys that KMS wrapped, opened in this process only. */
export interface EnvelopeKeys {
  /** A new pair under the tenant's wrapping key; nobody but KMS has seen the private key. */
  generate(tenantId: TenantId, entry: KeyEntry, wrappingInstance: string): Promise<MadeKey>;
  /** The private key, unwrapped by KMS once per process. `undefined` when it no longer exists. */
  open(tenantId: TenantId, entries: KeyEntries, key: EnvelopeKeyName): Promise<KeyObject | undefined>;
  forget(tenantId: TenantId, key: EnvelopeKeyName): void;
  /** How many are open. */
  size(): number;
}

/** As in a reference. All of it must agree with the entry. */
export type EnvelopeKeyName = Pick<KeyEntry, 'kid' | 'alg' | 'instance'>;

interface OpenedKey {
  privateKey: KeyObject;
  checkedAt: number;
}

export function createEnvelopeKeys(deps: {
  kms: KmsConnection;
  prefix: string;
  clock: Clock;
  /** Runs the call of the request path: under the breaker of the key. */
  guarded: <T>(key: string, work: () => Promise<T>) => Promise<T>;
  /** Opened keys in memory. */
  cacheMax: number;
}): EnvelopeKeys {
  const { kms, prefix, clock, guarded, cacheMax } = deps;
  const opened = createOpenedKeys<OpenedKey>({ max: cacheMax, ttlMs: idleMs, from: 'last use', clock });
  const cacheKey = (tenantId: TenantId, key: EnvelopeKeyName) =>
    [tenantId, key.kid, key.alg, key.instance].join('/');

  async function unwrap(tenantId: TenantId, entry: KeyEntry): Promise<KeyObject> {
    const alias = wrappingKeyAlias(prefix, tenantId, entry.wrappingInstance ?? '');
    const { Plaintext } = await guarded(alias, () =>
      kms.use((client, options) =>
        client.send(
          new DecryptCommand({
            KeyId: alias,
            CiphertextBlob: Buffer.from(entry.wrappedPrivateKey ?? '', 'base64'),
            EncryptionContext: contextOf(prefix, tenantId, entry),
          }),
          options,
        ),
      ),
    );
    return importPrivateKey(present(Plaintext, 'plaintext'));
  }

  async function load(
    tenantId: TenantId,
    entries: KeyEntries,
    { kid, alg, instance }: EnvelopeKeyName,
  ): Promise<OpenedKey | undefined> {
    const entry = await entries.get(kid);
    const signs = entry?.instance === instance && entry.alg === alg && entry.ready && !entry.removing;
    if (!signs || entry.mode !== 'kms-envelope') {
      return undefined;
    }
    return { privateKey: await unwrap(tenantId, entry), checkedAt: clock.now() };
  }

  /** A table that cannot answer does not stop a key that is open already. */
  async function stillExists(entries: KeyEntries, kid: string, instance: string): Promise<boolean> {
    try {
      const entry = await entries.get(kid);
      return entry?.instance === instance && !entry.removing;
    } catch {
      return true;
    }
  }

  return {
    async generate(tenantId, entry, wrappingInstance) {
      const answer = await kms.manage((client, options) =>
        client.send(
          new GenerateDataKeyPairWithoutPlaintextCommand({
            KeyId: wrappingKeyAlias(prefix, tenantId, wrappingInstance),
            KeyPairSpec: kmsNames[entry.alg].spec,
            EncryptionContext: contextOf(prefix, tenantId, entry),
          }),
          options,
        ),
      );
      const wrapped = present(answer.PrivateKeyCiphertextBlob, 'wrapped private key');
      return {
        publicJwk: jwkOfSpki(present(answer.PublicKey, 'public key'), entry.kid, entry.alg),
        wrappedPrivateKey: Buffer.from(wrapped).toString('base64'),
        wrappingInstance,
      };
    },

    async open(tenantId, entries, key) {
      const at = cacheKey(tenantId, key);
      const found = await opened.get(at, () => load(tenantId, entries, key));
      if (found !== undefined && clock.now() - found.checkedAt >= recheckMs) {
        found.checkedAt = clock.now();
        if (!(await stillExists(entries, key.kid, key.instance))) {
          opened.drop(at);
          return undefined;
        }
      }
      return found?.privateKey;
    },

    forget: (tenantId, key) => opened.drop(cacheKey(tenantId, key)),
    size: opened.size,
  };
}

/** Takes the key out of `pkcs8` and wipes it. OpenSSL wipes its own copy when it frees the key. */
export function importPrivateKey(pkcs8: Uint8Array): KeyObject {
  const der = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** KMS opens a wrapped key only with the very context that it was wrapped with. */
function contextOf(prefix: string, tenantId: TenantId, entry: KeyEntry): Record<string, string> {
  return {
    [tagNames.deployment]: prefix,
    [tagNames.tenant]: tenantId,
    [tagNames.kid]: entry.kid,
    [tagNames.alg]: entry.alg,
    [tagNames.instance]: entry.instance,
  };
}
