/**
 * The admin API (A1–A5, B1, E1): everything under `/api`. Owns routes, who may use them, what they take and what they answer; the work
 * itself is that of onboarding, clients and audit. It is an OAuth resource server: access tokens come from the platform's issuer, or on
 * `/api/tenants/{slug}/…` from that tenant's.
 *
 * Flow of a request: route → access (token or rate limit) → input against its schema → handler, for a POST inside one transaction and once
 * per `Idempotency-Key` → JSON. Every refusal is thrown as an `AppError` and becomes a problem document at the host's error edge.
 */
import Router, { type RouterContext } from '@koa/router';
import type { Context, Middleware, Next } from 'koa';
import type { Tables } from '../cloud/tables/port.ts';
import type { PolicyFloor } from '../identity/policy-floor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import type { KeyMode } from '../kernel/tenant.ts';
import type { OfferedFeatures } from '../onboarding/registration-input.ts';
import type { Registrations } from '../onboarding/registrations.ts';
import type { Postgres } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { KeyTimings } from '../tenancy/key-timings.ts';
import type { KeyRevocations } from '../tenancy/revoke-keys.ts';
import type { KeyRotation } from '../tenancy/rotate-keys.ts';
import { nameRoute } from '../web/access-log.ts';
import type { ReadClientIp } from '../web/client-ip.ts';
import type { RateLimit } from '../web/rate-limit.ts';
import type { Render } from '../web/render.ts';
import { createAccessRules } from './access.ts';
import type { Answer } from './answer.ts';
import { createAuthenticate } from './authenticate.ts';
import type { InspectAnswer } from './check-answer.ts';
import { createRouteKinds, type RouteGroup } from './route.ts';
import { type ActivityRoutesDependencies, activityRoutes } from './routes/activity.ts';
import { apiKeyRoutes } from './routes/api-keys.ts';
import { type AuditRoutesDependencies, auditRoutes } from './routes/audit.ts';
import { brandingRoutes } from './routes/branding.ts';
import { clientRegistrationRoutes } from './routes/client-registration.ts';
import { type ClientRoutesDependencies, clientRoutes } from './routes/clients.ts';
import { type EvidenceRoutesDependencies, evidenceRoutes } from './routes/evidence.ts';
import { type GovernanceRoutesDependencies, governanceRoutes } from './routes/governance.ts';
import { indexRoutes } from './routes/index-of-api.ts';
import { keyRoutes } from './routes/keys.ts';
import { type LifecycleRoutesDependencies, lifecycleRoutes } from './routes/lifecycle.ts';
import { mailTemplateRoutes } from './routes/mail-templates.ts';
import { type PeopleRoutesDependencies, peopleGroups } from './routes/people.ts';
import { policyRoutes } from './routes/policy.ts';
import { registrationRoutes } from './routes/registrations.ts';
import { resourceRoutes } from './routes/resources.ts';
import { type SignInSourceRoutesDependencies, signInSourceRoutes } from './routes/sign-in-sources.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { type UpkeepRoutesDependencies, upkeepRoutes } from './routes/upkeep.ts';
import { usageRoutes } from './routes/usage.ts';
import { type WebhookRoutesDependencies, webhookRoutes } from './routes/webhooks.ts';
import { createTenantTraffic } from './tenant-traffic.ts';

export interface AdminAppDependencies
  extends ActivityRoutesDependencies,
    AuditRoutesDependencies,
    ClientRoutesDependencies,
    EvidenceRoutesDependencies,
    GovernanceRoutesDependencies,
    LifecycleRoutesDependencies,
    SignInSourceRoutesDependencies,
    PeopleRoutesDependencies,
    UpkeepRoutesDependencies,
    WebhookRoutesDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  registrations: Registrations;
  directory: Pick<Directory, 'get' | 'touch'>;
  tables: Pick<Tables, 'open'>;
  keyRotation: Pick<KeyRotation, 'begin' | 'beginCookies'>;
  keyRevocations: KeyRevocations;
  keyTimings: KeyTimings;
  /** In which this deployment can make keys. */
  keyModes: readonly KeyMode[];
  /** The weakest security policy that a tenant may ask for. */
  policyFloor: PolicyFloor;
  /** What tenants can have besides table and keys. */
  offers: OfferedFeatures;
  publicUrl: URL;
  clock: Clock;
  random: Random;
  readClientIp: ReadClientIp;
  /** Counts public registrations by the network they come from. */
  registrationLimit: RateLimit;
  render: Render;
  /** For tests. */
  inspectAnswer?: InspectAnswer;
  /** Called when running tenants must be rebuilt. */
  onTenantChanged?: (slug: Slug) => void;
}

