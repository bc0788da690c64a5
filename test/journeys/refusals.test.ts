import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccounts } from '../../src/identity/accounts.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { issueInvitation } from '../support/invitation.ts';
import {
  acceptInvitation,
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
} from '../support/onboarding.ts';
import { authorize, beginAuthorization, discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { type Arrival, createUserAgent } from '../support/user-agent.ts';

const redirectUri = 'https://portal.example/callback';
const portal = { name: 'Portal', type: 'web', redirectUris: [redirectUri] };

let server: ProductServer;
let tenant: OnboardedTenant;
let application: openid.Configuration;
let otherApplication: openid.Configuration;

beforeAll(async () => {
  server = await startServer();
  tenant = await onboardTenant(server, { slug: 'acme' });
  const clients = ['portal', 'other'].map((clientId) => ({ ...portal, clientId }));
  const created = await createInTenant(server, 'acme', await platformToken(server), { clients });
  const [secret, otherSecret] = created.map(({ clientSecret }) => clientSecret);
  application = await discover(tenant.issuer, 'portal', secret);
  otherApplication = await discover(tenant.issuer, 'other', otherSecret);
});
afterAll(() => server.close());

/** Opens the authorization endpoint with some parameters changed, or left out where the value is empty. */
async function begin(changed: Record<string, string>, browser = createUserAgent(server.origin)) {
  const { url, checks } = await beginAuthorization(application, { redirectUri });
  for (const [name, value] of Object.entries(changed)) {
    url.searchParams.set(name, value);
    if (value === '') {
      url.searchParams.delete(name);
    }
  }
  return { browser, checks, page: await browser.open(url) };
}

function textOf({ document }: Arrival): string {
  return (document.querySelector('main')?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

/** A page of ours that says what is wrong and shows nothing of how the server is made. */
function expectErrorPage(page: Arrival, status: number, text: string): void {
  expect(page.url.origin).toBe(server.origin);
  expect({ status: page.status, text: textOf(page) }).toEqual({
    status,
    text: expect.stringContaining(text),
  });
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(page.headers.get('cache-control')).toContain('no-store');
  const foreign = 'script:not([src^="/assets/"]), iframe, [style]';
  expect(page.document.querySelectorAll(foreign)).toHaveLength(0);
  expect(page.body).not.toMatch(/node_modules|TypeError|at \w+ \(/);
}

describe('an authorization request that cannot be answered to the client ends on a page', () => {
  it.each([
    [
      'a redirect_uri that is not registered',
      { redirect_uri: 'https://evil.example/' },
      'invalid_redirect_uri',
    ],
    ['a redirect_uri with a path added', { redirect_uri: `${redirectUri}/x` }, 'invalid_redirect_uri'],
    ['a redirect_uri with a query added', { redirect_uri: `${redirectUri}?x=1` }, 'invalid_redirect_uri'],
    ['a redirect_uri in other case', { redirect_uri: redirectUri.toUpperCase() }, 'invalid_redirect_uri'],
    ['no redirect_uri', { redirect_uri: '' }, 'invalid_request'],
    ['a client that does not exist', { client_id: 'nobody' }, 'invalid_client'],
    ['no client', { client_id: '' }, 'invalid_request'],
  ])('%s', async (_name, changed, error) => {
    const { page } = await begin(changed);
    expectErrorPage(page, 400, error);
    expect(page.body).not.toContain('evil.example');
  });
});

describe('an authorization request that the client got wrong is answered to the client', () => {
  it.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['PKCE without S256', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE that names no method', { code_challenge_method: '' }, 'invalid_request'],
    ['a challenge of the wrong form', { code_challenge: 'short' }, 'invalid_request'],
    ['the implicit flow', { response_type: 'id_token' }, 'unsupported_response_type'],
    ['a token from the front channel', { response_type: 'code token' }, 'unsupported_response_type'],
    ['an unknown resource', { resource: 'https://unknown.example/' }, 'invalid_target'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['no sign-in wanted, and none there', { prompt: 'none' }, 'login_required'],
  ])('%s', async (_name, changed, error) => {
    const { page, checks } = await begin(changed);
    expect(page.url.href.startsWith(redirectUri)).toBe(true);
    const answer = Object.fromEntries(
      new URLSearchParams(page.url.search || page.url.hash.replace(/^#/, '')),
    );
    // RFC 9207: also an error names its issuer.
    expect(answer).toMatchObject({ error, state: checks.expectedState, iss: tenant.issuer });
    expect(answer).not.toHaveProperty('code');
  });
});

describe('a person who says no', () => {
  it('at sign-in or at consent returns to the application with access_denied', async () => {
    const { browser, page, checks } = await begin({});
    const cancel = (at: Arrival) => {
      const form = at.document.querySelector('form[action$="/cancel"]');
      const body = new URLSearchParams({
        csrf: form?.querySelector('input[name="csrf"]')?.getAttribute('value') ?? '',
      });
      return { action: new URL(form?.getAttribute('action') ?? '', at.url), body };
    };
    // The browser of the tests submits a page's first form; this one presses the other button.
    const press = async (at: Arrival) => {
      const { action, body } = cancel(at);
      const headers = { cookie: await browser.jar.getCookieString(action.href) };
      const response = await fetch(action, { method: 'POST', body, headers, redirect: 'manual' });
      return browser.open(new URL(response.headers.get('location') ?? '', action));
    };

    const atConsent = await browser.submit(page, { ...tenant.admin });
    expect(textOf(atConsent)).toContain('asks for access');
    const denied = await press(atConsent);
    await expect(openid.authorizationCodeGrant(application, denied.url, checks)).rejects.toMatchObject({
      error: 'access_denied',
    });

    const again = await begin({ prompt: 'login' }, browser);
    expect(textOf(again.page)).toContain('Sign in');
    const cancelled = await press(again.page);
    expect(cancelled.url.searchParams.get('error')).toBe('access_denied');
  });
});

describe('a sign-in', () => {
  it('with a wrong password says the same as one with an unknown address', async () => {
    const tries = [
      { email: tenant.admin.email, password: 'Wrong-Password-1!' },
      { email: 'nobody@acme.example', password: tenant.admin.password },
    ];
    const pages = await Promise.all(
      tries.map(async (user) => (await authorize(application, { redirectUri, user })).arrival),
    );
    for (const page of pages) {
      expectErrorPage(page, 401, 'The e-mail address or the password is not right.');
    }
    const [known = '', unknown = ''] = pages.map(textOf);
    expect(known).toBe(unknown);
  });

  it('whose page is opened in another browser, or sent a second time, has expired', async () => {
    const { browser, page } = await begin({});
    const elsewhere = createUserAgent(server.origin);
    expectErrorPage(await elsewhere.open(page.url), 400, 'This page has expired');

    await browser.submit(page, { ...tenant.admin });
    expectErrorPage(await browser.submit(page, { ...tenant.admin }), 400, 'This page has expired');
  });
});

describe('a link', () => {
  it('that was used shows a page, and nothing of the account', async () => {
    const page = await createUserAgent(server.origin).open(tenant.invitation);
    expectErrorPage(page, 404, 'This link is no longer valid');
    expect(page.body).not.toContain(tenant.admin.email);
    const user = { ...tenant.admin, password: 'Another-Password-1!' };
    expect((await authorize(application, { redirectUri, user })).arrival.status).toBe(401);
  });

  it('that is too old shows the same page', async () => {
    const { arrival } = await openLink(testClock(Date.now() - 8 * 86_400_000));
    expectErrorPage(arrival, 404, 'This link is no longer valid');
    const fresh = await openLink(systemClock);
    expect(fresh.arrival.status).toBe(200);
    expect(textOf(fresh.arrival)).toContain('Choose a password');
  });

  it('sets no password that the policy refuses, and stays good', async () => {
    const { url } = await openLink(systemClock);
    const weak = await acceptInvitation(server, url, 'short');
    expectErrorPage(weak.page, 422, 'The password needs at least 12 characters.');
    const { page } = await acceptInvitation(server, url, 'Long-Enough-For-All-7!');
    expect(page.status).toBe(200);
  });

  /** An invitation for a week, issued at the clock's time to somebody new. */
  async function openLink(clock: Clock): Promise<{ url: string; arrival: Arrival }> {
    const record = await server.directory.get('acme' as Slug);
    const store = { table: server.tables.open(record?.tableName ?? ''), clock, random: systemRandom };
    const email = `guest-${systemRandom.bytes(4).toString('hex')}@acme.example`;
    const guest = await createAccounts(store).create({ email, name: 'Guest', roles: [] });
    const token = await issueInvitation(store, guest, { ttlSeconds: 7 * 86_400 });
    const url = `${tenant.issuer}/invitation/${token}`;
    return { url, arrival: await createUserAgent(server.origin).open(url) };
  }
});

describe('at the token endpoint', () => {
  const oauthError = (error: string) => expect.objectContaining({ error });

  it('a code is worth nothing with another verifier, redirect URI or client, and nothing a second time', async () => {
    const browser = createUserAgent(server.origin);
    const options = { redirectUri, user: tenant.admin, browser };
    const code = async () => authorize(application, options);

    const first = await code();
    await expect(
      openid.authorizationCodeGrant(application, first.arrival.url, {
        ...first.checks,
        pkceCodeVerifier: openid.randomPKCECodeVerifier(),
      }),
    ).rejects.toEqual(oauthError('invalid_grant'));

    const second = await code();
    await expect(
      openid.authorizationCodeGrant(otherApplication, second.arrival.url, second.checks),
    ).rejects.toEqual(oauthError('invalid_grant'));

    const third = await code();
    const elsewhere = new URL(third.arrival.url.href.replace('/callback', '/elsewhere'));
    await expect(openid.authorizationCodeGrant(application, elsewhere, third.checks)).rejects.toEqual(
      oauthError('invalid_grant'),
    );

    const fourth = await code();
    const redeem = () => openid.authorizationCodeGrant(application, fourth.arrival.url, fourth.checks);
    const { refresh_token: refreshToken = '' } = await redeem();
    await expect(redeem()).rejects.toEqual(oauthError('invalid_grant'));
    // A code that comes twice was stolen: what it brought is taken back (RFC 6749, 4.1.2).
    await expect(openid.refreshTokenGrant(application, refreshToken)).rejects.toEqual(
      oauthError('invalid_grant'),
    );
  });

  it('a refresh token is worth nothing to another client, nor for more scope than was allowed', async () => {
    const { refresh_token: token = '' } = await signIn(application, { redirectUri, user: tenant.admin });
    await expect(openid.refreshTokenGrant(otherApplication, token)).rejects.toEqual(
      oauthError('invalid_grant'),
    );
    await expect(openid.refreshTokenGrant(application, token, { scope: 'openid profile' })).rejects.toEqual(
      oauthError('invalid_scope'),
    );
    await expect(openid.refreshTokenGrant(application, 'made-up')).rejects.toEqual(
      oauthError('invalid_grant'),
    );
    expect((await openid.refreshTokenGrant(application, token)).access_token).toBeTruthy();
  });

  it('a wrong secret, an unknown client and a grant that is not offered are told apart as RFC 6749 says', async () => {
    const grant = { grant_type: 'refresh_token', refresh_token: 'x' };
    const ask = async (credentials: string, form: Record<string, string>) => {
      const response = await fetch(`${tenant.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
        body: new URLSearchParams(form),
      });
      const { error } = (await response.json()) as { error: string };
      return { status: response.status, error, challenge: response.headers.get('www-authenticate') };
    };

    const wrongSecret = await ask('portal:wrong', grant);
    expect(wrongSecret).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(wrongSecret.challenge).toMatch(/^Basic /);
    expect(await ask('nobody:wrong', grant)).toEqual(wrongSecret);
    const secret = String(application.clientMetadata().client_secret);
    expect(
      await ask(`portal:${secret}`, { grant_type: 'password', username: 'a', password: 'b' }),
    ).toMatchObject({
      status: 400,
      error: 'unsupported_grant_type',
    });
    expect(await ask(`portal:${secret}`, { grant_type: 'client_credentials' })).toMatchObject({
      status: 400,
      // The provider's word for a client that may not use a grant; RFC 6749, 5.2 has unauthorized_client.
      error: expect.stringMatching(/^(invalid_request|unauthorized_client)$/),
    });
  });
});

it('signing out to an address that is not registered ends on a page', async () => {
  const tokens = await signIn(application, { redirectUri, user: tenant.admin });
  const page = await createUserAgent(server.origin).open(
    openid.buildEndSessionUrl(application, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://evil.example/',
    }),
  );
  expectErrorPage(page, 400, 'post_logout_redirect_uri');
});
