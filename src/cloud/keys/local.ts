/**
 * The keys port without a key service: private keys lie in the key store's own table, sealed under the deployment's master key, and are
 * opened only in memory.
 *
 * Owns: the entries of the `-keys` table (`pk: Key#<tenantId>`, `sk: <kid>`), sealing, signing, and a bounded cache of opened keys.
 * Does not own: which key is active (the directory), and when keys change.
 *
 * Keys of KMS may stand in the same table; here they are only a `kid` that is taken.
 *
 * A reference is `local/<tenantId>/<kid>/<instance>`. The instance is random, so a key made again under the same `kid` is another key. All
 * four, and the algorithm, are bound into the sealed private key: an entry moved to another place in the table does not open.
 * A key destroyed by one process stops signing in the others when their cache looks again, within `recheckMs`.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../tables/port.ts';
import { generatePrivateKey, publicJwkOf, signWith } from './local-signing.ts';
import { createOpenedKeys } from './opened-keys.ts';
import type { CreatedKey, KeyStore, TenantKeys } from './port.ts';
import { createSealer, type SealContext } from './sealing.ts';

const recheckMs = 60_000;
const kidPattern = /^[A-Za-z0-9_-]{1,128}$/;

interface OpenedKey {
  kid: string;
  alg: SigningAlgorithm;
  instance: string;
  privateKey: KeyObject;
}

export interface LocalKeyStoreOptions {
  table: Table;
  /** 32 bytes. */
  masterKey: Buffer;
  random: Random;
  clock: Clock;
  /** How many opened keys are kept in memory. */
  cacheMax?: number;
}

export interface LocalKeyStore extends KeyStore {
  /** How many private keys are open in this process. */
  openKeys(): number;
}

/** A key store in `table`, which must exist before the first call. */
export function createLocalKeyStore(options: LocalKeyStoreOptions): LocalKeyStore {
  const { table, random, clock, cacheMax = 1_000 } = options;
  const sealer = createSealer(options);
  const opened = createOpenedKeys<OpenedKey>({ max: cacheMax, ttlMs: recheckMs, from: 'opening', clock });

  function forTenant(tenantId: TenantId): TenantKeys {
    function entry(kid: string): ItemKey {
      return { pk: `Key#${tenantId}`, sk: kid };
    }

    function context(kid: string, instance: string, alg: string): SealContext {
      return ['signing-key', tenantId, kid, instance, alg];
    }

    function referenceOf(kid: string, instance: string): string {
      return `local/${tenantId}/${kid}/${instance}`;
    }

    function parseReference(reference: string): { kid: string; instance: string } {
      const [store, owner, kid, instance, ...rest] = reference.split('/');
      if (store !== 'local' || owner !== tenantId || !kid || !instance || rest.length > 0) {
        throw unusable('the reference is not one of this tenant');
      }
      return { kid, instance };
    }

    function open({ sk: kid, instance, alg, sealedPrivateKey }: Item): OpenedKey {
      const der = sealer.open(context(kid, String(instance), String(alg)), String(sealedPrivateKey));
      const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      der.fill(0);
      // The seal vouches for both.
      return { kid, alg: alg as SigningAlgorithm, instance: String(instance), privateKey };
    }

    async function load({
      kid,
      instance,
    }: {
      kid: string;
      instance: string;
    }): Promise<OpenedKey | undefined> {
      const item = await table.get(entry(kid));
      return item?.instance === instance ? open(item) : undefined;
    }

    async function openedKey(reference: string): Promise<OpenedKey> {
      // Before the cache, which all tenants share.
      const key = parseReference(reference);
      const found = await opened.get(reference, () => load(key));
      if (found === undefined) {
        throw unusable(`key ${key.kid} of ${tenantId} does not exist`);
      }
      return found;
    }

    function created({ kid, alg, instance, privateKey }: OpenedKey): CreatedKey {
      return { reference: referenceOf(kid, instance), publicJwk: publicJwkOf(privateKey, kid, alg) };
    }

    async function existing(kid: string, alg: SigningAlgorithm): Promise<CreatedKey | undefined> {
      const item = await table.get(entry(kid));
      if (item === undefined) {
        return undefined;
      }
      if (!isLocalEntry(item)) {
        throw unusable(`key ${kid} of ${tenantId} is one of KMS`);
      }
      if (item.alg !== alg) {
        throw unusable(`key ${kid} of ${tenantId} exists with another algorithm`);
      }
      return created(open(item));
    }

    return {
      async create(kid, alg) {
        if (!kidPattern.test(kid)) {
          throw unusable('a kid has 1 to 128 characters of A-Z, a-z, 0-9, hyphen and underscore');
        }
        const found = await existing(kid, alg);
        if (found !== undefined) {
          return found;
        }
        const instance = randomId(random);
        const privateKey = await generatePrivateKey(alg);
        const der = privateKey.export({ format: 'der', type: 'pkcs8' });
        const sealedPrivateKey = sealer.seal(context(kid, instance, alg), der);
        der.fill(0);
        const createdAt = new Date(clock.now()).toISOString();
        try {
          await table.put({ ...entry(kid), alg, instance, sealedPrivateKey, createdAt }, [{ exists: false }]);
        } catch (error) {
          const winner = error instanceof ConditionFailed ? await existing(kid, alg) : undefined;
          if (winner === undefined) {
            throw error;
          }
          return winner;
        }
        return created({ kid, alg, instance, privateKey });
      },

      async sign(reference, alg, data) {
        const key = await openedKey(reference);
        if (key.alg !== alg) {
          throw unusable(`key ${key.kid} of ${tenantId} is not for ${alg}`);
        }
        return await signWith(key.privateKey, alg, data);
      },

      async destroy(reference) {
        const { kid, instance } = parseReference(reference);
        try {
          await table.delete(entry(kid), [{ attribute: 'instance', equals: instance }]);
        } catch (error) {
          if (!(error instanceof ConditionFailed)) {
            throw error;
          }
        } finally {
          opened.drop(reference);
        }
      },

      async list() {
        const references: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await table.query({
            pk: `Key#${tenantId}`,
            ...(cursor === undefined ? {} : { cursor }),
          });
          const own = page.items.filter(isLocalEntry);
          references.push(...own.map((item) => referenceOf(item.sk, String(item.instance))));
          cursor = page.cursor;
        } while (cursor !== undefined);
        return references;
      },

      reaches: (reference) => reference.startsWith('local/'),

      async seal(purpose, plaintext) {
        return sealer.seal(['tenant-secret', tenantId, purpose], plaintext);
      },

      async unseal(purpose, sealed) {
        return sealer.open(['tenant-secret', tenantId, purpose], sealed);
      },
    };
  }

  return { forTenant, openKeys: opened.size };
}

function isLocalEntry({ sealedPrivateKey }: Item): boolean {
  return sealedPrivateKey !== undefined;
}

function unusable(detail: string): AppError {
  return new AppError('server_error', 'The signing key cannot be used.', { detail });
}
