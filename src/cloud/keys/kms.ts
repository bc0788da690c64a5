/**
 * The keys port on AWS KMS, in two modes that may stand side by side: `kms` keeps the private key inside KMS and asks it for every signature;
 * `kms-envelope` has KMS make and wrap a key pair, and signs in memory with the private key that KMS unwraps once per process.
 *
 * Owns: the KMS keys of this deployment and their names, the entries of the `-keys` table, retries, deadlines, the breaker of each key, and
 * the budget of signatures. Does not own: which key is active (the directory), and when keys change.
 *
 * Flow: `create` writes an entry (key-entries.ts), then makes KMS keys (kms-key-resource.ts) or a wrapped pair (envelope-keys.ts), then completes
 * the entry. A reference is `<mode>/<tenantId>/<kid>/<alg>/<instance>`; the alias of the KMS key is derived from it and from the handle's
 * own tenant. `sign` needs nothing else in mode `kms`. Small secrets are sealed under a key of the deployment (deployment-sealer.ts).
 */
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Random } from '../../kernel/random.ts';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';
import type { Table } from '../tables/port.ts';
import { type BreakerOptions, createBreaker } from './breaker.ts';
import { createDeploymentSealer } from './deployment-sealer.ts';
import { createEnvelopeKeys } from './envelope-keys.ts';
import { createFairRate, type RateUsage } from './fair-rate.ts';
import { type KeyEntry, type KmsMode, openKeyEntries } from './key-entries.ts';
import { connectKms, judgeKmsFault, type KmsConnectionOptions } from './kms-call.ts';
import { type KmsPrincipals, kmsKeyPolicy } from './kms-key-policy.ts';
import { createKmsKeyResources } from './kms-key-resource.ts';
import { kidPattern, prefixPattern, signingKeyAlias, tagNames, tenantIdPattern } from './kms-names.ts';
import { kmsNames, readPublicJwk, signInKms } from './kms-signing.ts';
import { signWith } from './local-signing.ts';
import type { CreatedKey, KeyStore, TenantKeys } from './port.ts';
import { createSignatureBudget, type KeyFamily } from './signature-budget.ts';
import { openWrappingKeys } from './wrapping-keys.ts';

export interface KmsKeyStoreOptions extends KmsConnectionOptions {
  /** In every alias and tag; two deployments of one account differ in it. */
  prefix: string;
  /** The `-keys` table; must exist before the first call. */
  table: Table;
  /** The mode of new keys for which nobody names one. */
  mode: KmsMode;
  /** With it every KMS key gets a policy of its own; without, the account's IAM policies decide alone. */
  principals?: KmsPrincipals;
  /** 7 to 30; default 30. */
  deletionWindowDays?: number;
  /** This process's share of the account's quotas; default 500 for each family, half of the usual quota. */
  signaturesPerSecond?: Record<KeyFamily, number>;
  /** How long a signature may wait for its turn; default 1,000. */
  signatureWaitMs?: number;
  /** Default 5, the account's quota. */
  createKeysPerSecond?: number;
  breaker?: Partial<Pick<BreakerOptions, 'failures' | 'pauseMs' | 'maxPauseMs' | 'maxConcurrent'>>;
  /** Opened keys of mode `kms-envelope` in memory; default 1,000. */
  cacheMax?: number;
  random: Random;
  clock: Clock;
}

export interface KmsUsage {
  signatures: Record<KeyFamily, RateUsage>;
  keyCreations: RateUsage;
  /** Keys that are refused because they failed. */
  openCircuits: number;
  /** Private keys of mode `kms-envelope` that are open in this process. */
  openKeys: number;
}

export interface KmsKeyStore extends KeyStore {
  /** For gauges. */
  usage(): KmsUsage;
  /** Closes the idle connections; no call may follow. */
  close(): void;
}

