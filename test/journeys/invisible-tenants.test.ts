import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import type { TenantStatus } from '../../src/kernel/tenant.ts';
import { testClock } from '../support/clock.ts';
import {
  basic,
  callApi,
  createInTenant,
  onboardTenant,
  platformToken,
  tenantAdminToken,
} from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';

/** By slug, all of one length so that lengths of answers can be compared. The first two are not in the directory. */
const statuses: Record<string, TenantStatus | 'unknown' | 'removed'> = {
  'tenant-0': 'unknown',
  'tenant-1': 'removed',
  'tenant-2': 'suspended',
  'tenant-3': 'blocked',
  'tenant-4': 'deleted',
  'tenant-5': 'provisioning',
  'tenant-6': 'failed',
  'tenant-7': 'deleting',
};
const built = Object.keys(statuses).filter((slug) => statuses[slug] !== 'unknown');

const clock = testClock(Date.now());
let server: ProductServer;
/** Of an active tenant's admin. */
let neighbour: string;
/** Given out by each tenant while it was active. */
const ownTokens = new Map<string, string>();

beforeAll(async () => {
  server = await startServer({ overrides: { clock } });
  const platform = await platformToken(server);
  for (const slug of built) {
    await callApi(server, 'POST', '/api/tenants', { token: platform, body: { name: slug, slug } });
  }
  await vi.waitFor(
    async () => {
      const { body } = await callApi(server, 'GET', '/api/tenants', { token: platform });
      expect(body.tenants.filter(({ status }: { status: string }) => status === 'active')).toHaveLength(
        built.length + 1,
      );
    },
    { timeout: 40_000, interval: 50 },
  );
  for (const slug of built) {
    ownTokens.set(slug, await ownToken(slug, platform));
  }
  const onboarded = await onboardTenant(server, { slug: 'neighbour' });
  neighbour = await tenantAdminToken(server, onboarded, 'tenants:read clients:read clients:write audit:read');
  for (const slug of built) {
    await hide(slug as Slug);
  }
  // Until now the tenants were running.
  clock.advance(20_000);
});
afterAll(() => server.close());

