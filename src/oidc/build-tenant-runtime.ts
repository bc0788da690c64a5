/**
 * Brings one tenant to life: its own OpenID provider on its own table, keys and cookies (design card, E4, E6). Owns the policy of every
 * provider, the storage adapter and the mounting under `/<slug>`; sign-in and the other pages are injected. Does not choose the tenant and
 * does not keep runtimes: that is the pool's work.
 *
 * The flow of a request: `handle` → pages, or provider → adapter, signing key → the tenant's table, the key store. Nothing in it can name
 * another tenant's table or key, because it holds handles of this one only.
 */
import { finished } from 'node:stream/promises';
import type { Context } from 'koa';
import { Provider } from 'oidc-provider';
import { createApiResources } from '../clients/api-resources.ts';
import { isOneOfClientSecrets } from '../clients/client-secret.ts';
import { createClients } from '../clients/clients.ts';
import { createInitialAccessTokens } from '../clients/initial-access-tokens.ts';
import { createRegistrationPolicies } from '../clients/registration-policy.ts';
import type { Outbound } from '../cloud/http/outbound.ts';
import type { KeyStore } from '../cloud/keys/port.ts';
import type { Tables } from '../cloud/tables/port.ts';
import { type ActivityLogs, noActivityLogs } from '../identity/activity-log.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import type { Log } from '../platform/log.ts';
import { unsealCookieKeys } from '../tenancy/cookie-keys.ts';
import { isActive, isPublished } from '../tenancy/key-lifecycle.ts';
import { createQuotaStore } from '../tenancy/quotas.ts';
import { createRateGates } from '../tenancy/rate-gate.ts';
import type { BuildTenantRuntime } from '../tenancy/tenant-runtime.ts';
import type { UsageMeter } from '../tenancy/usage-meter.ts';
import { installFailureAnswers } from './answer-failures.ts';
import { installAuthenticationClass } from './authentication-class.ts';
import { secretHashesOf } from './client-metadata.ts';
import { createClientRoom } from './client-room.ts';
import { countTokenAnswers, type OnTokenAnswer } from './count-token-answers.ts';
import { installHandOverPages } from './hand-over.ts';
import { measureUsage } from './measure-usage.ts';
import { createPairwiseSubjects } from './pairwise-subjects.ts';
import { createProviderConfiguration } from './provider-configuration.ts';
import { createProviderFetch } from './provider-fetch.ts';
import { installPublicDocuments } from './public-documents.ts';
import { createRegistrationEndpoint } from './registration/registration-endpoint.ts';
import { createResourceServers } from './resource-servers.ts';
import type { LogoutDelivery } from './sessions/logout-delivery.ts';
import { openSessions } from './sessions/open-sessions.ts';
import { createSessionTtl } from './sessions/session-rules.ts';
import { installSessionStart } from './sessions/session-start.ts';
import { createSigningKeys } from './signing-keys.ts';
import { createAdapterFactory } from './storage/adapter.ts';
import { createAuthorizationWrites } from './storage/authorization-writes.ts';
import { installReplayDetection } from './storage/replay-detection.ts';
import { createTokenRequestWrites } from './storage/token-request-writes.ts';
import type { TenantPagesFactory } from './tenant-pages.ts';
import { tenantPath } from './tenant-path.ts';

export interface TenantRuntimeDependencies {
  tables: Tables;
  keyStore: KeyStore;
  publicUrl: URL;
  /** How long clients may keep discovery documents and JWK Sets. */
  jwksCacheSeconds: number;
  clock: Clock;
  random: Random;
  log: Log;
  pages: TenantPagesFactory;
  /** For addresses that clients name. */
  outbound: Pick<Outbound, 'request' | 'problemOf'>;
  /** Tells clients of sessions that have ended. */
  logoutDelivery: Pick<LogoutDelivery, 'run'>;
  /** Keep what people and clients do; without them nothing is kept. */
  activityLogs?: ActivityLogs;
  onTokenAnswer?: OnTokenAnswer;
  /** Counts what tenants use. */
  usage?: Pick<UsageMeter, 'of'>;
  /** Called when the key that should sign cannot be used: the directory may know better. */
  onKeyUnusable?: (slug: Slug) => void;
}

