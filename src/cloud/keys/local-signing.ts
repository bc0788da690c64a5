import {
  constants,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';

const generate = promisify(generateKeyPair);
const signInBackground = promisify(
  (data: Uint8Array, key: SignKeyObjectInput, done: (error: Error | null, signature: Buffer) => void) =>
    sign('sha256', data, key, done),
);

/** A fresh private key of the kind that `alg` needs (RFC 7518 §3.3–3.5: RSA of at least 2048 bits). */
export async function generatePrivateKey(alg: SigningAlgorithm): Promise<KeyObject> {
  const { privateKey } =
    alg === 'ES256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048 });
  return privateKey;
}

/** The public part with `kid`, `alg` and `use`, ready for a JWK Set. */
export function publicJwkOf(privateKey: KeyObject, kid: string, alg: SigningAlgorithm): JWK {
  return { ...(createPublicKey(privateKey).export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' };
}

/** JWS signature bytes. RSA costs around a millisecond and runs beside the event loop; P-256 costs less than the hand-over. */
export async function signWith(key: KeyObject, alg: SigningAlgorithm, data: Uint8Array): Promise<Uint8Array> {
  switch (alg) {
    case 'ES256':
      return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
    case 'RS256':
      return await signInBackground(data, { key, padding: constants.RSA_PKCS1_PADDING });
    case 'PS256':
      // RFC 7518 §3.5: the salt is as long as the hash.
      return await signInBackground(data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
  }
}
