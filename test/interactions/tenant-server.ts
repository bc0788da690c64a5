import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApiResources } from '../../src/clients/api-resources.ts';
import { createClients } from '../../src/clients/clients.ts';
import { createOutbound } from '../../src/cloud/http/outbound.ts';
import { createOutboundGuard } from '../../src/cloud/http/outbound-guard.ts';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import { createLdapConnector } from '../../src/cloud/ldap/ldapts.ts';
import type { Mail } from '../../src/cloud/mail/port.ts';
import { createOpenidConnector } from '../../src/cloud/openid/openid-client.ts';
import { createHost } from '../../src/host.ts';
import { createAccounts } from '../../src/identity/accounts.ts';
import type { Activity } from '../../src/identity/activity.ts';
import { createActivityLogs } from '../../src/identity/activity-log.ts';
import { defaultTenantRoles, operatorRoles } from '../../src/identity/admin-scopes.ts';
import { createLinks } from '../../src/identity/links.ts';
import { createMailDispatch } from '../../src/identity/mail-dispatch.ts';
import { createProcessLimits } from '../../src/identity/process-limits.ts';
import { createRoles } from '../../src/identity/roles.ts';
import {
  applySecurityPolicyInput,
  createPolicyStore,
  type SecurityPolicyInput,
} from '../../src/identity/security-policy.ts';
import { createSignInSources } from '../../src/identity/sign-in-sources.ts';
import { createTenantFactors } from '../../src/identity/tenant-factors.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { randomId, systemRandom } from '../../src/kernel/random.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { createAccountAccess } from '../../src/oidc/account-access.ts';
import { createTenantRuntimeFactory } from '../../src/oidc/build-tenant-runtime.ts';
import { createTenantPagesFactory } from '../../src/oidc/interactions/tenant-pages.ts';
import { createLogoutDelivery } from '../../src/oidc/sessions/logout-delivery.ts';
import { openSessions } from '../../src/oidc/sessions/open-sessions.ts';
import { createTenantHost } from '../../src/tenancy/tenant-host.ts';
import type { TenantRuntime } from '../../src/tenancy/tenant-runtime.ts';
import { createAssets } from '../../src/web/assets.ts';
import { createClientIpReader } from '../../src/web/client-ip.ts';
import { createHostPages } from '../../src/web/host-pages.ts';
import { createRenderer } from '../../src/web/render.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { type Arrival, createUserAgent, type UserAgent } from '../support/user-agent.ts';

export const password = 'Correct horse 1!';

/** Where the web client of every test tenant is sent back to. */
export const redirectUri = 'https://client.example/callback';

export interface TenantServerOptions {
  slugs?: readonly string[];
  kind?: TenantRecord['kind'];
  name?: string;
  policy?: SecurityPolicyInput;
  attemptsPerMinute?: number;
  freeFailures?: number;
  /** Ours; the provider and the browser have the system's. */
  clock?: Clock;
}