async function ownToken(slug: string, platform: string): Promise<string> {
  const [robot] = await createInTenant(server, slug, platform, {
    clients: [{ clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['tenants:read', 'clients:read'] }],
  });
  const response = await fetch(`${server.origin}/${slug}/token`, {
    method: 'POST',
    headers: { authorization: basic('robot', robot.clientSecret) },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource: server.bootstrap.resource,
      scope: 'tenants:read clients:read',
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  const own = await callApi(server, 'GET', `/api/tenants/${slug}`, { token });
  expect(own.status).toBe(200);
  return token;
}

async function hide(slug: Slug): Promise<void> {
  const status = statuses[slug];
  const record = await server.directory.get(slug);
  if (!record) {
    throw new Error(`there is no ${slug}`);
  }
  if (status === 'removed') {
    await server.directory.remove(slug, record.id);
    return;
  }
  await server.directory.update(slug, record.id, (current) => ({
    ...current,
    status: status as TenantStatus,
  }));
  await server.postgres.query('update tenants set status = $2 where slug = $1', [slug, status]);
}

interface Look {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What an outsider sees, without what differs between any two answers. */
async function look(path: string, init: RequestInit = {}): Promise<Look> {
  const response = await fetch(server.origin + path, { redirect: 'manual', ...init });
  const headers = Object.fromEntries(response.headers);
  const requestId = headers['x-request-id'] ?? '-';
  delete headers['x-request-id'];
  delete headers.date;
  return { status: response.status, headers, body: (await response.text()).replaceAll(requestId, '…') };
}

const form = (fields: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(fields),
});
const browser = { headers: { accept: 'text/html' } };
const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const outside: Record<string, (slug: string) => Promise<Look>> = {
  discovery: (slug) => look(`/${slug}/.well-known/openid-configuration`),
  'discovery in a browser': (slug) => look(`/${slug}/.well-known/openid-configuration`, browser),
  'RFC 8414 metadata': (slug) => look(`/.well-known/oauth-authorization-server/${slug}`),
  'RFC 8414 metadata, OpenID': (slug) => look(`/.well-known/openid-configuration/${slug}`),
  'key set': (slug) => look(`/${slug}/jwks`),
  'authorization endpoint': (slug) => look(`/${slug}/auth?client_id=x&response_type=code`, browser),
  'token endpoint': (slug) =>
    look(`/${slug}/token`, form({ grant_type: 'client_credentials', client_id: 'robot' })),
  'token endpoint, malformed': (slug) => look(`/${slug}/token`, { method: 'POST', body: '{' }),
  'token endpoint, preflight': (slug) =>
    look(`/${slug}/token`, { method: 'OPTIONS', headers: { origin: 'https://a.example' } }),
  'pushed authorization': (slug) => look(`/${slug}/request`, form({ client_id: 'robot' })),
  userinfo: (slug) => look(`/${slug}/me`, withToken('x')),
  introspection: (slug) => look(`/${slug}/token/introspection`, form({ token: 'x' })),
  'end of session': (slug) => look(`/${slug}/session/end`, browser),
  'interaction page': (slug) => look(`/${slug}/interaction/abc`, browser),
  'invitation page': (slug) => look(`/${slug}/invitation/${'a'.repeat(43)}`, browser),
  'the tenant itself': (slug) => look(`/${slug}`, browser),
  'no such page': (slug) => look(`/${slug}/nothing-here`),
};

const adminApi: Record<string, (slug: string) => Promise<Look>> = {
  'the tenant': (slug) => look(`/api/tenants/${slug}`, withToken(neighbour)),
  'its clients': (slug) => look(`/api/tenants/${slug}/clients`, withToken(neighbour)),
  'its audit log': (slug) => look(`/api/tenants/${slug}/audit`, withToken(neighbour)),
  'a client to be created': (slug) =>
    look(`/api/tenants/${slug}/clients`, {
      ...withToken(neighbour),
      method: 'POST',
      body: JSON.stringify({ name: 'X', type: 'm2m' }),
    }),
  'the tenant, without a token': (slug) => look(`/api/tenants/${slug}`),
};

async function looksOf(view: (slug: string) => Promise<Look>): Promise<[string, Look][]> {
  const looks: [string, Look][] = [];
  for (const [slug, status] of Object.entries(statuses)) {
    looks.push([status, await view(slug)]);
  }
  return looks;
}

describe('tenants that do not answer look to outsiders like one that never was (E3)', () => {
  it.each(Object.entries(outside))('%s', async (_name, view) => {
    const [[, unknown], ...others] = (await looksOf(view)) as [[string, Look], ...[string, Look][]];
    expect(unknown.status).toBe(404);
    for (const [status, seen] of others) {
      expect(seen, status).toEqual(unknown);
    }
  });
});

describe('and to other tenants in the admin API', () => {
  it.each(Object.entries(adminApi))('%s', async (name, view) => {
    const [[, unknown], ...others] = (await looksOf(view)) as [[string, Look], ...[string, Look][]];
    expect(unknown.status).toBe(name.endsWith('without a token') ? 401 : 404);
    for (const [status, seen] of others) {
      expect(seen, status).toEqual(unknown);
    }
    const running = await view('platform');
    expect(running).toEqual(unknown);
  });

  it('tokens that they gave out are worth as much as made-up ones', async () => {
    const forged = [...ownTokens.values()].map((token) => token.replace(/\.[^.]+$/, '.AAAA'));
    const seen = [];
    for (const token of [...forged, ...ownTokens.values(), 'made-up']) {
      for (const slug of Object.keys(statuses)) {
        seen.push(await look(`/api/tenants/${slug}`, withToken(token)));
      }
    }
    expect(seen[0]?.status).toBe(401);
    for (const one of seen) {
      expect(one).toEqual(seen[0]);
    }
  });
});
