import { LRUCache } from 'lru-cache';
import { type Client, errors, type ResourceServer } from 'oidc-provider';
import type { ApiResource, ApiResources } from '../clients/api-resources.ts';
import { adminScopes, tenantScopes } from '../identity/admin-scopes.ts';
import type { SigningAlgorithm, TenantRecord } from '../kernel/tenant.ts';
import { apiScopesOf } from './client-metadata.ts';
import { withoutActiveKey } from './signing-keys.ts';
import { lifetimes } from './token-lifetimes.ts';

export interface ResourceServers {
  /**
   * What a token for this resource looks like; `invalid_target` for a resource that the tenant does not have (RFC 8707 §2). `roleScopes` says
   * what the roles of the person give whom the token is to be for; `undefined` for nobody, or nobody yet.
   */
  describe(
    indicator: string,
    client: Client,
    roleScopes: () => Promise<readonly string[] | undefined>,
  ): Promise<ResourceServer>;
  /** Whether people get only those of its scopes that their roles give. The admin API has rules of its own. */
  isByRole(indicator: string): Promise<boolean>;
  /** True when the client is the API itself, or at least speaks for it. */
  mayIntrospect(client: Client, audience: string): Promise<boolean>;
}

/** How long a change to an API resource may go unnoticed. */
const cacheMs = 15_000;

/** The tenant's own API resources and the built-in admin API, which every tenant has. */
export function createResourceServers({
  resources,
  adminApiResource,
  kind,
  algorithms,
}: {
  resources: ApiResources;
  adminApiResource: string;
  kind: TenantRecord['kind'];
  /** With which the tenant can sign at the moment. */
  algorithms: readonly SigningAlgorithm[];
}): ResourceServers {
  const adminApi: ApiResource = {
    indicator: adminApiResource,
    name: 'Tenantry administration',
    scopes: [...(kind === 'platform' ? adminScopes : tenantScopes)],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: lifetimes.accessToken,
  };
  const cache = new LRUCache<string, ApiResource>({ max: 200, ttl: cacheMs });

  async function find(indicator: string): Promise<ApiResource | undefined> {
    if (indicator === adminApiResource) return adminApi;
    const cached = cache.get(indicator);
    if (cached) return cached;
    const resource = await resources.get(indicator);
    if (resource) cache.set(indicator, resource);
    return resource;
  }

  function signable(alg: SigningAlgorithm): SigningAlgorithm {
    if (!algorithms.includes(alg)) throw withoutActiveKey(alg);
    return alg;
  }

  return {
    async describe(indicator, client, roleScopes) {
      const resource = await find(indicator);
      if (!resource) {
        throw new errors.InvalidTarget();
      }
      if (resource === adminApi && client.subjectType === 'pairwise') {
        throw new errors.InvalidTarget('the admin API knows nobody by a pairwise subject');
      }
      const allowed = apiScopesOf(client, indicator);
      const given = resource.scopesByRole === true ? await roleScopes() : undefined;
      return {
        audience: resource.indicator,
        scope: resource.scopes
          .filter((scope) => allowed.includes(scope) && (given === undefined || given.includes(scope)))
          .join(' '),
        accessTokenFormat: resource.accessTokenFormat,
        accessTokenTTL: resource.accessTokenTtlSeconds,
        ...(resource.signingAlgorithm === undefined
          ? {}
          : { jwt: { sign: { alg: signable(resource.signingAlgorithm) } } }),
      };
    },

    isByRole: async (indicator) => (await find(indicator))?.scopesByRole === true,

    async mayIntrospect(client, audience) {
      const resource = await find(audience);
      return resource?.introspectionClientIds?.includes(client.clientId) ?? false;
    },
  };
}
