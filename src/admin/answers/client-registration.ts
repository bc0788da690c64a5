import { Type } from 'typebox';
import { registrationPolicySchema } from '../../clients/registration-policy.ts';
import { instant, page, shape, webAddress } from '../answer-schema.ts';

export const registrationPolicyViewSchema = shape('ClientRegistration', {
  ...registrationPolicySchema.properties,
  registrationEndpoint: webAddress,
});

const tokenFields = {
  id: Type.String(),
  name: Type.String(),
  usesLeft: Type.Integer({ minimum: 0 }),
  createdAt: instant,
  expiresAt: instant,
};

export const initialAccessTokenSchema = shape('InitialAccessToken', tokenFields);

export const createdInitialAccessTokenSchema = shape('CreatedInitialAccessToken', {
  ...tokenFields,
  token: Type.Optional(Type.String({ description: 'Shown this once' })),
});

export const initialAccessTokenPageSchema = page(
  'InitialAccessTokenPage',
  'initialAccessTokens',
  initialAccessTokenSchema,
);
