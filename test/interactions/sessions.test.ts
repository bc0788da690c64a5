import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SecurityPolicyInput } from '../../src/identity/security-policy.ts';
import type { UserAgent } from '../support/user-agent.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  redirectUri,
  refresh as refreshAt,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

let server: TenantServer;

afterEach(async () => {
  vi.useRealTimers();
  await server.close();
});

async function serve(policy: SecurityPolicyInput = {}, slugs: readonly string[] = ['acme']) {
  server = await createTenantServer({ policy, slugs });
  return server.tenant;
}

async function createAccount(tenant: ServedTenant, email = 'ada@example.com') {
  const account = await tenant.accounts.create({ email, name: 'Ada', roles: [] });
  await tenant.accounts.setPassword(account.id, password);
  return account;
}

/** Through sign-in and consent to the client. */
async function arriveAtClient(
  agent: UserAgent,
  tenant: ServedTenant,
  { email = 'ada@example.com', ...parameters }: Record<string, string> = {},
) {
  const { verifier, ...page } = await signIn(agent, tenant, email, parameters);
  const arrival = page.url.searchParams.has('code') ? page : await agent.submit(page);
  expect(arrival.url.searchParams.get('code')).not.toBeNull();
  return { ...arrival, verifier };
}

/** What the client is told when it asks whether somebody is signed in. */
async function askSilently(agent: UserAgent, tenant: ServedTenant): Promise<string> {
  const { url } = await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url);
  return url.searchParams.get('error') ?? 'signed in';
}

const refresh = async (...given: Parameters<typeof refreshAt>) => (await refreshAt(...given)).status;

const later = (seconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 });

describe('the sessions of an account (B4)', () => {
  it('are listed with what their owner knows them by, and only theirs', async () => {
    const tenant = await serve();
    const ada = await createAccount(tenant);
    await createAccount(tenant, 'bob@example.com');
    const headers = { 'User-Agent': firefox, 'X-Forwarded-For': '2001:db8:1:2::9' };
    const agent = server.userAgent(headers);
    const startedAt = Date.now();
    await arriveAtClient(agent, tenant);
    await arriveAtClient(server.userAgent(), tenant, { email: 'bob@example.com' });
    const [session, ...others] = await tenant.sessions.list(ada.id);
    expect(others).toEqual([]);
    expect(session).toMatchObject({
      network: '2001:db8:1:2::/64',
      device: 'Firefox on Linux',
      methods: ['pwd'],
      applicationTenantId: 'default',
    });
    expect(session?.startedAt).toBeGreaterThanOrEqual(startedAt);
    later(120);
    expect(await askSilently(agent, tenant)).toBe('signed in');
    const [active] = await tenant.sessions.list(ada.id);
    expect(active).toMatchObject({ uid: session?.uid, startedAt: session?.startedAt });
    expect(active?.lastActiveAt).toBeGreaterThanOrEqual(startedAt + 119_000);
  });

  it('end one by one, with the tokens that live no longer than they do', async () => {
    const tenant = await serve();
    const ada = await createAccount(tenant);
    const [ended, kept] = [server.userAgent(), server.userAgent()];
    const bound = await redeem(tenant, await arriveAtClient(ended, tenant));
    const lasting = await redeem(
      tenant,
      await arriveAtClient(ended, tenant, { scope: 'openid offline_access', prompt: 'login consent' }),
    );
    later(1);
    const other = await redeem(tenant, await arriveAtClient(kept, tenant));
    const sessions = await tenant.sessions.list(ada.id);
    expect(sessions).toHaveLength(2);
    expect(await tenant.sessions.end(ada.id, sessions[1]?.uid ?? '')).toBe(true);

    expect(await askSilently(ended, tenant)).toBe('login_required');
    expect(await askSilently(kept, tenant)).toBe('signed in');
    expect(await refresh(tenant, bound.refresh_token)).toBe(400);
    expect(await refresh(tenant, lasting.refresh_token)).toBe(200);
    expect(await refresh(tenant, other.refresh_token)).toBe(200);
    expect(await tenant.sessions.list(ada.id)).toHaveLength(1);
    expect(await tenant.sessions.end(ada.id, sessions[1]?.uid ?? '')).toBe(false);
  });

  it('are nothing that another account, or another tenant, could end', async () => {
    const tenant = await serve({}, ['acme', 'other']);
    const ada = await createAccount(tenant);
    const bob = await createAccount(tenant, 'bob@example.com');
    const other = server.tenants[1] as ServedTenant;
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    const [session] = await tenant.sessions.list(ada.id);
    const uid = session?.uid ?? '';
    expect(await tenant.sessions.end(bob.id, uid)).toBe(false);
    expect(await tenant.sessions.endAll(bob.id)).toBe(0);
    expect(await other.sessions.end(ada.id, uid)).toBe(false);
    expect(await other.sessions.endAll(ada.id)).toBe(0);
    for (const text of ['', '#', '../session', 'x'.repeat(2_000)]) {
      expect(await tenant.sessions.end(ada.id, text)).toBe(false);
    }
    expect(await askSilently(agent, tenant)).toBe('signed in');
  });

  it('end all at once, or all but the present one', async () => {
    const tenant = await serve();
    const ada = await createAccount(tenant);
    const agents = [server.userAgent(), server.userAgent(), server.userAgent()];
    for (const agent of agents) {
      await arriveAtClient(agent, tenant);
      later(1);
    }
    const [present] = await tenant.sessions.list(ada.id);
    expect(await tenant.sessions.endOthers(ada.id, present?.uid ?? '')).toBe(2);
    const states = () => Promise.all(agents.map((agent) => askSilently(agent, tenant)));
    expect(await states()).toEqual(['login_required', 'login_required', 'signed in']);
    expect(await tenant.sessions.endAll(ada.id)).toBe(1);
    expect(await states()).toEqual(['login_required', 'login_required', 'login_required']);
  });

  it('leave the list when their person signs out', async () => {
    const tenant = await serve();
    const ada = await createAccount(tenant);
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    const page = await agent.open(`${tenant.issuer}/session/end`);
    await agent.submit(page, {}, 'logout=yes');
    expect(await tenant.sessions.list(ada.id)).toEqual([]);
    const left = await tenant.table.query({ pk: `AccountSessions#${ada.id}` });
    expect(left.items).toEqual([]);
  });

  it('end for the former person when another signs in on the browser', async () => {
    const tenant = await serve();
    const ada = await createAccount(tenant);
    const bob = await createAccount(tenant, 'bob@example.com');
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    await arriveAtClient(agent, tenant, { email: 'bob@example.com', prompt: 'login' });
    expect(await tenant.sessions.list(ada.id)).toEqual([]);
    expect(await tenant.sessions.list(bob.id)).toHaveLength(1);
  });
});

