import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JWK, type JWTPayload } from 'jose';
import type { KeyStore } from '../cloud/keys/port.ts';
import { ConditionFailed, type Table, type Tables } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { SigningKeyRecord, TenantRecord } from '../kernel/tenant.ts';

/** A compact JWS and the key that verifies it. */
export interface SignedStatement {
  jws: string;
  kid: string;
  publicJwk: JWK;
}

export type EvidenceKey = JWK & { revoked_at?: string };

export interface VerifiedStatement {
  claims: JWTPayload;
  /** ISO 8601: since then whoever had the key could have signed the same, so the statement proves nothing by itself. */
  revokedAt?: string;
}

/**
 * What the platform states for the record: audit checkpoints and receipts. Each is a JWS (RFC 7515) by the platform tenant's active signing
 * key. Signing keys are rotated and their public parts leave the platform's JWKS some time later, so every key that ever signed a statement
 * is kept in the platform tenant's table and published by `keys` for good: statements stay verifiable. So is the revocation of such a key, which the
 * platform's directory entry forgets some time after the key itself.
 */
export interface Statements {
  /** `type` becomes the header's `typ`, which keeps one kind of statement, and any token, from passing for another (RFC 8725 §3.11). */
  sign(type: string, claims: Readonly<Record<string, unknown>>): Promise<SignedStatement>;
  /** What the statement says, when one of `keys` signed one of this type; otherwise `undefined`. */
  verify(type: string, jws: string): Promise<VerifiedStatement | undefined>;
  /** Public keys, each with `kid`, `alg` and `use`, and one that was revoked with `revoked_at` (ISO 8601): whoever relies on it must decide. */
  keys(): Promise<EvidenceKey[]>;
  /** Writes down which keys were revoked. Returns those whose statements have not been made anew since. */
  noteRevocations(): Promise<{ kid: string; revokedAt: string }[]>;
  /** Every statement by the key that counts has been made anew with another one. */
  markRenewed(kid: string): Promise<void>;
}

export interface StatementsDependencies {
  /** The platform tenant's directory entry. */
  findPlatform: () => Promise<TenantRecord | undefined>;
  tables: Pick<Tables, 'open'>;
  keyStore: KeyStore;
  publicUrl: URL;
  clock: Clock;
}

const keyPartition = 'EvidenceKey';

export function createStatements(dependencies: StatementsDependencies): Statements {
  const { findPlatform, tables, keyStore, publicUrl, clock } = dependencies;
  const kept = new Set<string>();

  async function platform(): Promise<TenantRecord> {
    const record = await findPlatform();
    if (record === undefined) {
      throw new AppError('temporarily_unavailable', 'The platform tenant is not set up yet.');
    }
    return record;
  }

  /** Before the first statement by a key, so that none is ever without its key. */
  async function keep(table: Table, { kid, alg, publicJwk }: SigningKeyRecord): Promise<void> {
    if (kept.has(kid)) {
      return;
    }
    const jwk = JSON.stringify({ ...publicJwk, kid, alg, use: 'sig' });
    try {
      await table.put({ pk: keyPartition, sk: kid, jwk, firstUsedAt: new Date(clock.now()).toISOString() }, [
        { exists: false },
      ]);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) {
        throw error;
      }
    }
    kept.add(kid);
  }

  async function readKept(): Promise<{ table: Table; keys: KeptKey[] }> {
    const { tableName, signingKeys } = await platform();
    const table = tables.open(tableName);
    const revocations = new Map(signingKeys.map(({ kid, revocation }) => [kid, revocation?.at]));
    const found: KeptKey[] = [];
    let cursor: string | undefined;
    do {
      const page = await table.query({ pk: keyPartition, ...(cursor === undefined ? {} : { cursor }) });
      for (const { sk: kid, jwk, revokedAt, renewedAt } of page.items) {
        const noted = revokedAt === undefined ? undefined : String(revokedAt);
        found.push({
          kid,
          jwk: JSON.parse(String(jwk)) as JWK,
          revokedAt: noted ?? revocations.get(kid),
          isNoted: noted !== undefined,
          isRenewed: renewedAt !== undefined,
        });
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return { table, keys: found };
  }

  async function keys(): Promise<EvidenceKey[]> {
    const kept = await readKept();
    return kept.keys.map(({ jwk, revokedAt }) => ({
      ...jwk,
      ...(revokedAt === undefined ? {} : { revoked_at: revokedAt }),
    }));
  }

  return {
    keys,

    async noteRevocations() {
      const { table, keys: all } = await readKept();
      const revoked = all.flatMap(({ revokedAt, ...key }) =>
        revokedAt === undefined ? [] : { ...key, revokedAt },
      );
      for (const { kid, revokedAt } of revoked.filter(({ isNoted }) => !isNoted)) {
        await table.update({ pk: keyPartition, sk: kid }, { set: { revokedAt } }, [{ exists: true }]);
      }
      return revoked.filter(({ isRenewed }) => !isRenewed).map(({ kid, revokedAt }) => ({ kid, revokedAt }));
    },

    async markRenewed(kid) {
      const { tableName } = await platform();
      const renewedAt = new Date(clock.now()).toISOString();
      await tables
        .open(tableName)
        .update({ pk: keyPartition, sk: kid }, { set: { renewedAt } }, [{ exists: true }]);
    },

    async sign(type, claims) {
      const record = await platform();
      const key = record.signingKeys.find(({ state }) => state === 'active');
      if (key === undefined) {
        throw new AppError('temporarily_unavailable', 'The platform tenant has no signing key yet.');
      }
      await keep(tables.open(record.tableName), key);
      const input = [
        encode({ alg: key.alg, kid: key.kid, typ: type }),
        encode({ iss: `${publicUrl.origin}/${record.slug}`, iat: epochSeconds(clock), ...claims }),
      ].join('.');
      const signature = await keyStore.forTenant(record.id).sign(key.reference, key.alg, Buffer.from(input));
      const jws = `${input}.${Buffer.from(signature).toString('base64url')}`;
      return { jws, kid: key.kid, publicJwk: key.publicJwk };
    },

    async verify(type, jws) {
      const known = await keys();
      const claims = await verifyStatement(type, jws, known);
      const revokedAt = known.find(({ kid }) => kid === kidOf(jws))?.revoked_at;
      return claims && { claims, ...(revokedAt === undefined ? {} : { revokedAt }) };
    },
  };
}

interface KeptKey {
  kid: string;
  jwk: JWK;
  revokedAt: string | undefined;
  /** The revocation is written down here, too. */
  isNoted: boolean;
  isRenewed: boolean;
}

/** Which key the statement says that it was signed by; `undefined` for what is no statement. */
export function kidOf(jws: string): string | undefined {
  try {
    return decodeProtectedHeader(jws).kid;
  } catch {
    return undefined;
  }
}

/** The claims when one of the keys signed a statement of this type; otherwise `undefined`. */
export async function verifyStatement(
  type: string,
  jws: string,
  keys: readonly JWK[],
): Promise<JWTPayload | undefined> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet({ keys: [...keys] }), {
      algorithms: ['ES256', 'RS256', 'PS256'],
    });
    return protectedHeader.typ === type
      ? (JSON.parse(Buffer.from(payload).toString()) as JWTPayload)
      : undefined;
  } catch {
    return undefined;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
