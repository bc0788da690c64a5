/**
 * The keys port: signing keys whose private part stays in a key store (A6), and sealing of small secrets. Every operation goes through a
 * handle for one tenant; a reference or a sealed value of another tenant is refused, because the tenant's id is bound into each of them.
 */
import type { JWK } from 'jose';
import type { TenantId } from '../../kernel/ids.ts';
import type { KeyMode, SigningAlgorithm } from '../../kernel/tenant.ts';

export interface CreatedKey {
  /** Opaque; kept in the tenant's directory entry. */
  reference: string;
  publicJwk: JWK;
}

export interface TenantKeys {
  /** Idempotent by `kid`: a second call returns the same key, in whatever mode. `mode` is the new key's; absent: the deployment's. */
  create(kid: string, alg: SigningAlgorithm, mode?: KeyMode): Promise<CreatedKey>;
  /** JWS signature bytes over `data` (RFC 7518: r‖s for ES256). `AppError('temporarily_unavailable')` when the store cannot answer. */
  sign(reference: string, alg: SigningAlgorithm, data: Uint8Array): Promise<Uint8Array>;
  /** Idempotent. After it the key never signs again. */
  destroy(reference: string): Promise<void>;
  /** References of all keys that exist for the tenant: for undo and reconciliation. */
  list(): Promise<string[]>;
  /** Whether a key with the reference would be in `list`: the deployment may not have the store any more in which the key was made. */
  reaches(reference: string): boolean;
  /** Authenticated encryption bound to tenant and purpose; the result is printable. */
  seal(purpose: string, plaintext: Uint8Array): Promise<string>;
  unseal(purpose: string, sealed: string): Promise<Uint8Array>;
}

export interface KeyStore {
  forTenant(tenantId: TenantId): TenantKeys;
}
