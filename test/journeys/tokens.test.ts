import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  tenantAdminToken,
} from '../support/onboarding.ts';
import { authorize, beginAuthorization, discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { createUserAgent } from '../support/user-agent.ts';

const portal = {
  clientId: 'portal',
  name: 'Portal',
  type: 'web',
  redirectUris: ['https://portal.example/callback'],
  postLogoutRedirectUris: ['https://portal.example/bye'],
  scopes: ['orders:read'],
};
const robot = { clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['orders:read', 'files:read'] };
const ordersApi = {
  indicator: 'https://orders.example/',
  name: 'Orders',
  scopes: ['orders:read', 'orders:write'],
  accessTokenFormat: 'jwt',
  accessTokenTtlSeconds: 300,
};
const filesApi = {
  indicator: 'https://files.example/',
  name: 'Files',
  scopes: ['files:read'],
  accessTokenFormat: 'opaque',
  accessTokenTtlSeconds: 300,
};
const redirectUri = 'https://portal.example/callback';

let server: ProductServer;
let tenant: OnboardedTenant;
let application: openid.Configuration;
let machine: openid.Configuration;

/** Everything here is made by the tenant's own admin, with a token of the tenant's own issuer (E1). */
beforeAll(async () => {
  server = await startServer();
  tenant = await onboardTenant(server, { slug: 'acme' });
  const token = await tenantAdminToken(server, tenant, 'clients:write resources:write');
  const created = await createInTenant(server, 'acme', token, {
    resources: [ordersApi, filesApi],
    clients: [portal, robot],
  });
  const [portalSecret, robotSecret] = created.slice(2).map(({ clientSecret }) => clientSecret);
  application = await discover(tenant.issuer, 'portal', portalSecret);
  machine = await discover(tenant.issuer, 'robot', robotSecret);
});
afterAll(() => server.close());

describe('a client that the tenant made for itself', () => {
  it('signs a user in, reads userinfo, and refreshes with rotation', async () => {
    const tokens = await signIn(application, {
      redirectUri,
      user: tenant.admin,
      parameters: { scope: 'openid profile email roles offline_access', prompt: 'consent' },
    });
    const { sub } = tokens.claims() ?? { sub: '' };
    expect(await openid.fetchUserInfo(application, tokens.access_token, sub)).toEqual({
      sub,
      name: 'Ada Lovelace',
      email: 'admin@acme.example',
      email_verified: true,
      organization_id: 'default',
      roles: ['Admin'],
    });

    const first = tokens.refresh_token ?? '';
    const refreshed = await openid.refreshTokenGrant(application, first);
    expect(refreshed.claims()?.sub).toBe(sub);
    expect(refreshed.refresh_token).toBeTruthy();
    expect(refreshed.refresh_token).not.toBe(first);

    // A used refresh token means that somebody stole it: the whole family ends (RFC 9700, 4.14.2).
    for (const token of [first, refreshed.refresh_token ?? '']) {
      await expect(openid.refreshTokenGrant(application, token)).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    }
    await expect(openid.fetchUserInfo(application, refreshed.access_token, sub)).rejects.toThrow();
  });

  it('introspects and revokes its opaque tokens', async () => {
    const tokens = await signIn(application, { redirectUri, user: tenant.admin });
    const { access_token: token } = tokens;
    const sub = tokens.claims()?.sub ?? '';
    expect(await openid.tokenIntrospection(application, token)).toMatchObject({
      active: true,
      client_id: 'portal',
      sub,
    });

    await openid.tokenRevocation(application, token);
    expect(await openid.tokenIntrospection(application, token)).toEqual({ active: false });
    await expect(openid.fetchUserInfo(application, token, sub)).rejects.toThrow();
  });

  it('gets a JWT for a resource, with the scopes that it may ask for', async () => {
    const resource = ordersApi.indicator;
    const { access_token: token, scope } = await signIn(application, {
      redirectUri,
      user: tenant.admin,
      parameters: { scope: 'openid orders:read orders:write', resource },
    });
    expect(scope).toBe('orders:read');
    const { payload } = await verifyJwt(token, resource);
    expect(payload).toMatchObject({ client_id: 'portal', scope: 'orders:read' });
  });
});

describe('client credentials', () => {
  it('give a JWT or an opaque token, as the resource says', async () => {
    const jwt = await openid.clientCredentialsGrant(machine, {
      resource: ordersApi.indicator,
      scope: 'orders:read',
    });
    const { payload } = await verifyJwt(jwt.access_token, ordersApi.indicator);
    expect(payload).toMatchObject({ sub: 'robot', client_id: 'robot', scope: 'orders:read' });

    const opaque = await openid.clientCredentialsGrant(machine, {
      resource: filesApi.indicator,
      scope: 'files:read',
    });
    expect(opaque.access_token).not.toContain('.');
    expect(await openid.tokenIntrospection(machine, opaque.access_token)).toMatchObject({
      active: true,
      aud: filesApi.indicator,
      scope: 'files:read',
      client_id: 'robot',
    });
  });

  it('give nothing for a resource that the tenant does not have', async () => {
    await expect(
      openid.clientCredentialsGrant(machine, { resource: 'https://elsewhere.example/' }),
    ).rejects.toMatchObject({ error: 'invalid_target' });
  });
});

describe('RP-initiated logout', () => {
  it('ends the session after asking, and returns to the application', async () => {
    const browser = createUserAgent(server.origin);
    const user = { redirectUri, user: tenant.admin, browser };
    const tokens = await signIn(application, user);
    const silently = { redirectUri, parameters: { prompt: 'none' } };
    const stillThere = await browser.open((await beginAuthorization(application, silently)).url);
    expect(stillThere.url.searchParams.has('code')).toBe(true);

    const page = await browser.open(
      openid.buildEndSessionUrl(application, {
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: 'https://portal.example/bye',
        state: 'xyz',
      }),
    );
    const arrival = await browser.submit(page, {}, 'logout=yes');
    expect(arrival.url.href).toBe('https://portal.example/bye?state=xyz');

    const gone = await browser.open((await beginAuthorization(application, silently)).url);
    expect(gone.url.searchParams.get('error')).toBe('login_required');
    await expect(openid.refreshTokenGrant(application, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const { arrival: again } = await authorize(application, user);
    expect(again.url.searchParams.has('code')).toBe(true);
  });
});

async function verifyJwt(token: string, audience: string) {
  const keys = createRemoteJWKSet(new URL(`${tenant.issuer}/jwks`));
  return jwtVerify(token, keys, { issuer: tenant.issuer, audience, typ: 'at+jwt' });
}