/** The route table: every endpoint of the API, by what it is about. */
export function createRouteGroups(dependencies: AdminAppDependencies): RouteGroup[] {
  const kinds = createRouteKinds(dependencies);
  const access = createAccessRules({
    ...dependencies,
    authenticate: createAuthenticate(dependencies),
    traffic: createTenantTraffic(dependencies),
  });
  const groups: RouteGroup[] = [
    {
      tag: 'Registrations',
      about: 'Requesting a tenant, following the request, and deciding about it.',
      routes: registrationRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Tenants',
      about: 'Tenants as a whole: made, read, suspended, exported, deleted.',
      routes: [...tenantRoutes(kinds, access, dependencies), ...lifecycleRoutes(kinds, access, dependencies)],
    },
    {
      tag: 'Gates',
      about: 'What people decide while a tenant is provisioned.',
      routes: governanceRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Clients',
      about: 'The OAuth clients of a tenant.',
      routes: [
        ...clientRoutes(kinds, access, dependencies),
        ...clientRegistrationRoutes(kinds, access, dependencies),
      ],
    },
    {
      tag: 'Resources',
      about: 'The APIs of a tenant that take access tokens.',
      routes: resourceRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Sign-in sources',
      about: "Other systems that know a tenant's people.",
      routes: signInSourceRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Appearance',
      about: 'How the pages and mails of a tenant look, and what they say.',
      routes: [
        ...brandingRoutes(kinds, access, dependencies),
        ...mailTemplateRoutes(kinds, access, dependencies),
      ],
    },
    ...peopleGroups(kinds, access, dependencies),
    {
      tag: 'Security policy',
      about: 'What a tenant asks of passwords, sessions and addresses.',
      routes: policyRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Usage',
      about: 'What a tenant uses, and how much it may.',
      routes: usageRoutes(kinds, access, dependencies),
    },
    {
      tag: 'API keys',
      about: "Credentials of a tenant's scripts for its part of this API.",
      routes: apiKeyRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Keys',
      about: 'The signing and cookie keys of a tenant.',
      routes: keyRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Audit',
      about: 'What happened, and proof that the record of it is whole.',
      routes: [...auditRoutes(kinds, access, dependencies), ...evidenceRoutes(kinds, access, dependencies)],
    },
    {
      tag: 'Activity',
      about: 'What people do in a tenant: sign-ins, failed ones, changes of their own accounts.',
      routes: activityRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Upkeep',
      about: 'How tenants are once they are built, and whether what exists is what is recorded.',
      routes: upkeepRoutes(kinds, access, dependencies),
    },
    {
      tag: 'Webhooks',
      about: 'Whom to tell of events: operators of all, tenants of their own.',
      routes: webhookRoutes(kinds, access, dependencies),
    },
  ];
  groups.unshift({
    tag: 'API',
    about: 'The API itself.',
    routes: indexRoutes(kinds, access, { ...dependencies, groups }),
  });
  return groups;
}

export function createAdminApp(dependencies: AdminAppDependencies): Middleware {
  const router = new Router({ sensitive: true, strict: true });
  for (const route of createRouteGroups(dependencies).flatMap(({ routes }) => routes)) {
    router.register(route.path.replaceAll(/\{(\w+)\}/g, ':$1'), [route.method], async (context) => {
      nameRoute(context, route.path);
      const answer = await route.handle(context, context.params);
      dependencies.inspectAnswer?.(route, answer);
      send(context, answer);
    });
  }
  const answer = router.routes();
  return async (context: Context, next: Next) => {
    await answer(context as RouterContext, async () => {
      refuse(context as RouterContext);
      return next();
    });
  };
}

function send(context: Context, { status, body, headers = {} }: Answer): void {
  context.status = status;
  context.set({ 'Cache-Control': 'no-store', ...headers });
  context.body = body;
}

/** Nothing took the request: its path is unknown, or known with other methods. */
function refuse(context: RouterContext): never {
  const methods = [...new Set((context.matched ?? []).flatMap((layer) => layer.methods))];
  if (methods.length > 0) {
    throw new AppError('method_not_allowed', 'This address does not take this method.', {
      headers: { Allow: methods.join(', ') },
    });
  }
  throw new AppError('not_found', 'There is nothing at this address.');
}