export function createTenantRuntimeFactory(dependencies: TenantRuntimeDependencies): BuildTenantRuntime {
  const { tables, keyStore, publicUrl, jwksCacheSeconds, clock, random, log, pages } = dependencies;
  const { logoutDelivery, usage } = dependencies;
  const { activityLogs = noActivityLogs, onKeyUnusable = () => {} } = dependencies;
  const adminApiResource = `${publicUrl.origin}/api`;
  const rates = createRateGates({ clock });

  return async (record) => {
    const keys = keyStore.forTenant(record.id);
    const table = tables.open(record.tableName);
    const tenantLog = log.child({ tenant: record.slug });
    const store = { table, clock, random };
    const clients = createClients(store);
    const resources = createApiResources({ table });
    const issuer = `${publicUrl.origin}/${record.slug}`;
    const cookieKeys = await unsealCookieKeys(keys, record);
    const meter = usage?.of(record, table);
    const activity = activityLogs.of(table);
    const resourceServers = createResourceServers({
      resources,
      adminApiResource,
      kind: record.kind,
      algorithms: record.signingKeys.filter(isActive).map(({ alg }) => alg),
    });
    const tenantPages = await pages({
      record,
      issuer,
      adminApiResource,
      clients,
      resources,
      resourceServers,
      sealer: keys,
      cookieKeys,
      activity,
      ...(meter === undefined ? {} : { meter }),
      ...store,
      log: tenantLog,
    });
    const { hooks } = tenantPages;
    const pairwiseSubject = createPairwiseSubjects({ table, keys, random });
    const { records, sessions, notifyLogout } = openSessions({
      ...store,
      record,
      issuer,
      keys,
      clients,
      rulesOf: hooks.sessionRulesOf,
      delivery: logoutDelivery,
      log: tenantLog,
    });
    const quotas = await createQuotaStore({ table, clock }).get();
    const registrationPolicy = await createRegistrationPolicies({ table }).get();
    const answerRegistration = createRegistrationEndpoint({
      record,
      issuer,
      policy: registrationPolicy,
      clients,
      initialAccessTokens: createInitialAccessTokens(store),
      outbound: dependencies.outbound,
      clientGate: createClientRoom(store, meter),
      activity,
    });
    const takeRequest = () =>
      rates.take(record.id, 'requests', {
        perSecond: quotas.requestsPerSecond,
        onNear: () => meter?.near('requestsPerSecond'),
      });
    const takeToken = () =>
      rates.take(record.id, 'tokens', {
        perSecond: quotas.tokensPerSecond,
        onNear: () => meter?.near('tokensPerSecond'),
      });
    const writes = createTokenRequestWrites({ ...store, log: tenantLog });
    const authorization = createAuthorizationWrites({
      ...store,
      renderError: hooks.renderError,
      log: tenantLog,
    });
    const provider = new Provider(
      issuer,
      createProviderConfiguration({
        record,
        issuer,
        hooks,
        adapter: createAdapterFactory({
          ...store,
          clients,
          algorithms: record.signingKeys.filter(isPublished).map(({ alg }) => alg),
          writes,
          authorization,
          sessionStore: { records, sessions, describeOrigin: hooks.describeOrigin },
        }),
        pairwiseSubject,
        sessionTtl: createSessionTtl(hooks.sessionRules, clock),
        signingKeys: createSigningKeys(keys, record.signingKeys, () => onKeyUnusable(record.slug)),
        cookieKeys,
        fetch: createProviderFetch(dependencies.outbound),
        ...(registrationPolicy.enabled ? { registrationEndpoint: `${issuer}/reg` } : {}),
        resourceServers,
      }),
    );
    provider.proxy = true;
    provider.Client.prototype.compareClientSecret = function compareWithHash(presented: string) {
      return isOneOfClientSecrets(presented, secretHashesOf(this));
    };
    installAuthenticationClass(provider);
    installSessionStart(provider, clock);
    provider.Client.prototype.backchannelLogout = async function tellInBackground(
      accountId: string,
      sid: string,
    ) {
      notifyLogout({ clientId: this.clientId, accountId, sid });
    };
    countTokenAnswers(provider, dependencies.onTokenAnswer ?? (() => {}));
    if (meter !== undefined) measureUsage(provider, meter);
    installReplayDetection(provider, { table, writes });
    installFailureAnswers(provider, tenantLog, hooks);
    installHandOverPages(provider, hooks);
    installPublicDocuments(provider, record.signingKeys, jwksCacheSeconds);
    provider.use(writes.commit);
    provider.use(authorization.commit);

    const answerPage = tenantPages.connect(provider, sessions);
    const answer = provider.callback();
    return {
      record,
      async handle(context) {
        const { req, res } = context;
        const target = req.url ?? '';
        const inside = tenantPath(target, record.slug);
        if (!inside) return;
        meter?.count('requests');
        takeRequest();
        if (inside.page === '/token' && context.method === 'POST') takeToken();
        // The provider believes these headers, so that behind a TLS proxy its URLs and cookies are right; whatever the request said is gone.
        req.headers['x-forwarded-proto'] = publicUrl.protocol.slice(0, -1);
        req.headers['x-forwarded-host'] = publicUrl.host;
        const { page } = inside;
        if (
          page !== undefined &&
          ((await answerPage(context, page)) || (await answerRegistration(context, page)))
        ) {
          return;
        }
        context.respond = false;
        mount(req, target, inside.url, record.slug);
        await answer(req, res);
        // Rejects when the client goes away before the end; the request is over then, too.
        await finished(res).catch(() => {});
        req.url = target;
        // The provider stops reading a body that is too large; unread, the rest would block the connection and hide the answer.
        req.resume();
      },
    };
  };
}

/** The provider finds its mount path in these two; without `baseUrl` a tenant whose name is one of the routes would lose it. */
function mount(req: Context['req'], target: string, url: string, slug: string): void {
  Object.assign(req, { originalUrl: target, baseUrl: `/${slug}`, url });
}