describe('how many sessions an account has (B4)', () => {
  it('is no more than allowed: the oldest ends', async () => {
    const tenant = await serve({ maxConcurrentSessions: 2 });
    const ada = await createAccount(tenant);
    const agents = [server.userAgent(), server.userAgent(), server.userAgent()];
    for (const agent of agents) {
      await arriveAtClient(agent, tenant);
      later(1);
    }
    expect(await Promise.all(agents.map((agent) => askSilently(agent, tenant)))).toEqual([
      'login_required',
      'signed in',
      'signed in',
    ]);
    // Signing in again on the same browser makes it no more.
    await arriveAtClient(agents[2] as UserAgent, tenant, { prompt: 'login' });
    expect(await askSilently(agents[1] as UserAgent, tenant)).toBe('signed in');
    expect(await tenant.sessions.list(ada.id)).toHaveLength(2);
  });

  it('is no more than allowed after many have signed in at the same time, and no fewer', async () => {
    const tenant = await serve({ maxConcurrentSessions: 3 });
    const ada = await createAccount(tenant);
    const agents = Array.from({ length: 8 }, () => server.userAgent());
    const pages = await Promise.all(agents.map((agent) => agent.open(authorizationRequest(tenant).url)));
    await Promise.all(
      agents.map((agent, index) =>
        agent.submit(pages[index] as (typeof pages)[number], { email: 'ada@example.com', password }),
      ),
    );
    const states = await Promise.all(agents.map((agent) => askSilently(agent, tenant)));
    // Who is signed in and has agreed to nothing yet is asked for consent.
    expect(states.filter((state) => state === 'consent_required')).toHaveLength(3);
    expect(states.filter((state) => state === 'login_required')).toHaveLength(5);
    expect(await tenant.sessions.list(ada.id)).toHaveLength(3);
  });

  it('does not count sessions that have come to their end', async () => {
    const tenant = await serve({ maxConcurrentSessions: 2, sessionTimeout: 600 });
    const ada = await createAccount(tenant);
    for (let count = 0; count < 2; count += 1) await arriveAtClient(server.userAgent(), tenant);
    later(601);
    const [first, second] = [server.userAgent(), server.userAgent()];
    await arriveAtClient(first, tenant);
    await arriveAtClient(second, tenant);
    expect(await askSilently(first, tenant)).toBe('signed in');
    expect(await askSilently(second, tenant)).toBe('signed in');
    expect(await tenant.sessions.list(ada.id)).toHaveLength(2);
  });
});

