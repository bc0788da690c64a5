import { createPublicKey, type KeyObject } from 'node:crypto';
import { ExternalSigningKey } from 'oidc-provider';
import type { TenantKeys } from '../cloud/keys/port.ts';
import { AppError } from '../kernel/errors.ts';
import type { SigningAlgorithm, SigningKeyRecord } from '../kernel/tenant.ts';
import { isActive, isPublished } from '../tenancy/key-lifecycle.ts';

/**
 * A tenant's keys for the provider, which signs with the first one that fits: the active keys lead. Pending and retiring keys follow; they are
 * published so that clients know them early and old signatures still verify, but cannot sign. Last come former keys, which are not even
 * published: they verify an old ID token that a client sends as `id_token_hint`. Revoked keys are none of these.
 */
export function createSigningKeys(
  keys: Pick<TenantKeys, 'sign'>,
  records: readonly SigningKeyRecord[],
  onUnusable: () => void,
): ExternalSigningKey[] {
  const active = records.filter(isActive);
  const published = records.filter((record) => isPublished(record) && !isActive(record));
  const former = records.filter(
    (record) =>
      !isPublished(record) && record.revocation === undefined && active.some(({ alg }) => alg === record.alg),
  );
  return [
    ...active.map((record) => new ActiveKey(record, keys, onUnusable)),
    ...[...published, ...former].map((record) => new VerifyingKey(record)),
  ];
}

/** Whoever wants one algorithm must not get another, so while it has no active key there is nothing for them. */
export function withoutActiveKey(alg: SigningAlgorithm): AppError {
  return new AppError('temporarily_unavailable', 'The tenant cannot sign at the moment.', {
    headers: { 'Retry-After': '30' },
    detail: `no active key for ${alg}`,
  });
}

class VerifyingKey extends ExternalSigningKey {
  readonly #record: SigningKeyRecord;
  readonly #publicKey: KeyObject;

  constructor(record: SigningKeyRecord) {
    super();
    this.#record = record;
    this.#publicKey = createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' });
  }

  override get kid(): string {
    return this.#record.kid;
  }

  override get alg(): string {
    return this.#record.alg;
  }

  override keyObject(): KeyObject {
    return this.#publicKey;
  }

  /** The provider comes here when the algorithm has no active key. */
  override sign(_data: Uint8Array): Promise<Uint8Array> {
    return Promise.reject(withoutActiveKey(this.#record.alg));
  }
}

class ActiveKey extends VerifyingKey {
  readonly #sign: (data: Uint8Array) => Promise<Uint8Array>;
  readonly #onUnusable: () => void;

  constructor(record: SigningKeyRecord, keys: Pick<TenantKeys, 'sign'>, onUnusable: () => void) {
    super(record);
    this.#sign = (data) => keys.sign(record.reference, record.alg, data);
    this.#onUnusable = onUnusable;
  }

  /** A key that exists no more was revoked by another process: who tries again comes to the tenant's present keys. */
  override async sign(data: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#sign(data);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'server_error')) {
        throw error;
      }
      this.#onUnusable();
      throw new AppError('temporarily_unavailable', 'The tenant cannot sign at the moment.', {
        headers: { 'Retry-After': '1' },
        detail: `key ${this.kid} cannot be used`,
        cause: error,
      });
    }
  }
}
