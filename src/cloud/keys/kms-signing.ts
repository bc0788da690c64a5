import { createHash, createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, SignCommand, type SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import type { JWK } from 'jose';
import { AppError } from '../../kernel/errors.ts';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';
import { joseSignatureOfDer } from './ecdsa-signature.ts';
import type { KmsConnection } from './kms-call.ts';

/** The KMS names of a JWS algorithm (RFC 7518 §3.3–3.5). RSA keys of KMS are not tied to one padding: the alias and the key policy do that. */
export const kmsNames: Record<
  SigningAlgorithm,
  { spec: 'ECC_NIST_P256' | 'RSA_2048'; signing: SigningAlgorithmSpec }
> = {
  ES256: { spec: 'ECC_NIST_P256', signing: 'ECDSA_SHA_256' },
  RS256: { spec: 'RSA_2048', signing: 'RSASSA_PKCS1_V1_5_SHA_256' },
  PS256: { spec: 'RSA_2048', signing: 'RSASSA_PSS_SHA_256' },
};

/** JWS signature bytes over `data`, made in KMS by the key of this alias. */
export async function signInKms(
  kms: KmsConnection,
  alias: string,
  alg: SigningAlgorithm,
  data: Uint8Array,
): Promise<Uint8Array> {
  // RAW messages end at 4096 bytes.
  const Message = createHash('sha256').update(data).digest();
  const { Signature } = await kms.use((client, options) =>
    client.send(
      new SignCommand({
        KeyId: alias,
        Message,
        MessageType: 'DIGEST',
        SigningAlgorithm: kmsNames[alg].signing,
      }),
      options,
    ),
  );
  const signature = present(Signature, 'signature');
  return alg === 'ES256' ? joseSignatureOfDer(signature) : signature;
}

/** The public part of a KMS key, ready for a JWK Set. */
export async function readPublicJwk(
  kms: KmsConnection,
  keyId: string,
  kid: string,
  alg: SigningAlgorithm,
): Promise<JWK> {
  const { PublicKey } = await kms.manage((client, options) =>
    client.send(new GetPublicKeyCommand({ KeyId: keyId }), options),
  );
  return jwkOfSpki(present(PublicKey, 'public key'), kid, alg);
}

export function jwkOfSpki(spki: Uint8Array, kid: string, alg: SigningAlgorithm): JWK {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  return { ...(key.export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' };
}

/** What a successful answer of KMS always holds. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new AppError('server_error', 'The signing key cannot be used.', {
      detail: `KMS answered without ${what}`,
    });
  }
  return value;
}