describe('how long a session lives (B4)', () => {
  it('is extended by activity, up to its absolute time', async () => {
    const tenant = await serve({ sessionTimeout: 600, absoluteSessionTimeout: 1_500 });
    await createAccount(tenant);
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    for (const seconds of [500, 500, 400]) {
      later(seconds);
      expect(await askSilently(agent, tenant)).toBe('signed in');
    }
    later(101);
    expect(await askSilently(agent, tenant)).toBe('login_required');
  });

  it('ends without activity', async () => {
    const tenant = await serve({ sessionTimeout: 600 });
    await createAccount(tenant);
    const agent = server.userAgent();
    const tokens = await redeem(tenant, await arriveAtClient(agent, tenant));
    later(601);
    expect(await askSilently(agent, tenant)).toBe('login_required');
    expect(await refresh(tenant, tokens.refresh_token)).toBe(400);
  });

  it('is counted from the sign-in when activity does not extend it', async () => {
    const tenant = await serve({ sessionTimeout: 600, extendOnActivity: false });
    await createAccount(tenant);
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    later(500);
    expect(await askSilently(agent, tenant)).toBe('signed in');
    later(101);
    expect(await askSilently(agent, tenant)).toBe('login_required');
  });

  it('becomes shorter for running sessions when the policy becomes stricter', async () => {
    const tenant = await serve({ sessionTimeout: 3_600 });
    await createAccount(tenant);
    const agent = server.userAgent();
    await arriveAtClient(agent, tenant);
    await tenant.setPolicy({ sessionTimeout: 300 });
    expect(await askSilently(agent, tenant)).toBe('signed in');
    later(301);
    expect(await askSilently(agent, tenant)).toBe('login_required');
  });
});

describe('networks (B4)', () => {
  const inside = { 'X-Forwarded-For': '192.0.2.9' };
  const outside = { 'X-Forwarded-For': '192.0.2.200' };
  const policy = { ipRestrictions: ['192.0.2.0/24'], ipDenyList: ['192.0.2.128/25'] };

  it('that are refused are refused though they are allowed, too', async () => {
    const tenant = await serve(policy);
    await createAccount(tenant);
    expect((await signIn(server.userAgent(outside), tenant, 'ada@example.com')).status).toBe(403);
    await arriveAtClient(server.userAgent(inside), tenant);
  });

  it('are looked at when a session is used', async () => {
    const tenant = await serve(policy);
    await createAccount(tenant);
    const agent = server.userAgent(inside);
    await arriveAtClient(agent, tenant);
    expect(await askSilently(agent, tenant)).toBe('signed in');
    await tenant.setPolicy({ ...policy, ipDenyList: ['192.0.2.0/25'] });
    expect(await askSilently(agent, tenant)).toBe('login_required');
    await tenant.setPolicy(policy);
    expect(await askSilently(agent, tenant)).toBe('signed in');
  });

  it('are looked at when a public client refreshes, which does so where its user is', async () => {
    const tenant = await serve(policy);
    await createAccount(tenant);
    await tenant.clients.create({
      clientId: 'app',
      name: 'App',
      type: 'spa',
      redirectUris: [redirectUri],
    });
    const arrival = await arriveAtClient(server.userAgent(inside), tenant, { client_id: 'app' });
    const ask = async (form: Record<string, string>, headers: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: 'app', ...form });
      const response = await fetch(`${tenant.issuer}/token`, { method: 'POST', headers, body });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    const { body } = await ask(
      {
        grant_type: 'authorization_code',
        code: arrival.url.searchParams.get('code') ?? '',
        redirect_uri: redirectUri,
        code_verifier: arrival.verifier,
      },
      inside,
    );
    const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' };
    expect(await ask(form, outside)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await ask(form, inside)).toMatchObject({ status: 200 });

    const confidential = await redeem(tenant, await arriveAtClient(server.userAgent(inside), tenant));
    expect(await refresh(tenant, confidential.refresh_token, outside)).toBe(200);
  });
});
