import type { Context } from 'koa';
import type { AdminScope } from '../identity/admin-scopes.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import { parseSlug } from '../kernel/slug.ts';
import { networkOf, type ReadClientIp } from '../web/client-ip.ts';
import type { RateLimit } from '../web/rate-limit.ts';
import type { Authenticate, Caller } from './authenticate.ts';
import { assertWellFormed } from './path-parameters.ts';
import type { TenantTraffic } from './tenant-traffic.ts';

/**
 * Says who may use a route, and what its handler learns about them. Runs before anything of the request's body is read. Whoever is let in and
 * asks at an address at which nothing can be gets `AppError('not_found')`.
 */
export interface Access<Admitted> {
  (context: Context, params: PathParameters): Promise<Admitted>;
  /** The same for readers of the route table. */
  readonly needs: AccessNeeds;
}

/**
 * `platform`: a token of the platform's issuer. `over-tenant`: the same, about the tenant in the path. `tenant`: a token of that tenant's issuer
 * or of the platform's. `application-tenant`: the same, and a person's of an application tenant, who is held to it.
 */
export type AccessNeeds =
  | { who: 'anyone'; limited: boolean }
  | { who: 'platform' | 'over-tenant' | 'tenant' | 'application-tenant'; scope: AdminScope };

export type PathParameters = Readonly<Record<string, string>>;

/** Nobody we know; `key` is the network that the request came from. */
export interface Anonymous {
  key: string;
  caller?: undefined;
}

/** Whoever sent a token although none is needed. */
export interface Recognised {
  key: string;
  caller: Caller;
}

export interface TenantCaller extends Caller {
  /** The tenant in the path; whether it exists is for the handler to find out. */
  slug: Slug;
}

export interface AccessRules {
  /** Anybody, unlimited: for reads that need a capability or tell nothing. */
  anyone: Access<undefined>;
  /** Anybody, so many times per hour and network. A token that is sent says who it is; one that is not valid is refused. */
  anyoneLimited: Access<Anonymous | Recognised>;
  /** A token of the platform's issuer with the scope. */
  platform(scope: AdminScope): Access<Caller>;
  /** On `/api/tenants/{slug}/…`: a token of the platform's issuer with the scope. Other tenants see what `tenant` shows them. */
  overTenant(scope: AdminScope): Access<TenantCaller>;
  /**
   * On `/api/tenants/{slug}/…`: a token of the platform's issuer, or of exactly that tenant's, with the scope. To any other tenant's token
   * the tenant does not exist (E3). People of its application tenants may do nothing there, whatever they are called in theirs (E2).
   */
  tenant(scope: AdminScope): Access<TenantCaller>;
  /** As `tenant`, and people of application tenants, too; whatever such a route does holds to the caller's `applicationTenantId`. */
  applicationTenant(scope: AdminScope): Access<TenantCaller>;
}

export function createAccessRules({
  authenticate,
  registrationLimit,
  readClientIp,
  traffic,
}: {
  authenticate: Authenticate;
  /** Counts what tenants themselves ask for. */
  traffic: TenantTraffic;
  registrationLimit: RateLimit;
  readClientIp: ReadClientIp;
}): AccessRules {
  async function admitToTenant(context: Context, params: PathParameters): Promise<TenantCaller> {
    const slug = parseSlug(params.slug ?? '');
    const caller = await authenticate(context.get('Authorization'), slug);
    // Who is held to an application tenant of the platform is an outsider at every other tenant.
    const reachesOthers = caller.issuer.kind === 'platform' && caller.applicationTenantId === undefined;
    if (slug === undefined || !(reachesOthers || caller.issuer.slug === slug)) {
      throw noSuchTenant();
    }
    if (caller.issuer.slug === slug) {
      await traffic.take(caller.issuer);
    }
    return { ...caller, slug };
  }

  return {
    anyone: withNeeds({ who: 'anyone', limited: false }, async () => undefined),

    anyoneLimited: withNeeds({ who: 'anyone', limited: true }, async (context) => {
      const key = networkOf(readClientIp(context.req));
      await registrationLimit.take(key);
      const authorization = context.get('Authorization');
      if (authorization === '') {
        return { key };
      }
      const caller = await authenticate(authorization);
      return { key: caller.key, caller };
    }),

    platform: (scope) =>
      withNeeds({ who: 'platform', scope }, async (context) => {
        const caller = await authenticate(context.get('Authorization'));
        if (caller.issuer.kind !== 'platform' || caller.applicationTenantId !== undefined) {
          throw insufficientScope(scope);
        }
        assertScope(caller, scope);
        return caller;
      }),

    overTenant: (scope) =>
      withNeeds({ who: 'over-tenant', scope }, async (context, params) => {
        const caller = await admitToTenant(context, params);
        if (caller.issuer.kind !== 'platform' || caller.applicationTenantId !== undefined) {
          throw insufficientScope(scope);
        }
        assertScope(caller, scope);
        return caller;
      }),

    tenant: (scope) =>
      withNeeds({ who: 'tenant', scope }, async (context, params) => {
        const caller = await admitToTenant(context, params);
        if (caller.applicationTenantId !== undefined) {
          throw insufficientScope(scope);
        }
        assertScope(caller, scope);
        return caller;
      }),

    applicationTenant: (scope) =>
      withNeeds({ who: 'application-tenant', scope }, async (context, params) => {
        const caller = await admitToTenant(context, params);
        assertScope(caller, scope);
        return caller;
      }),
  };
}

function withNeeds<Admitted>(
  needs: AccessNeeds,
  admit: (context: Context, params: PathParameters) => Promise<Admitted>,
): Access<Admitted> {
  const admitToAddress = async (context: Context, params: PathParameters) => {
    const admitted = await admit(context, params);
    assertWellFormed(params);
    return admitted;
  };
  return Object.assign(admitToAddress, { needs });
}

/** The one answer for every tenant that the caller may not know of. */
export function noSuchTenant(): AppError {
  return new AppError('not_found', 'There is no such tenant.');
}

function assertScope(caller: Caller, scope: AdminScope): void {
  if (!caller.scopes.includes(scope)) {
    throw insufficientScope(scope);
  }
}

function insufficientScope(scope: AdminScope): AppError {
  return new AppError('insufficient_scope', `This needs the scope ${scope}.`, {
    headers: { 'WWW-Authenticate': `Bearer realm="Tenantry", error="insufficient_scope", scope="${scope}"` },
  });
}
