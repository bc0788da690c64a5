import { Type } from 'typebox';
import { shape } from '../answer-schema.ts';

/** RFC 7517; which other members it has depends on the kind of key. */
const jwkSchema = Type.Object(
  { kty: Type.String(), kid: Type.String(), revoked_at: Type.Optional(Type.String()) },
  { title: 'Jwk', additionalProperties: true },
);

export const evidenceKeysSchema = shape('JwkSet', { keys: Type.Array(jwkSchema) });

export const receiptSchema = shape('Receipt', {
  version: Type.Integer({ description: 'From 1; it grows when the receipt is issued anew' }),
  receipt: Type.Object(
    { iss: Type.String(), tenant_id: Type.String(), status: Type.String(), timestamp: Type.String() },
    { additionalProperties: true, description: 'The payload of `jws`' },
  ),
  jws: Type.String(),
  key: jwkSchema,
});
