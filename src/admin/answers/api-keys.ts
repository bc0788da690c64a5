import { Type } from 'typebox';
import { instant, page, shape } from '../answer-schema.ts';

const apiKeyFields = {
  id: Type.String({ description: 'The part of the key that is no secret' }),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  applicationTenantId: Type.Optional(
    Type.String({ description: 'The one application tenant that it reaches; absent: the whole tenant' }),
  ),
  createdBy: Type.String(),
  createdAt: instant,
  expiresAt: instant,
  lastUsedAt: Type.Optional(instant),
};

export const apiKeySchema = shape('ApiKey', apiKeyFields);

export const createdApiKeySchema = shape('CreatedApiKey', {
  ...apiKeyFields,
  secret: Type.Optional(Type.String({ description: 'The whole key; shown this once' })),
});

export const apiKeyPageSchema = page('ApiKeyPage', 'apiKeys', apiKeySchema);