/** Tenants with their real pages, provider, table and keys behind the real host. */
export async function createTenantServer({
  slugs = ['acme'],
  kind = 'tenant',
  name = 'Acme & <Sons>',
  policy = {},
  attemptsPerMinute = 1_000,
  freeFailures = attemptsPerMinute,
  clock = systemClock,
}: TenantServerOptions = {}) {
  const prefix = testTablePrefix();
  const tables = createTestTables();
  await tables.create(`${prefix}-keys`);
  const keyTable = tables.open(`${prefix}-keys`);
  const shared = { clock, random: systemRandom };
  const keyStore = createLocalKeyStore({ ...shared, table: keyTable, masterKey: randomBytes(32) });
  const runtimes = new Map<string, TenantRuntime>();
  const readClientIp = createClientIpReader({ trustedProxyHops: 1 });
  const assets = createAssets({ directory: 'views/assets' });
  const render = createRenderer({ viewsDirectory: 'views', assets });
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const publicUrl = new URL(origin);
  const guard = createOutboundGuard({ allowedHosts: ['127.0.0.1'] });
  const mails: Mail[] = [];
  const mailDispatch = createMailDispatch({ log: silentLog });
  const activityLogs = createActivityLogs({
    ...shared,
    days: 90,
    addresses: 'full',
    dispatch: mailDispatch,
    readClientIp,
    log: silentLog,
  });
  const pages = createTenantPagesFactory({
    render,
    readClientIp,
    safeguards: {
      processLimits: createProcessLimits({ attemptsPerMinute }),
      freeFailures,
      mailServer: { send: async (mail) => void mails.push(mail) },
      mailDispatch,
    },
    upstreams: {
      connectOpenid: createOpenidConnector({ guard, clock: systemClock }),
      connectLdap: createLdapConnector({ guard, plainLoopback: true, refusalStepMs: 5 }),
    },
  });
  const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] });
  const logoutDelivery = createLogoutDelivery({ outbound, waitsMs: [0, 0] });
  const build = createTenantRuntimeFactory({
    ...shared,
    tables,
    keyStore,
    publicUrl,
    jwksCacheSeconds: 300,
    log: silentLog,
    outbound,
    logoutDelivery,
    activityLogs,
    pages,
  });

  async function createTenant(slug: string) {
    const id = `ten_${randomId(systemRandom)}` as TenantId;
    const tableName = `${prefix}-tenant-${id}`;
    await tables.create(tableName);
    const table = tables.open(tableName);
    const keys = keyStore.forTenant(id);
    const at = new Date().toISOString();
    const roles = createRoles({ table });
    for (const role of kind === 'platform' ? operatorRoles : defaultTenantRoles) {
      await roles.put(role);
    }
    await createPolicyStore({ table }).put(applySecurityPolicyInput(policy));
    const record: TenantRecord = {
      id,
      slug: slug as Slug,
      name,
      kind,
      status: 'active',
      configVersion: 1,
      tableName,
      signingKeys: [
        { kid: 'k1', alg: 'ES256', state: 'active', createdAt: at, ...(await keys.create('k1', 'ES256')) },
      ],
      sealedCookieKeys: await keys.seal(
        'cookie-keys',
        Buffer.from(JSON.stringify([randomId(systemRandom, 32)])),
      ),
      provisioning: { state: 'active', steps: [] },
      createdAt: at,
      updatedAt: at,
    };
    runtimes.set(slug, await build(record));
    const clients = createClients({ ...shared, table });
    const web = await clients.create({
      clientId: 'web-client',
      name: 'Ledger "Online"',
      type: 'web',
      redirectUris: [redirectUri],
      postLogoutRedirectUris: ['https://client.example/bye'],
      scopes: [
        'clients:read',
        'clients:write',
        'registrations:decide',
        'registrations:read',
        'admin',
        'read',
        'write',
      ],
    });
    return {
      record,
      table,
      roles,
      clients,
      clientSecret: web.clientSecret ?? '',
      resources: createApiResources({ table }),
      links: createLinks({ ...shared, table }),
      sources: createSignInSources({ ...shared, table, keys }),
      accounts: createAccounts({ ...shared, table }),
      factorsAt: (at: Clock) =>
        createTenantFactors({ ...shared, clock: at, table, sealer: keys, publicUrl, tenantName: name }),
      accountsAt: (clock: Clock) => createAccounts({ ...shared, table, clock }),
      issuer: `${origin}/${slug}`,
      ...openSessions({
        ...shared,
        record,
        issuer: `${origin}/${slug}`,
        table,
        keys,
        clients,
        rulesOf: async () => applySecurityPolicyInput(policy).session,
        delivery: logoutDelivery,
        log: silentLog,
      }),
      /** As an administrator ends what a person holds. */
      access: createAccountAccess({
        ...shared,
        tables,
        keyStore,
        logoutDelivery,
        publicUrl,
        log: silentLog,
      })(record),
      setPolicy: async (input: SecurityPolicyInput) => {
        await createPolicyStore({ table }).put(applySecurityPolicyInput(input));
        runtimes.set(slug, await build(record));
      },
      rebuild: async () => runtimes.set(slug, await build(record)),
      /** What has been noted, newest first; what is under way is there. */
      async activities(applicationTenantId = 'default'): Promise<Activity[]> {
        await mailDispatch.stop();
        return Array.fromAsync(activityLogs.of(table).all({ applicationTenantId }));
      },
    };
  }

  const tenants = await Promise.all(slugs.map(createTenant));
  const host = createHost({
    ...shared,
    publicUrl,
    log: silentLog,
    readClientIp,
    ready: async () => true,
    tenantHost: createTenantHost({
      pool: {
        async lease(slug) {
          const runtime = runtimes.get(slug);
          return runtime && { runtime, release() {} };
        },
      },
    }),
    assets: assets.middleware,
    pages: createHostPages({ render, publicUrl }),
  });
  server.on('request', host.callback());

  return {
    origin,
    tenants,
    adminApi: `${origin}/api`,
    tenant: tenants[0] as (typeof tenants)[number],
    /** `headers` go with each request; `X-Forwarded-For` says where the browser is. */
    userAgent: (headers: Readonly<Record<string, string>> = {}) => createUserAgent(origin, { headers }),
    /** Everything that has been mailed so far; those under way have arrived. */
    async mails(): Promise<readonly Mail[]> {
      await mailDispatch.stop();
      return mails;
    },
    /** Resolves when clients have been told of ended sessions, or cannot be. Nobody is told again afterwards. */
    settled: () => logoutDelivery.stop(),
    async close() {
      await mailDispatch.stop();
      await logoutDelivery.stop();
      server.closeAllConnections();
      server.close();
      await Promise.all([keyTable.name, ...tenants.map(({ table }) => table.name)].map(tables.delete));
    },
  };
}

