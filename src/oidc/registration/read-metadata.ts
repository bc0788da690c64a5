import { type ClientInput, clientInputSchema, validateClientInput } from '../../clients/client-input.ts';
import type { ClientType } from '../../clients/client-type.ts';
import type { RegistrationPolicy } from '../../clients/registration-policy.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import { compileSchema } from '../../web/compile-schema.ts';
import { deviceCodeGrant, fieldOfMetadata } from '../client-metadata.ts';

/** A client's metadata as it sends them (RFC 7591 §2). */
export type Metadata = Readonly<Record<string, unknown>>;

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

const grantsOf: Readonly<Record<ClientType, readonly string[]>> = {
  web: ['authorization_code', 'refresh_token'],
  spa: ['authorization_code', 'refresh_token'],
  native: ['authorization_code', 'refresh_token'],
  device: [deviceCodeGrant, 'refresh_token'],
  m2m: ['client_credentials'],
};

const validate = compileSchema({ schema: clientInputSchema, problems: validateClientInput });

/**
 * The client that the metadata describe, within what the tenant lets clients be that register themselves. Metadata that we do not know are
 * left out, as RFC 7591 §2 has it. `AppError('validation_failed')` with every problem, by our names of the fields.
 */
export function readMetadata(metadata: Metadata, policy: RegistrationPolicy): ClientInput {
  const type = typeOf(metadata);
  const given = Object.entries(metadata).flatMap(([property, value]) => {
    const field = fieldOfMetadata(property);
    return field === undefined || notTheirs.has(field) || value === null || value === ''
      ? []
      : [[field, value]];
  });
  const input = validate({
    name: 'Unnamed client',
    ...Object.fromEntries(given),
    // The provider takes the secret in the header and in the body alike.
    ...(metadata.token_endpoint_auth_method === 'client_secret_post'
      ? { tokenEndpointAuthMethod: 'client_secret_basic' }
      : {}),
    type,
    scopes: scopesOf(metadata),
  });
  const problems = [
    ...grantProblems(metadata, type),
    ...(policy.types.includes(type)
      ? []
      : [{ field: 'type', message: `${type} clients do not register here` }]),
    ...(input.scopes ?? []).flatMap((scope) =>
      policy.scopes.includes(scope)
        ? []
        : [{ field: 'scopes', message: `${scope} is not for clients that register` }],
    ),
    ...placeProblems(input, policy),
  ];
  if (problems.length > 0) {
    throw new AppError('validation_failed', 'The client cannot be registered.', { fields: problems });
  }
  return input;
}

/** What only the tenant's administrators set. */
const notTheirs = new Set(['clientId', 'type', 'applicationTenantId', 'requireMfa', 'resourceScopes']);

/** Scopes that OpenID Connect defines need no entry. */
const openidScopes = new Set([
  'openid',
  'offline_access',
  'profile',
  'email',
  'address',
  'phone',
  'roles',
  'groups',
]);

function scopesOf({ scope }: Metadata): string[] {
  const words = typeof scope === 'string' ? scope.split(' ') : [];
  return [...new Set(words.filter((word) => word !== '' && !openidScopes.has(word)))];
}

function typeOf({
  grant_types: grants,
  application_type: application,
  token_endpoint_auth_method: method,
}: Metadata): ClientType {
  const asked: unknown[] = Array.isArray(grants) ? grants : ['authorization_code'];
  if (asked.includes(deviceCodeGrant)) return 'device';
  if (asked.includes('client_credentials') && !asked.includes('authorization_code')) return 'm2m';
  if (application === 'native') return 'native';
  return method === 'none' ? 'spa' : 'web';
}

function grantProblems(
  { grant_types: grants, response_types: responses }: Metadata,
  type: ClientType,
): FieldError[] {
  const hasOnly = (list: unknown, allowed: readonly string[]) =>
    list === undefined || (Array.isArray(list) && list.every((entry) => allowed.includes(entry)));
  return [
    ...(hasOnly(grants, grantsOf[type])
      ? []
      : [{ field: 'grant_types', message: `can only contain ${grantsOf[type].join(', ')}` }]),
    ...(hasOnly(responses, ['code']) ? [] : [{ field: 'response_types', message: 'can only contain code' }]),
  ];
}

function placeProblems(
  { type, redirectUris = [] }: ClientInput,
  { redirectHosts }: RegistrationPolicy,
): FieldError[] {
  if (redirectHosts.length === 0) {
    return [];
  }
  return redirectUris.flatMap((uri, index) => {
    const url = new URL(uri);
    const isOwn = type === 'native' && url.protocol === 'http:' && loopbackHosts.has(url.hostname);
    const place = /^https?:$/.test(url.protocol) ? url.host : url.protocol.slice(0, -1);
    return isOwn || redirectHosts.includes(place)
      ? []
      : [{ field: `redirectUris.${index}`, message: 'leads to a host that the tenant does not allow' }];
  });
}
