import type { JWK } from 'jose';
import type { Actor } from './actor.ts';
import type { Slug, TenantId } from './ids.ts';

/**
 * `active` alone answers outsiders; every other status looks to them like an unknown tenant (E3).
 * `failed`: provisioning was undone. `blocked`: a compliance review failed (C4). `deleting`: deletion was asked for, and can be taken back
 * until its grace period ends.
 */
export type TenantStatus =
  | 'provisioning'
  | 'active'
  | 'suspended'
  | 'blocked'
  | 'deleting'
  | 'failed'
  | 'deleted';

/** JWS algorithms that a tenant key may have. */
export type SigningAlgorithm = 'ES256' | 'RS256' | 'PS256';

/** Where a private key is: sealed in the deployment's own table, in KMS, or wrapped by KMS. */
export type KeyMode = 'local' | 'kms' | 'kms-envelope';

/**
 * `pending`: published, does not sign yet. `retiring`: published, signs no more. `retired`: published no more. `destroyed`: its private part
 * is gone.
 */
export type KeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'destroyed';

/** A key's withdrawal before its time. */
export interface KeyRevocation {
  /** ISO 8601. */
  at: string;
  by: Actor;
  reason: string;
}

/** How far a key has come. All times are ISO 8601 and there once the key has come so far. */
export interface KeyHistory {
  state: KeyState;
  createdAt: string;
  /** Who began the rotation; absent for the keys that a tenant begins with. */
  startedBy?: Actor;
  publishedAt?: string;
  activatedAt?: string;
  retiringAt?: string;
  retiredAt?: string;
  destroyedAt?: string;
  revocation?: KeyRevocation;
}

/** A signing key as the directory knows it; the public part is stored here so that a cold tenant loads without a key-store call. */
export interface SigningKeyRecord extends KeyHistory {
  kid: string;
  alg: SigningAlgorithm;
  /** Opaque to everyone but the key store that issued it. */
  reference: string;
  publicJwk: JWK;
}

/** A signing key that the key store is about to be asked for: written first, so that a crash leaves no key that nobody knows of. */
export interface IntendedKey {
  kid: string;
  alg: SigningAlgorithm;
  /** ISO 8601. */
  createdAt: string;
  startedBy: Actor;
}

/** What is known of a cookie key beside its secret, from which `id` is derived. */
export interface CookieKeyRecord extends KeyHistory {
  id: string;
}

/** Where provisioning of a tenant stands (DESIGN: shown beside the order's status). */
export type ProvisioningState =
  | 'queued'
  | 'running'
  | 'awaiting-validation'
  | 'awaiting-compliance'
  | 'active'
  | 'failed'
  | 'rolled-back'
  | 'blocked'
  | 'deprovisioning'
  | 'deprovisioned';

/** One tenant as the data plane sees it: a directory entry (D2). Everything that a request needs, and nothing secret in the clear. */
export interface TenantRecord {
  id: TenantId;
  slug: Slug;
  name: string;
  kind: 'platform' | 'tenant';
  status: TenantStatus;
  /** The number of the operators' decision that `status` follows from; absent before there was one. */
  standing?: number;
  /** Grows by one with every change that the data plane must notice. */
  configVersion: number;
  tableName: string;
  /** The mode of keys to be made for the tenant; absent: the deployment's. */
  keyMode?: KeyMode;
  /** Keys of one algorithm stand together, the newest first. The first active key is the one for whatever names no algorithm. */
  signingKeys: readonly SigningKeyRecord[];
  intendedKeys?: readonly IntendedKey[];
  /** Cookie keys, sealed by the key store under the purpose `cookie-keys` (JSON array of base64url strings): the first signs, all verify. */
  sealedCookieKeys: string;
  /** Absent until the cookie keys change for the first time. */
  cookieKeys?: readonly CookieKeyRecord[];
  /**
   * Secrets of what the tenant has besides table and keys, by name (`database`, `cache`), each sealed by the key store under the purpose
   * `infrastructure/<name>` (B2).
   */
  sealedSecrets?: Readonly<Record<string, string>>;
  provisioning: {
    state: ProvisioningState;
    /** Steps in order with their latest status, for D2. */
    steps: readonly { name: string; status: string; at: string }[];
    /** Of the worker that wrote the entry for a run last: one with a smaller fence was replaced, and writes no more. */
    fence?: number;
  };
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  updatedAt: string;
}
