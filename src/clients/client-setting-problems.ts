import { createPublicKey } from 'node:crypto';
import type { FieldError } from '../kernel/errors.ts';
import type { ClientSettings } from './client-settings.ts';
import { type ClientType, isConfidential } from './client-type.ts';
import { isWebOrLoopback } from './redirect-uris.ts';

const addressFields = [
  'jwksUri',
  'sectorIdentifierUri',
  'initiateLoginUri',
  'backchannelLogoutUri',
  'clientUri',
  'logoUri',
  'tosUri',
  'policyUri',
] as const;

/** Settings that mean nothing for a client that signs in nobody. */
const userFields = [
  'idTokenSignedResponseAlg',
  'userinfoSignedResponseAlg',
  'defaultMaxAge',
  'requireAuthTime',
  'defaultAcrValues',
  'initiateLoginUri',
  'backchannelLogoutUri',
  'backchannelLogoutSessionRequired',
  'requirePushedAuthorizationRequests',
  'requireMfa',
] as const;

const minRsaBits = 2048;

/** What the schema cannot say about the settings of a client of this type, each problem with its field (B9). */
export function clientSettingProblems(type: ClientType, settings: ClientSettings): FieldError[] {
  return [
    ...authenticationProblems(type, settings),
    ...(type === 'm2m'
      ? userFields.flatMap((field) =>
          settings[field] === undefined
            ? []
            : [{ field, message: 'is for clients that sign users in; leave it out' }],
        )
      : []),
    ...(settings.requirePushedAuthorizationRequests === true && type === 'device'
      ? [{ field: 'requirePushedAuthorizationRequests', message: `a ${type} client sends none` }]
      : []),
    ...(settings.deviceFlow !== undefined && type !== 'native'
      ? [{ field: 'deviceFlow', message: 'is for native clients; a device client has nothing else' }]
      : []),
    ...subjectProblems(type, settings),
    ...addressFields.flatMap((field) => {
      const address = settings[field];
      return address === undefined || isPlainAddress(address)
        ? []
        : [{ field, message: 'must be an https URL, or http on a loopback address, without credentials' }];
    }),
    ...keyProblems(settings.jwks?.keys ?? []),
  ];
}

/** Where there is no web host that belongs to the client, nothing tells whose it is. */
function subjectProblems(
  type: ClientType,
  { subjectType, sectorIdentifierUri }: ClientSettings,
): FieldError[] {
  if (subjectType === 'pairwise' && type !== 'web' && type !== 'spa') {
    return [{ field: 'subjectType', message: 'pairwise is for web and spa clients' }];
  }
  return sectorIdentifierUri !== undefined && subjectType !== 'pairwise'
    ? [{ field: 'sectorIdentifierUri', message: 'is for the subjectType pairwise only' }]
    : [];
}

function authenticationProblems(
  type: ClientType,
  { tokenEndpointAuthMethod: method, jwks, jwksUri, tokenEndpointAuthSigningAlg }: ClientSettings,
): FieldError[] {
  const field = 'tokenEndpointAuthMethod';
  if (!isConfidential(type)) {
    return method === undefined || method === 'none'
      ? keysWithoutUse()
      : [{ field, message: `a ${type} client keeps no secret: it must be none` }];
  }
  if (method === 'none') {
    return [{ field, message: `a ${type} client authenticates: it must not be none` }];
  }
  if (method !== 'private_key_jwt') {
    return keysWithoutUse();
  }
  if (jwks === undefined && jwksUri === undefined) {
    return [{ field: 'jwks', message: 'private_key_jwt needs jwks or jwksUri' }];
  }
  return jwks !== undefined && jwksUri !== undefined
    ? [{ field: 'jwksUri', message: 'give jwks or jwksUri, not both' }]
    : [];

  function keysWithoutUse(): FieldError[] {
    return Object.entries({ jwks, jwksUri, tokenEndpointAuthSigningAlg }).flatMap(([name, value]) =>
      value === undefined ? [] : [{ field: name, message: 'is for private_key_jwt only' }],
    );
  }
}

function isPlainAddress(address: string): boolean {
  const url = /^[\x21-\x7e]+$/.test(address) ? URL.parse(address) : null;
  return (
    url !== null && isWebOrLoopback(url) && url.username === '' && url.password === '' && url.hash === ''
  );
}

function keyProblems(keys: readonly object[]): FieldError[] {
  return keys.flatMap((key, index) => {
    const message = keyProblem(key);
    return message === undefined ? [] : [{ field: `jwks.keys.${index}`, message }];
  });
}

function keyProblem(key: object): string | undefined {
  if ('k' in key || 'd' in key || 'p' in key || 'q' in key || 'priv' in key) {
    return 'must be a public key: this one has private parts, so whoever saw it may use it';
  }
  try {
    const imported = createPublicKey({ key: { ...key }, format: 'jwk' });
    const bits = imported.asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < minRsaBits ? `must have at least ${minRsaBits} bits` : undefined;
  } catch {
    return 'must be a public JWK (RFC 7517)';
  }
}
