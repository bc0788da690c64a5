import { Type } from 'typebox';
import { clientDocumentSchema } from '../../clients/client-input.ts';
import { instant, page, shape, webAddress } from '../answer-schema.ts';

const clientFields = {
  ...clientDocumentSchema.properties,
  enabled: Type.Boolean({ description: 'A disabled client is refused like an unknown one' }),
  redirectUris: Type.Array(Type.String()),
  postLogoutRedirectUris: Type.Array(Type.String()),
  scopes: Type.Array(Type.String()),
  clientId: Type.String(),
  registered: Type.Optional(Type.Literal(true, { description: 'It registered itself (RFC 7591)' })),
  formerSecretUntil: Type.Optional(instant),
  createdAt: instant,
  updatedAt: instant,
  issuer: webAddress,
};

export const clientSchema = shape('Client', clientFields);

export const clientWithSecretSchema = shape('ClientWithSecret', {
  ...clientFields,
  clientSecret: Type.Optional(Type.String({ description: 'Of a confidential client; shown this once' })),
});

export const clientPageSchema = page('ClientPage', 'clients', clientSchema);

export const removedClientSchema = shape('RemovedClient', {
  clientId: Type.String(),
  removed: Type.Literal(true),
});
