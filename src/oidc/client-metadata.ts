import type { Client, ClientMetadata } from 'oidc-provider';
import { scopesAt } from '../clients/client-item.ts';
import type { ClientSettings } from '../clients/client-settings.ts';
import { isConfidential, usesRedirects } from '../clients/client-type.ts';
import type { ClientRecord } from '../clients/clients.ts';

/** Our own metadata property: the API scopes that a client may ask for. */
export const apiScopesProperty = 'api_scopes';

/** Our own metadata property: which of them at which API, if that is not all at each. */
export const resourceScopesProperty = 'resource_scopes';

/** Our own metadata property: the id of the application tenant whose users alone sign in to the client. */
export const applicationTenantProperty = 'application_tenant_id';

/** Our own metadata property: whether a second factor is asked for at every sign-in to the client. */
export const requireMfaProperty = 'require_mfa';

export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Between hashes, which are base64url. */
const separator = ' ';

/** The provider's names of the settings that it knows. */
const settingNames = {
  jwks: 'jwks',
  jwksUri: 'jwks_uri',
  tokenEndpointAuthSigningAlg: 'token_endpoint_auth_signing_alg',
  idTokenSignedResponseAlg: 'id_token_signed_response_alg',
  userinfoSignedResponseAlg: 'userinfo_signed_response_alg',
  subjectType: 'subject_type',
  sectorIdentifierUri: 'sector_identifier_uri',
  defaultMaxAge: 'default_max_age',
  requireAuthTime: 'require_auth_time',
  defaultAcrValues: 'default_acr_values',
  initiateLoginUri: 'initiate_login_uri',
  backchannelLogoutUri: 'backchannel_logout_uri',
  backchannelLogoutSessionRequired: 'backchannel_logout_session_required',
  dpopBoundAccessTokens: 'dpop_bound_access_tokens',
  requirePushedAuthorizationRequests: 'require_pushed_authorization_requests',
  clientUri: 'client_uri',
  logoUri: 'logo_uri',
  tosUri: 'tos_uri',
  policyUri: 'policy_uri',
  contacts: 'contacts',
  applicationTenantId: applicationTenantProperty,
  requireMfa: requireMfaProperty,
  resourceScopes: resourceScopesProperty,
} as const satisfies Partial<Record<keyof ClientSettings, string>>;

const fieldNames: Readonly<Record<string, string>> = {
  client_id: 'clientId',
  client_name: 'name',
  application_type: 'type',
  redirect_uris: 'redirectUris',
  post_logout_redirect_uris: 'postLogoutRedirectUris',
  token_endpoint_auth_method: 'tokenEndpointAuthMethod',
  ...Object.fromEntries(Object.entries(settingNames).map(([field, name]) => [name, field])),
};

/** Our field behind a property of the provider's client metadata. */
export function fieldOfMetadata(property: string): string | undefined {
  return fieldNames[property];
}

/**
 * A client as the provider knows it, or `undefined` for one that cannot be used. `client_secret` carries the hashes of all secrets that count:
 * the provider needs it present, compares through `compareClientSecret`, and has every feature off that would use it as a key. One
 * registered method stands for both: the provider takes the secret in the header or in the body.
 */
export function toClientMetadata(
  client: ClientRecord,
  secretHashes: readonly string[],
): ClientMetadata | undefined {
  const method = isConfidential(client.type)
    ? (client.tokenEndpointAuthMethod ?? 'client_secret_basic')
    : 'none';
  if (method === 'client_secret_basic' && secretHashes.length === 0) {
    return undefined;
  }
  const signsInByBrowser = usesRedirects(client.type) && client.redirectUris.length > 0;
  return {
    client_id: client.clientId,
    client_name: client.name,
    application_type: client.type === 'native' ? 'native' : 'web',
    token_endpoint_auth_method: method,
    ...(method === 'client_secret_basic' ? { client_secret: secretHashes.join(separator) } : {}),
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    response_types: signsInByBrowser ? ['code'] : [],
    grant_types: grantTypes(client, signsInByBrowser),
    ...Object.fromEntries(
      Object.entries(settingNames).flatMap(([field, name]) => {
        const value = client[field as keyof typeof settingNames];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    [apiScopesProperty]: [...client.scopes],
  };
}

/** The hashes of the secrets that the provider's client may authenticate with. */
export function secretHashesOf(client: Client): readonly string[] {
  return client.clientSecret?.split(separator) ?? [];
}

function grantTypes({ type, deviceFlow }: ClientRecord, signsInByBrowser: boolean): string[] {
  switch (type) {
    case 'm2m':
      return ['client_credentials'];
    case 'device':
      return [deviceCodeGrant, 'refresh_token'];
    default:
      return signsInByBrowser
        ? ['authorization_code', 'refresh_token', ...(deviceFlow === true ? [deviceCodeGrant] : [])]
        : [];
  }
}

/** The scopes that the provider's client may ask for at an API. */
export function apiScopesOf(client: Client, indicator: string): readonly string[] {
  const scopes = client[apiScopesProperty];
  const resourceScopes = client[resourceScopesProperty] as ClientSettings['resourceScopes'];
  return scopesAt({ scopes: Array.isArray(scopes) ? scopes : [], resourceScopes }, indicator);
}

/** Whether the provider's client asks for a second factor, whatever the policy says. */
export function requiresMfa(client: Client): boolean {
  return client[requireMfaProperty] === true;
}

/** The application tenant that the provider's client is bound to, if any. */
export function applicationTenantOf(client: Client): string | undefined {
  const id = client[applicationTenantProperty];
  return typeof id === 'string' ? id : undefined;
}
