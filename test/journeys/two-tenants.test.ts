import * as openid from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  type TenantWish,
  tenantAdminToken,
} from '../support/onboarding.ts';
import { authorize, beginAuthorization, discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

const redirectUri = 'https://app.example/callback';
const bye = 'https://app.example/bye';
const sharedApp = {
  clientId: 'shared-app',
  name: 'App',
  type: 'web',
  redirectUris: [redirectUri],
  postLogoutRedirectUris: [bye],
};

interface Party extends OnboardedTenant {
  application: openid.Configuration;
}

let server: ProductServer;
/** One slug begins with the other, as paths of cookies do. */
let acme: Party;
let shop: Party;

beforeAll(async () => {
  server = await startServer();
  acme = await createParty({ slug: 'acme', email: 'ada@example.com', password: 'Ada-at-Acme-2026!' });
  shop = await createParty({ slug: 'acme-shop', email: 'ada@example.com', password: 'Ada-at-Shop-2026!' });
});
afterAll(() => server.close());

async function createParty(wish: TenantWish): Promise<Party> {
  const tenant = await onboardTenant(server, wish);
  const token = await tenantAdminToken(server, tenant, 'clients:write');
  const [client] = await createInTenant(server, tenant.slug, token, { clients: [sharedApp] });
  return { ...tenant, application: await discover(tenant.issuer, 'shared-app', client.clientSecret) };
}

async function signedInSilently(browser: UserAgent, { application }: Party): Promise<string | undefined> {
  const { url, checks } = await beginAuthorization(application, {
    redirectUri,
    parameters: { prompt: 'none' },
  });
  const arrival = await browser.open(url);
  if (!arrival.url.searchParams.has('code')) {
    return undefined;
  }
  return (await openid.authorizationCodeGrant(application, arrival.url, checks)).claims()?.sub;
}

it('one browser holds a session at each of two tenants with the same client id and e-mail address', async () => {
  const browser = createUserAgent(server.origin);
  const subjects: (string | undefined)[] = [];
  for (const { application, admin } of [acme, shop]) {
    subjects.push((await signIn(application, { redirectUri, user: admin, browser })).claims()?.sub);
  }

  expect(subjects[0]).not.toBe(subjects[1]);
  expect(await signedInSilently(browser, acme)).toBe(subjects[0]);
  expect(await signedInSilently(browser, shop)).toBe(subjects[1]);
  const cookies = await browser.jar.store.getAllCookies();
  const sessions = cookies.filter(({ key }) => key === '_session');
  expect(sessions.map(({ path }) => path).sort()).toEqual(['/acme', '/acme-shop']);
  expect(cookies.every(({ path }) => /^\/acme(-shop)?(\/|$)/.test(path ?? ''))).toBe(true);
});

it('signing out of one leaves the session at the other', async () => {
  const browser = createUserAgent(server.origin);
  const { id_token: hint = '' } = await signIn(acme.application, { redirectUri, user: acme.admin, browser });
  const { refresh_token: refreshToken = '' } = await signIn(shop.application, {
    redirectUri,
    user: shop.admin,
    browser,
  });

  const page = await browser.open(
    openid.buildEndSessionUrl(acme.application, { id_token_hint: hint, post_logout_redirect_uri: bye }),
  );
  expect((await browser.submit(page, {}, 'logout=yes')).url.href).toBe(bye);

  expect(await signedInSilently(browser, acme)).toBeUndefined();
  expect(await signedInSilently(browser, shop)).toBeTruthy();
  expect((await openid.refreshTokenGrant(shop.application, refreshToken)).access_token).toBeTruthy();
});

it('two sign-ins that are under way at once do not disturb each other', async () => {
  const browser = createUserAgent(server.origin);
  const begun = [];
  for (const party of [acme, shop]) {
    const { url, checks } = await beginAuthorization(party.application, { redirectUri });
    begun.push({ party, checks, page: await browser.open(url) });
  }
  for (const { party, checks, page } of begun) {
    const consent = await browser.submit(page, { ...party.admin });
    const arrival = consent.url.origin === server.origin ? await browser.submit(consent) : consent;
    const tokens = await openid.authorizationCodeGrant(party.application, arrival.url, checks);
    expect(tokens.claims()?.iss).toBe(party.issuer);
  }
});

it('the password of one tenant does not open the other', async () => {
  const user = { email: acme.admin.email, password: acme.admin.password };
  const { arrival } = await authorize(shop.application, { redirectUri, user });
  expect(arrival.status).toBe(401);
  expect(arrival.document.querySelector('[role="alert"]')?.textContent).toContain('not right');
});
