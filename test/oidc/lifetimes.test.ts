import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { artifactKey } from '../../src/oidc/storage/artifact.ts';
import { createUserAgent } from '../support/user-agent.ts';
import {
  createTenant,
  obtainCode,
  post,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

const day = 86_400_000;

describe('lifetimes', () => {
  let tenant: TestTenant;
  beforeAll(async () => {
    tenant = await createTenant();
  });
  afterEach(() => vi.useRealTimers());
  afterAll(() => tenant.close());

  const later = (ms: number) => {
    // Both the provider and the adapter read the time from `Date`.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  };

  async function register(type: 'web' | 'spa') {
    const { client, clientSecret } = await tenant.clients.create({
      name: type,
      type,
      redirectUris: [redirectUri],
    });
    return { clientId: client.clientId, clientSecret };
  }

  async function signIn(client: { clientId: string; clientSecret?: string | undefined }) {
    const code = await obtainCode(tenant, tenant.userAgent(), {
      client_id: client.clientId,
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    return post(`${tenant.base}/token`, client, redemption(code));
  }
  const refresh = (client: { clientId: string; clientSecret?: string | undefined }, token: string) =>
    post(`${tenant.base}/token`, client, { grant_type: 'refresh_token', refresh_token: token });
  const expiryOf = async (token: string) =>
    (await tenant.table.get(artifactKey('RefreshToken', token)))?.expiresAt;

  it('refuses a code after a minute', async () => {
    const client = await register('web');
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    later(61_000);
    expect(await post(`${tenant.base}/token`, client, redemption(code))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('lets rotation prolong a confidential client, but not a public one', async () => {
    const [web, spa] = await Promise.all([register('web'), register('spa')]);
    const [webTokens, spaTokens] = [await signIn(web), await signIn(spa)];
    const [webExpiry, spaExpiry] = [
      Number(await expiryOf(webTokens.body.refresh_token)),
      Number(await expiryOf(spaTokens.body.refresh_token)),
    ];
    later(day);

    const webNext = await refresh(web, webTokens.body.refresh_token);
    const spaNext = await refresh(spa, spaTokens.body.refresh_token);

    expect(Number(await expiryOf(webNext.body.refresh_token)) - webExpiry).toBeGreaterThan(86_000);
    expect(Math.abs(Number(await expiryOf(spaNext.body.refresh_token)) - spaExpiry)).toBeLessThan(10);
  });

  it('ends a family after 90 days, however often it was rotated', async () => {
    const client = await register('web');
    let tokens = await signIn(client);
    for (let days = 0; days < 84; days += 12) {
      later(12 * day);
      tokens = await refresh(client, tokens.body.refresh_token);
      expect(tokens.status).toBe(200);
    }
    later(7 * day);
    expect((await refresh(client, tokens.body.refresh_token)).body.error).toBe('invalid_grant');
  });

  it('consumes a pushed request once, even when sign-in takes longer than the request may be presented', async () => {
    const client = await register('web');
    const pushed = await post(`${tenant.base}/request`, client, {
      client_id: client.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      login_hint: 'sub-1',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    });
    const url = `${tenant.issuer}/auth?${new URLSearchParams({ client_id: client.clientId, request_uri: pushed.body.request_uri })}`;
    let reading = true;
    const agents = [1, 2].map(() =>
      createUserAgent(new URL(tenant.issuer).origin, {
        stopAt: ({ pathname }) => reading && pathname.includes('/interaction/'),
      }),
    );
    const pages = await Promise.all(agents.map((agent) => agent.open(url)));
    reading = false;
    later(120_000);

    const arrivals = [];
    for (const [index, agent] of agents.entries()) {
      arrivals.push(await agent.open(String(pages[index]?.url)));
    }

    expect(arrivals.map((arrival) => arrival.url.searchParams.has('code'))).toEqual([true, false]);
  });
});
