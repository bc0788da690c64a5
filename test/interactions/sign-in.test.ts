import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testClock } from '../support/clock.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  redirectUri,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  await person('ada@example.com');
  await person('bob@example.com');
});

afterAll(() => server.close());

async function person(email: string, at: ServedTenant = tenant) {
  const account = await at.accounts.create({
    email,
    name: 'Ada Lovelace',
    roles: ['Member'],
    emailVerified: true,
  });
  await at.accounts.setPassword(account.id, password);
  return account;
}

describe('the page', () => {
  it('names tenant and application, escaped, and works without scripts', async () => {
    const page = await server.userAgent().open(authorizationRequest(tenant).url);
    expect(page.status).toBe(200);
    expect(textOf(page)).toContain('to continue to Ledger "Online"');
    expect(page.body).toContain('Ledger &quot;Online&quot;');
    expect(page.body).toContain('Acme &amp; &lt;Sons&gt;');
    expect(page.body).not.toMatch(/<script(?! src="\/assets\/)|<style|\son\w+=|style=/i);
    // Of use with a script only, so nobody sees it without.
    expect(page.document.querySelector('form[data-passkey]')?.hasAttribute('hidden')).toBe(true);
  });

  it('is neither cached, framed, nor allowed anything from elsewhere; its form may end at the client', async () => {
    const { headers } = await server.userAgent().open(authorizationRequest(tenant).url);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self' https://client.example; " +
        "frame-ancestors 'none'; base-uri 'none'",
    );
  });

  it('loads one stylesheet, which may be kept for ever', async () => {
    const page = await server.userAgent().open(authorizationRequest(tenant).url);
    const href = page.document.querySelector('link[rel=stylesheet]')?.getAttribute('href') ?? '';
    expect(href).toMatch(/^\/assets\/tenantry-[0-9a-f]{16}\.css$/);
    const response = await fetch(new URL(href, server.origin));
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(await response.text()).toContain('prefers-color-scheme: dark');
  });

  it('fills in a login hint only when it is an address', async () => {
    const hinted = await server
      .userAgent()
      .open(authorizationRequest(tenant, { login_hint: 'Ada@example.com' }).url);
    expect(hinted.document.querySelector('#email')?.getAttribute('value')).toBe('ada@example.com');
    const strange = await server.userAgent().open(authorizationRequest(tenant, { login_hint: '"><b>x' }).url);
    expect(strange.document.querySelector('#email')?.getAttribute('value')).toBe('');
    expect(strange.body).not.toContain('<b>x');
  });
});

describe('signing in', () => {
  it('ends at the client with a code for exactly this person', async () => {
    const account = await person('claims@example.com');
    const agent = server.userAgent();
    const consent = await signIn(agent, tenant, 'Claims@Example.com', {
      scope: 'openid email profile roles',
    });
    const arrival = await agent.submit(consent);
    expect(arrival.url.href.startsWith(`${redirectUri}?code=`)).toBe(true);
    expect(arrival.url.searchParams.get('state')).toBe('state-1');
    expect(arrival.url.searchParams.get('iss')).toBe(tenant.issuer);
    const tokens = await redeem(tenant, { ...arrival, verifier: consent.verifier });
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ sub: account.id, amr: ['pwd'] });
    const userinfo = await fetch(`${tenant.issuer}/me`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await userinfo.json()).toEqual({
      sub: account.id,
      email: 'claims@example.com',
      email_verified: true,
      name: 'Ada Lovelace',
      organization_id: 'default',
      roles: ['Member'],
    });
  });

  it('answers a wrong password, an unknown and a disabled account alike', async () => {
    const disabled = await person('disabled@example.com');
    await tenant.accounts.setDisabled(disabled.id, true);
    const bodies = new Set<string>();
    for (const [email, attempt] of [
      ['ada@example.com', 'Wrong horse 1!'],
      ['unknown@example.com', password],
      ['disabled@example.com', password],
    ] as const) {
      const agent = server.userAgent();
      const page = await agent.open(authorizationRequest(tenant).url);
      const answer = await agent.submit(page, { email, password: attempt });
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain(attempt);
      bodies.add(textOf(answer));
      expect(answer.document.querySelector('[role=alert]')?.textContent).toContain('is not right');
    }
    expect(bodies.size).toBe(1);
  });

  it('goes on after a mistake in the same interaction', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const wrong = await agent.submit(page, { email: 'ada@example.com', password: 'Wrong horse 1!' });
    const consent = await agent.submit(wrong, { password });
    expect(textOf(consent)).toContain('asks for access');
  });

  it('returns to the client with access_denied on cancel', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    page.document.querySelector('form')?.remove();
    const arrival = await agent.submit(page);
    expect(arrival.url.origin + arrival.url.pathname).toBe(redirectUri);
    expect(arrival.url.searchParams.get('error')).toBe('access_denied');
    expect(arrival.url.searchParams.get('state')).toBe('state-1');
  });

  it('skips the pages while the session lives, and asks again when the account is disabled', async () => {
    const account = await person('session@example.com');
    const agent = server.userAgent();
    await agent.submit(await signIn(agent, tenant, 'session@example.com'));
    const again = await agent.open(authorizationRequest(tenant).url);
    expect(again.url.searchParams.get('code')).toBeTruthy();
    await tenant.accounts.setDisabled(account.id, true);
    const silent = await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url);
    expect(silent.url.searchParams.get('error')).toBe('login_required');
    const page = await agent.open(authorizationRequest(tenant).url);
    expect(textOf(page)).toContain('Sign in');
    const other = await agent.submit(page, { email: 'ada@example.com', password });
    expect(textOf(other)).toContain('ada@example.com');
  });

  it('lets another person take over the browser with nothing of the first', async () => {
    const bob = await tenant.accounts.findByEmail('default', 'bob@example.com');
    const agent = server.userAgent();
    const first = await signIn(agent, tenant, 'ada@example.com', { scope: 'openid email' });
    const adas = await redeem(tenant, { ...(await agent.submit(first)), verifier: first.verifier });
    const consent = await signIn(agent, tenant, 'bob@example.com', { prompt: 'login' });
    expect(textOf(consent)).toContain('bob@example.com');
    const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier: consent.verifier });
    expect(decodeJwt(tokens.id_token ?? '').sub).toBe(bob?.id);
    const userinfo = await fetch(`${tenant.issuer}/me`, {
      headers: { authorization: `Bearer ${adas.access_token}` },
    });
    expect(userinfo.status).toBe(401);
  });
});

