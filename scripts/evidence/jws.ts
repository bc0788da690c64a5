/**
 * Verifies compact JWS (RFC 7515) with nothing but what Node brings along, so that whoever verifies evidence need not trust, install or run
 * any of the server's code.
 */
import { constants, createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface EvidenceKey extends JsonWebKey {
  kid?: string;
  alg?: string;
  /** ISO 8601: the platform withdrew the key before its time. */
  revoked_at?: string;
}

export interface OpenedJws {
  header: { alg?: string; kid?: string; typ?: string };
  claims: Record<string, unknown>;
}

/** What the JWS says, believed or not; `undefined` when it is none. */
export function openJws(jws: string): OpenedJws | undefined {
  const parts = jws.split('.');
  if (parts.length !== 3) {
    return undefined;
  }
  try {
    const [header, claims] = parts
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    return { header, claims };
  } catch {
    return undefined;
  }
}

/** True when the private part of `jwk` signed it. Only algorithms of the platform's keys are known, and `none` is not one of them. */
export function isSignedBy(jws: string, jwk: EvidenceKey): boolean {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const alg = openJws(jws)?.header.alg;
  if (jwk.alg !== undefined && jwk.alg !== alg) {
    return false;
  }
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const data = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  switch (alg) {
    case 'ES256':
      return jwk.crv === 'P-256' && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, bytes);
    case 'RS256':
      return jwk.kty === 'RSA' && verify('sha256', data, key, bytes);
    case 'PS256':
      return (
        jwk.kty === 'RSA' &&
        verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, bytes)
      );
    default:
      return false;
  }
}

/** RFC 7638: what people compare to tell keys apart. */
export function thumbprint(jwk: EvidenceKey): string {
  const members = jwk.kty === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['e', 'kty', 'n'];
  const required = Object.fromEntries(members.map((name) => [name, jwk[name]]));
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url');
}

/** A key set from a file, or from an address for those who trust that it is the platform's. */
export async function readKeys(source: string): Promise<EvidenceKey[]> {
  const text = /^https?:\/\//.test(source)
    ? await (await fetch(source, { redirect: 'error' })).text()
    : await readFile(source, 'utf8');
  const { keys } = JSON.parse(text) as { keys?: EvidenceKey[] };
  if (!Array.isArray(keys)) {
    throw new Error(`${source} is not a JSON Web Key Set`);
  }
  return keys;
}