/** A key store in KMS. Makes no call before it is used. */
export function createKmsKeyStore(options: KmsKeyStoreOptions): KmsKeyStore {
  const { prefix, table, principals, random, clock, log } = options;
  const {
    deletionWindowDays = 30,
    createKeysPerSecond = 5,
    signatureWaitMs = 1_000,
    cacheMax = 1_000,
  } = options;
  if (!prefixPattern.test(prefix)) {
    throw new TypeError(`the prefix of KMS aliases must match ${prefixPattern}`);
  }
  if (!Number.isInteger(deletionWindowDays) || deletionWindowDays < 7 || deletionWindowDays > 30) {
    throw new TypeError('the deletion window of KMS keys must be 7 to 30 days');
  }
  const kms = connectKms(options);
  const budget = createSignatureBudget({
    perSecond: options.signaturesPerSecond ?? { ecc: 500, rsa: 500 },
    maxWaitMs: signatureWaitMs,
    clock,
  });
  const createRate = createFairRate({
    perSecond: createKeysPerSecond,
    maxWaitMs: 60_000,
    clock,
    name: 'CreateKey',
  });
  const breaker = createBreaker({
    ...options.breaker,
    clock,
    judge: judgeKmsFault,
    onChange: ({ key, state, error }) =>
      log.warn({ key, state, err: error }, 'the circuit of a KMS key changed'),
  });
  const resources = createKmsKeyResources({ kms, createRate, deletionWindowDays, log });
  const sealing = createDeploymentSealer({ table, kms, resources, prefix, principals, random });
  const envelopes = createEnvelopeKeys({ kms, prefix, clock, guarded: breaker.run, cacheMax });
  /** Creations under way in this process. */
  const creating = new Map<string, Promise<CreatedKey>>();

  function forTenant(tenantId: TenantId): TenantKeys {
    const entries = openKeyEntries({ table, tenantId, random, clock });
    const wrapping = openWrappingKeys({
      table,
      resources,
      prefix,
      tenantId,
      entries,
      principals,
      random,
      clock,
    });

    async function makeInKms(entry: KeyEntry, begun: boolean) {
      const { kid, alg, instance } = entry;
      const keyId = await resources.ensure(
        {
          alias: signingKeyAlias(prefix, tenantId, entry),
          instance,
          owner: tenantId,
          spec: kmsNames[alg].spec,
          usage: 'SIGN_VERIFY',
          description: `Tenantry: signing key ${kid} (${alg}) of tenant ${tenantId}`,
          tags: {
            [tagNames.deployment]: prefix,
            [tagNames.tenant]: tenantId,
            [tagNames.purpose]: 'signing',
            [tagNames.kid]: kid,
            [tagNames.alg]: alg,
            [tagNames.instance]: instance,
          },
          policy:
            principals &&
            kmsKeyPolicy(principals, { kind: 'signing', signingAlgorithm: kmsNames[alg].signing }),
        },
        begun,
      );
      return { publicJwk: await readPublicJwk(kms, keyId, kid, alg) };
    }

    async function create(kid: string, alg: SigningAlgorithm, mode: KmsMode): Promise<CreatedKey> {
      const { entry, begun } = await entries.begin(kid, mode, alg);
      if (entry.alg !== alg) {
        throw unusable(`key ${kid} of ${tenantId} exists with another algorithm`);
      }
      if (entry.removing) {
        throw new AppError('temporarily_unavailable', 'The key store cannot answer at the moment.', {
          headers: { 'Retry-After': '5' },
          detail: `key ${kid} of ${tenantId} is being removed`,
        });
      }
      if (entry.ready) {
        return createdOf(entry);
      }
      const made =
        entry.mode === 'kms'
          ? await makeInKms(entry, begun)
          : await envelopes.generate(tenantId, entry, await wrapping.ensure());
      return createdOf(await entries.finish(entry, made));
    }

    function createdOf(entry: KeyEntry): CreatedKey {
      if (entry.publicJwk === undefined) {
        throw unusable(`key ${entry.kid} of ${tenantId} has no public part`);
      }
      return { reference: referenceOf(entry), publicJwk: entry.publicJwk };
    }

    function referenceOf({ mode, kid, alg, instance }: KeyEntry): string {
      return [mode, tenantId, kid, alg, instance].join('/');
    }

    function parseReference(reference: string): Pick<KeyEntry, 'mode' | 'kid' | 'alg' | 'instance'> {
      const [mode, owner, kid = '', alg = '', instance = '', ...rest] = reference.split('/');
      if (
        (mode !== 'kms' && mode !== 'kms-envelope') ||
        owner !== tenantId ||
        !kidPattern.test(kid) ||
        !Object.hasOwn(kmsNames, alg) ||
        !kidPattern.test(instance) ||
        rest.length > 0
      ) {
        throw unusable('the reference is not one of this tenant');
      }
      return { mode, kid, alg: alg as SigningAlgorithm, instance };
    }

    return {
      async create(kid, alg, mode = options.mode) {
        if (!kidPattern.test(kid)) {
          throw unusable('a kid has 1 to 128 characters of A-Z, a-z, 0-9, hyphen and underscore');
        }
        // It becomes a part of an alias.
        if (!tenantIdPattern.test(tenantId)) {
          throw unusable(`${tenantId} is not a tenant's id`);
        }
        if (mode === 'local') {
          throw unusable('KMS keeps no key of mode local');
        }
        const at = `${tenantId}/${kid}/${alg}`;
        const underWay = creating.get(at) ?? create(kid, alg, mode).finally(() => creating.delete(at));
        creating.set(at, underWay);
        return await underWay;
      },

      async sign(reference, alg, data) {
        const key = parseReference(reference);
        if (key.alg !== alg) {
          throw unusable(`key ${key.kid} of ${tenantId} is not for ${alg}`);
        }
        if (key.mode === 'kms-envelope') {
          const privateKey = await envelopes.open(tenantId, entries, key);
          if (privateKey === undefined) {
            throw unusable(`key ${key.kid} of ${tenantId} does not exist`);
          }
          return await signWith(privateKey, alg, data);
        }
        const alias = signingKeyAlias(prefix, tenantId, key);
        return await breaker.run(alias, async () => {
          await budget.take(tenantId, alg);
          return await signInKms(kms, alias, alg, data);
        });
      },

      async destroy(reference) {
        const key = parseReference(reference);
        const entry = await entries.get(key.kid);
        if (key.mode === 'kms') {
          const unfinished = entry?.instance === key.instance && !entry.ready;
          const alias = signingKeyAlias(prefix, tenantId, key);
          await resources.remove({ alias, instance: key.instance }, unfinished);
        } else {
          await entries.beginRemoval(key);
          envelopes.forget(tenantId, key);
          await wrapping.release();
        }
        // Last: until then `list` names the key to whoever takes an interrupted destruction up again.
        await entries.remove(key);
      },

      async list() {
        return (await entries.list()).map(referenceOf);
      },

      reaches: (reference) => !reference.startsWith('local/'),

      async seal(purpose, plaintext) {
        return (await sealing.forSealing()).seal(['tenant-secret', tenantId, purpose], plaintext);
      },

      async unseal(purpose, sealed) {
        const sealer = await sealing.forOpening();
        if (sealer === undefined) {
          throw unusable('the deployment has no sealing key');
        }
        return sealer.open(['tenant-secret', tenantId, purpose], sealed);
      },
    };
  }

  return {
    forTenant,
    usage: () => ({
      signatures: budget.usage(),
      keyCreations: createRate.usage(),
      openCircuits: breaker.open(),
      openKeys: envelopes.size(),
    }),
    close: () => kms.close(),
  };
}

function unusable(detail: string): AppError {
  return new AppError('server_error', 'The signing key cannot be used.', { detail });
}
