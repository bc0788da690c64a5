import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JSONWebKeySet } from 'jose';
import Koa from 'koa';
import { createApiResources } from '../../src/clients/api-resources.ts';
import { createClients } from '../../src/clients/clients.ts';
import { createOutbound } from '../../src/cloud/http/outbound.ts';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { KeyStore, TenantKeys } from '../../src/cloud/keys/port.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import type { ActivityLogs } from '../../src/identity/activity-log.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { randomId, systemRandom } from '../../src/kernel/random.ts';
import type { KeyState, SigningAlgorithm, SigningKeyRecord, TenantRecord } from '../../src/kernel/tenant.ts';
import { createTenantRuntimeFactory } from '../../src/oidc/build-tenant-runtime.ts';
import { createLogoutDelivery } from '../../src/oidc/sessions/logout-delivery.ts';
import type { TenantRuntime } from '../../src/tenancy/tenant-runtime.ts';
import type { UsageMeter } from '../../src/tenancy/usage-meter.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';
import { autoPages } from './auto-pages.ts';

export const redirectUri = 'https://client.example/callback';

export interface TenantOptions {
  slug?: string;
  kind?: TenantRecord['kind'];
  /** Listens elsewhere than at `publicUrl` when given. */
  publicUrl?: string;
  keys?: readonly { alg: SigningAlgorithm; state: KeyState }[];
  /** Wraps what the runtime gets, to make it fail. */
  wrapKeys?: (keys: TenantKeys) => TenantKeys;
  onKeyUnusable?: (slug: Slug) => void;
  wrapTables?: (tables: Tables) => Tables;
  usage?: Pick<UsageMeter, 'of'>;
  activityLogs?: ActivityLogs;
  /** For what is ours; the provider itself goes by the system's. */
  clock?: Clock;
}

/** One tenant, alive behind a real HTTP server, on a fresh real table. `another()` builds a second runtime on the same table. */
export async function createTenant({
  slug = 'acme',
  kind = 'tenant',
  publicUrl,
  keys = [{ alg: 'ES256', state: 'active' }],
  wrapKeys = (same) => same,
  onKeyUnusable = () => {},
  wrapTables = (same) => same,
  usage,
  activityLogs,
  clock = systemClock,
}: TenantOptions = {}) {
  const prefix = testTablePrefix();
  const tables = createTestTables();
  const id = `ten_${randomId(systemRandom)}` as TenantId;
  const tableName = `${prefix}-tenant-${id}`;
  await Promise.all([tables.create(`${prefix}-keys`), tables.create(tableName)]);
  const shared = { clock, random: systemRandom };
  const keyStore = createLocalKeyStore({
    ...shared,
    table: tables.open(`${prefix}-keys`),
    masterKey: randomBytes(32),
  });
  const tenantKeys = keyStore.forTenant(id);
  const at = new Date().toISOString();
  const record: TenantRecord = {
    id,
    slug: slug as Slug,
    name: 'Acme',
    kind,
    status: 'active',
    configVersion: 1,
    tableName,
    signingKeys: await Promise.all(
      keys.map(async ({ alg, state }, index) => {
        const kid = `key-${index}`;
        return { kid, alg, state, createdAt: at, ...(await tenantKeys.create(kid, alg)) };
      }),
    ),
    sealedCookieKeys: await tenantKeys.seal(
      'cookie-keys',
      Buffer.from(JSON.stringify([randomId(systemRandom, 32)])),
    ),
    provisioning: { state: 'active', steps: [] },
    createdAt: at,
    updatedAt: at,
  };
  const wrappedKeyStore: KeyStore = {
    forTenant: (tenantId) => wrapKeys(keyStore.forTenant(tenantId)),
  };
  const table = tables.open(tableName);
  const servers: Server[] = [];

  /** What the next runtime is built from. */
  let current = record;

  /** Builds a runtime of its own, as another process would, and gives the origin where it answers. */
  async function listen(): Promise<{ origin: string; handleAt(url: URL): Promise<() => Promise<void>> }> {
    const app = new Koa();
    app.silent = true;
    let handle: TenantRuntime['handle'] | undefined;
    app.use((context) => handle?.(context as Koa.Context));
    const server = createServer(app.callback()).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      origin,
      async handleAt(url) {
        const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] });
        const build = createTenantRuntimeFactory({
          ...shared,
          tables: wrapTables(createTestTables()),
          keyStore: wrappedKeyStore,
          publicUrl: url,
          jwksCacheSeconds: 300,
          onKeyUnusable,
          ...(usage === undefined ? {} : { usage }),
          ...(activityLogs === undefined ? {} : { activityLogs }),
          log: silentLog,
          outbound,
          logoutDelivery: createLogoutDelivery({ outbound, waitsMs: [] }),
          pages: autoPages,
        });
        const rebuild = async () => {
          const runtime = await build(current);
          handle = (context) => runtime.handle(context);
        };
        await rebuild();
        return rebuild;
      },
    };
  }

  const first = await listen();
  const url = new URL(publicUrl ?? first.origin);
  const rebuild = await first.handleAt(url);

  return {
    record,
    table,
    clients: createClients({ ...shared, table }),
    resources: createApiResources({ table }),
    /** Where this runtime listens. */
    base: `${first.origin}/${slug}`,
    issuer: `${url.origin}/${slug}`,
    adminApi: `${url.origin}/api`,
    /** Moves a key on, for runtimes that are built from now on. */
    setKeyState(kid: string, change: Partial<SigningKeyRecord> & { state: KeyState }) {
      current = {
        ...current,
        signingKeys: current.signingKeys.map((key) => (key.kid === kid ? { ...key, ...change } : key)),
      };
    },
    /** As this process does when the tenant's configuration has changed. */
    rebuild,
    /** Base of a second, separately built runtime over the same table. */
    async another(): Promise<string> {
      const next = await listen();
      await next.handleAt(url);
      return `${next.origin}/${slug}`;
    },
    userAgent: () => createUserAgent(url.origin),
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      await Promise.all([tables.delete(tableName), tables.delete(`${prefix}-keys`)]);
    },
  };
}

export type TestTenant = Awaited<ReturnType<typeof createTenant>>;

export interface IssuedCode {
  code: string;
  verifier: string;
}

/** Signs `sub` in with the browser and returns the code that the client receives. */
export async function obtainCode(
  tenant: TestTenant,
  agent: UserAgent,
  parameters: Record<string, string>,
): Promise<IssuedCode> {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${tenant.issuer}/auth`);
  url.search = new URLSearchParams({
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    login_hint: 'sub-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  }).toString();
  const arrival = await agent.open(url);
  const code = arrival.url.searchParams.get('code');
  if (code === null) throw new Error(`no code at ${arrival.url.href} (${arrival.status}): ${arrival.body}`);
  return { code, verifier };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests examine
  body: any;
}

/** Posts a form as a client: with Basic credentials when there is a secret, else with the client id alone. */
export async function post(
  url: string,
  client: { clientId: string; clientSecret?: string | undefined },
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { clientId, clientSecret } = client;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      ...(clientSecret === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` }),
      ...headers,
    },
    body: new URLSearchParams(clientSecret === undefined ? { ...form, client_id: clientId } : form),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

export async function readJwks(tenant: TestTenant): Promise<JSONWebKeySet> {
  return (await (await fetch(`${tenant.base}/jwks`)).json()) as JSONWebKeySet;
}

/** The form that redeems a code. */
export function redemption({ code, verifier }: IssuedCode): Record<string, string> {
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
}
