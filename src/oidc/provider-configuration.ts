import { type AdapterFactory, type Configuration, type ExternalSigningKey, errors } from 'oidc-provider';
import { AppError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { isActive, isPublished } from '../tenancy/key-lifecycle.ts';
import { locales } from '../web/i18n/locales.ts';
import { accountClient } from './account/account-sign-in.ts';
import { clientPolicy } from './client-policy.ts';
import { createIntrospectionPolicy } from './introspection-policy.ts';
import type { PairwiseSubject } from './pairwise-subjects.ts';
import type { ResourceServers } from './resource-servers.ts';
import type { SessionTtl } from './sessions/session-rules.ts';
import type { ProviderHooks } from './tenant-pages.ts';
import { tokenLifetimes } from './token-lifetimes.ts';

/** How far clocks of clients may be off, in seconds. */
const clockToleranceSeconds = 5;

/**
 * The policy of every tenant (RFC 9700): authorization code with PKCE for everybody, exact redirect URIs, no implicit, hybrid or password
 * grant, rotating refresh tokens, tokens bound to one audience. What a feature is not named here is off; the test of the discovery document
 * keeps the list honest, because the provider ignores unknown options silently.
 */
export function createProviderConfiguration({
  record,
  issuer,
  hooks,
  adapter,
  signingKeys,
  cookieKeys,
  resourceServers,
  fetch,
  registrationEndpoint,
  sessionTtl,
  pairwiseSubject,
}: {
  record: TenantRecord;
  issuer: string;
  hooks: ProviderHooks;
  adapter: AdapterFactory;
  signingKeys: readonly ExternalSigningKey[];
  /** The first signs, all verify. */
  cookieKeys: readonly string[];
  resourceServers: ResourceServers;
  /** For whatever clients let the provider fetch. */
  fetch: NonNullable<Configuration['fetch']>;
  /** Where clients register themselves, if they may. */
  registrationEndpoint?: string;
  sessionTtl: SessionTtl;
  pairwiseSubject: PairwiseSubject;
}): Configuration {
  const algorithms = [...new Set(record.signingKeys.filter(isPublished).map(({ alg }) => alg))];
  const activeAlgorithm = record.signingKeys.find(isActive)?.alg;
  if (activeAlgorithm === undefined) {
    throw new AppError('temporarily_unavailable', 'The tenant cannot sign at the moment.', {
      headers: { 'Retry-After': '1' },
      detail: `tenant ${record.id} has no active signing key`,
    });
  }
  return {
    adapter,
    jwks: { keys: signingKeys },
    // One name for all tenants, told apart by path and key: a browser sends each tenant its own cookies only. The short-lived ones get the
    // path of their page from the provider.
    cookies: {
      keys: [...cookieKeys],
      long: { path: `/${record.slug}`, httpOnly: true, sameSite: 'lax', overwrite: true },
      short: { httpOnly: true, sameSite: 'lax', overwrite: true },
    },

    ...clientPolicy({ algorithms, defaultAlgorithm: activeAlgorithm }),
    pkce: { required: () => true },
    extraParams: hooks.extraParams,
    fetch,
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    enableHttpPostMethods: false,
    conformIdTokenClaims: true,
    clockTolerance: clockToleranceSeconds,
    // A client with a secret has no business calling from a browser; reading userinfo is harmless.
    clientBasedCORS: ({ oidc }, origin, client) =>
      (client.clientAuthMethod === 'none' || oidc.route === 'userinfo') &&
      isOriginOfClient(origin, client.redirectUris ?? []),

    // A public client refreshes from where its user is; the address of a client with a secret is its server's, and says nothing of the user.
    async rotateRefreshToken(context) {
      if (context.oidc.client?.clientAuthMethod === 'none' && !(await hooks.admitsNetwork(context))) {
        throw new errors.InvalidGrant('refreshing is not possible from this network');
      }
      return true;
    },
    // Without `offline_access` a refresh token ends with the session it was issued in.
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async (_ctx, source) => !source.scopes.has('offline_access'),
    ttl: tokenLifetimes(sessionTtl),

    findAccount: hooks.findAccount,
    pairwiseIdentifier: (_context, accountId, client) =>
      pairwiseSubject(String(client.sectorIdentifier), accountId),
    extraTokenClaims: hooks.extraTokenClaims,
    loadExistingGrant: hooks.loadExistingGrant,
    renderError: hooks.renderError,
    interactions: hooks.interactions,
    claims: hooks.claims,
    clients: [accountClient(issuer)],
    discovery: {
      ui_locales_supported: locales,
      ...(registrationEndpoint === undefined ? {} : { registration_endpoint: registrationEndpoint }),
    },

    features: {
      claimsParameter: { enabled: true },
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true, ...hooks.devicePages },
      dPoP: { enabled: true },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      introspection: {
        enabled: true,
        allowedPolicy: createIntrospectionPolicy({ resourceServers, ...hooks }),
      },
      pushedAuthorizationRequests: { enabled: true, allowUnregisteredRedirectUris: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, indicator, client) =>
          resourceServers.describe(indicator, client, () => hooks.roleScopesOf(context)),
        // Who asked for a resource at authorization means it, and need not repeat it at the token endpoint.
        useGrantedResource: async () => true,
      },
      // Telling an unknown token from another client's would help only who guesses (RFC 7009 §2.1).
      revocation: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: hooks.logoutSource,
        postLogoutSuccessSource: hooks.postLogoutSuccessSource,
      },
      jwtUserinfo: { enabled: true },
      userinfo: { enabled: true },
    },
  };
}

/** Browser scripts may call from where the client's users are sent back to. */
function isOriginOfClient(origin: string, redirectUris: readonly string[]): boolean {
  // Private-use schemes and sandboxed frames both have the origin "null".
  return origin !== 'null' && redirectUris.some((uri) => URL.parse(uri)?.origin === origin);
}
