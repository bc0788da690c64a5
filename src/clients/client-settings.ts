import { type Static, Type } from 'typebox';

/** RFC 6749 §3.3. */
export const scopePattern = '^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,128}$';

const uri = (description: string) => Type.String({ minLength: 1, maxLength: 1024, description });

/**
 * What a client may have beside name, redirect URIs and scopes: client metadata of OpenID Connect and RFC 7591 under their names in camel case,
 * and settings of our own. All of it is optional; what is absent is as the type's defaults say.
 */
export const clientSettingFields = {
  tokenEndpointAuthMethod: Type.Optional(
    Type.Enum(['client_secret_basic', 'private_key_jwt', 'none'], {
      description: 'By default client_secret_basic for web and m2m; none for the others, always',
    }),
  ),
  jwks: Type.Optional(
    Type.Object(
      { keys: Type.Array(Type.Object({}, { additionalProperties: true }), { minItems: 1, maxItems: 10 }) },
      { additionalProperties: false, description: 'Public keys for private_key_jwt (RFC 7523)' },
    ),
  ),
  jwksUri: Type.Optional(uri('Where those keys are, instead of jwks')),
  tokenEndpointAuthSigningAlg: Type.Optional(
    Type.Enum(['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'], {
      description:
        'For private_key_jwt: the only algorithm that counts; by default each that the tenant takes',
    }),
  ),
  idTokenSignedResponseAlg: Type.Optional(
    Type.Enum(['ES256', 'RS256', 'PS256'], {
      description: 'An algorithm that the tenant has a key of; by default that of its first key',
    }),
  ),
  userinfoSignedResponseAlg: Type.Optional(
    Type.Enum(['ES256', 'RS256', 'PS256'], {
      description: 'Userinfo as a JWT, signed so; by default plain JSON',
    }),
  ),
  subjectType: Type.Optional(
    Type.Enum(['public', 'pairwise'], {
      description:
        'pairwise: what people are called here is not what they are called elsewhere; default public',
    }),
  ),
  sectorIdentifierUri: Type.Optional(
    uri('For pairwise: where the redirect URIs of all clients are that know people by one name'),
  ),
  defaultMaxAge: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 31_536_000, description: 'Seconds since the last sign-in' }),
  ),
  requireAuthTime: Type.Optional(Type.Boolean()),
  defaultAcrValues: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 10, uniqueItems: true }),
  ),
  initiateLoginUri: Type.Optional(uri('Where the application begins a sign-in')),
  backchannelLogoutUri: Type.Optional(uri('Told when a session ends')),
  backchannelLogoutSessionRequired: Type.Optional(Type.Boolean()),
  dpopBoundAccessTokens: Type.Optional(Type.Boolean({ description: 'Tokens with DPoP only (RFC 9449)' })),
  requirePushedAuthorizationRequests: Type.Optional(Type.Boolean({ description: 'RFC 9126' })),
  clientUri: Type.Optional(uri('Home page')),
  logoUri: Type.Optional(uri('Logo')),
  tosUri: Type.Optional(uri('Terms of service')),
  policyUri: Type.Optional(uri('Privacy policy')),
  contacts: Type.Optional(
    Type.Array(Type.String({ format: 'email', maxLength: 254 }), { maxItems: 10, uniqueItems: true }),
  ),
  deviceFlow: Type.Optional(
    Type.Boolean({ description: 'For native clients: the device flow (RFC 8628) besides the browser' }),
  ),
  applicationTenantId: Type.Optional(
    Type.String({
      pattern: '^(default|apt_[A-Za-z0-9_-]{22})$',
      description: 'the id of an application tenant: only its users sign in to the client (E2)',
    }),
  ),
  requireMfa: Type.Optional(Type.Boolean({ description: 'A second factor, whatever the policy says' })),
  resourceScopes: Type.Optional(
    Type.Array(
      Type.Object(
        {
          resource: Type.String({ minLength: 1, maxLength: 512, description: 'Indicator of an API' }),
          scopes: Type.Array(Type.String({ pattern: scopePattern }), { maxItems: 100, uniqueItems: true }),
        },
        { additionalProperties: false },
      ),
      {
        maxItems: 100,
        description:
          'Which of its scopes the client may ask for at which API; absent: all of them at every API that has them',
      },
    ),
  ),
};

const settingsSchema = Type.Object(clientSettingFields);

export type ClientSettings = Static<typeof settingsSchema>;

/** The settings among the members of something larger, without absent ones. */
export function pickClientSettings(from: ClientSettings): ClientSettings {
  const names = Object.keys(clientSettingFields) as (keyof ClientSettings)[];
  return Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])),
  ) as ClientSettings;
}