describe('the form', () => {
  it('is refused without its token, with that of another form, and with that of another interaction', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const [signInToken, cancelToken] = page.document
      .querySelectorAll('input[name=csrf]')
      .map((field) => field.getAttribute('value') ?? '');
    const other = await server.userAgent().open(authorizationRequest(tenant).url);
    const otherToken = other.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
    expect(new Set([signInToken, cancelToken, otherToken]).size).toBe(3);
    for (const csrf of ['', cancelToken ?? '', otherToken]) {
      const answer = await agent.submit(page, { email: 'ada@example.com', password, csrf });
      expect(answer.status).toBe(400);
      expect(textOf(answer)).toContain('This page has expired');
    }
    expect((await agent.submit(page, { email: 'ada@example.com', password })).status).toBe(200);
  });

  it('is refused from a browser that does not hold the interaction', async () => {
    const page = await server.userAgent().open(authorizationRequest(tenant).url);
    const answer = await server.userAgent().submit(page, { email: 'ada@example.com', password });
    expect(answer.status).toBe(400);
  });

  it('of one prompt does not answer another', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const answer = await agent.submit(
      { ...page, url: page.url, document: page.document },
      { email: 'ada@example.com', password },
    );
    expect(textOf(answer)).toContain('asks for access');
    const uid = answer.url.pathname.split('/').at(-1);
    const response = await fetch(`${tenant.issuer}/interaction/${uid}/sign-in`, {
      method: 'POST',
      headers: { cookie: await agent.jar.getCookieString(answer.url.href) },
      body: new URLSearchParams({ email: 'bob@example.com', password }),
    });
    expect(response.status).toBe(400);
  });

  it('exists by POST only, and is limited in size', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const action = page.document.querySelector('form')?.getAttribute('action') ?? '';
    const get = await fetch(new URL(action, server.origin));
    expect(get.status).toBe(405);
    expect(get.headers.get('allow')).toBe('POST');
    const large = await agent.submit(page, { email: 'ada@example.com', password: 'x'.repeat(70_000) });
    expect(large.status).toBe(413);
  });

  it('of one tenant is nothing to another', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const elsewhere = page.url.href.replace('/acme/', '/globex/');
    const answer = await agent.submit({ ...page, url: new URL(elsewhere), document: page.document });
    expect(answer.status).toBe(401);
    const cookie = await agent.jar.getCookieString(page.url.href);
    const moved = await fetch(elsewhere, { headers: { cookie, accept: 'text/html' } });
    expect(moved.status).toBe(400);
    expect(await moved.text()).toContain('This page has expired');
  });
});

it('makes whoever’s password is too old choose a new one', async () => {
  const { id } = await person('old@example.com');
  const longAgo = testClock(Date.now() - 91 * 86_400_000);
  await tenant.accountsAt(longAgo).setPassword(id, password);
  const agent = server.userAgent();
  const page = await signIn(agent, tenant, 'old@example.com');
  expect(textOf(page)).toContain('Choose a new password');
  const email = 'old@example.com';
  const next = 'Another horse 2!';
  const refused = [
    { password: next, confirmation: `${next}?` },
    { password: 'short', confirmation: 'short' },
    { password, confirmation: password },
  ];
  for (const form of refused) {
    const answer = await agent.submit(page, form);
    expect(answer.status).toBe(422);
    expect(answer.document.querySelector('[role=alert]')).not.toBeNull();
  }
  const consent = await agent.submit(page, { password: next, confirmation: next });
  expect(textOf(consent)).toContain('asks for access');
  expect(await tenant.accounts.verifyPassword(email, password)).toBeUndefined();
  expect(await tenant.accounts.verifyPassword(email, next)).toMatchObject({ id });
});

it('shows a page of its own for errors of the protocol', async () => {
  const page = await server.userAgent().open(authorizationRequest(tenant, { client_id: 'nobody' }).url);
  expect(page.status).toBe(400);
  expect(textOf(page)).toContain('invalid_client');
  const evil = '<img src=x onerror=alert(1)>';
  const unsafe = await server.userAgent().open(authorizationRequest(tenant, { redirect_uri: evil }).url);
  expect(unsafe.status).toBe(400);
  expect(unsafe.body).not.toContain('<img src=x');
});