export type TenantServer = Awaited<ReturnType<typeof createTenantServer>>;
export type ServedTenant = TenantServer['tenant'];

/** The address at which a client begins, and the verifier that redeems its code. */
export function authorizationRequest(
  { issuer }: Pick<ServedTenant, 'issuer'>,
  parameters: Record<string, string> = {},
): { url: URL; verifier: string } {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${issuer}/auth`);
  url.search = new URLSearchParams({
    client_id: 'web-client',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'state-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  }).toString();
  return { url, verifier };
}

/** Begins at the client and goes on through sign-in to whatever page or redirect comes next. */
export async function signIn(
  agent: UserAgent,
  tenant: ServedTenant,
  email: string,
  parameters: Record<string, string> = {},
): Promise<Arrival & { verifier: string }> {
  const { url, verifier } = authorizationRequest(tenant, parameters);
  return { ...(await giveCredentials(agent, await agent.open(url), { email, password })), verifier };
}

/** Address and password on the sign-in page, also where it asks for one after the other, or offers a source before the password. */
export async function giveCredentials(
  agent: UserAgent,
  page: Arrival,
  credentials: { email: string; password: string },
): Promise<Arrival> {
  const hasField = ({ document }: Arrival) => document.querySelector('#password') !== null;
  const behind = hasField(page) ? page : await agent.submit(page, { email: credentials.email });
  const instead = behind.document.querySelector('a[href$="/password"]')?.getAttribute('href');
  const last = hasField(behind) || !instead ? behind : await agent.open(instead);
  return agent.submit(last, credentials);
}

/** The decoded answer of the token endpoint for the code that arrived at the client. */
export async function redeem(
  tenant: ServedTenant,
  { url, verifier }: Pick<Arrival, 'url'> & { verifier: string },
): Promise<Record<string, string>> {
  const response = await fetch(`${tenant.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`web-client:${tenant.clientSecret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: url.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  return (await response.json()) as Record<string, string>;
}

/** The answer of the token endpoint to a refresh token. */
export async function refresh(
  tenant: ServedTenant,
  token: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${tenant.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`web-client:${tenant.clientSecret}`).toString('base64')}`,
      ...headers,
    },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token ?? '' }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

export function textOf({ document }: Pick<Arrival, 'document'>): string {
  return (document.querySelector('main')?.textContent ?? '').replace(/\s+/g, ' ').trim();
}
