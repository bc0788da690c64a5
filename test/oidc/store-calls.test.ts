import { setTimeout as delay } from 'node:timers/promises';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  basic,
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
} from '../support/onboarding.ts';
import { authorize, beginAuthorization, discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

const resource = 'https://orders.example/';

let calls: string[] = [];
let server: ProductServer;
let tenant: OnboardedTenant;
let application: openid.Configuration;
let machine: { clientId: string; clientSecret: string };
/** The cookie by which the tenant knows a browser. */
let device: string;

/** The whole product, because what counts is the sum of all its parts; its clock stands still, so that nothing in it becomes due. */
beforeAll(async () => {
  const startedAtMs = Date.now();
  server = await startServer({
    overrides: {
      clock: { now: () => startedAtMs },
      onTableCall({ operation, table, batchSize }) {
        const kind = /-(directory|keys)$/.exec(table)?.[1];
        const size = batchSize === undefined ? '' : ` of ${batchSize}`;
        calls.push(`${operation}${size}${kind === undefined ? '' : ` (${kind})`}`);
      },
    },
  });
  tenant = await onboardTenant(server, { slug: 'acme' });
  [, machine] = await createInTenant(server, 'acme', await platformToken(server), {
    resources: [
      {
        indicator: resource,
        name: 'Orders',
        scopes: ['orders:read'],
        accessTokenFormat: 'jwt',
        accessTokenTtlSeconds: 300,
      },
    ],
    clients: [{ name: 'Robot', type: 'm2m', scopes: ['orders:read'] }],
  });
  application = await discover(tenant.issuer, tenant.clientId, tenant.clientSecret);
  const first = createUserAgent(server.origin);
  await authorize(application, { redirectUri: tenant.redirectUri, user: tenant.admin, browser: first });
  const cookies = await first.jar.getCookies(tenant.issuer);
  device = String(cookies.find(({ key }) => key === 'device'));
  await untilQuiet();
});
afterAll(() => server.close());

/** Mail about what was done before goes out beside the requests. */
async function untilQuiet(): Promise<void> {
  for (let before = -1; before !== calls.length; await delay(500)) {
    before = calls.length;
  }
}

/** The calls to the store that the work makes, counted by kind. */
async function callsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  calls = [];
  await work();
  return Object.fromEntries(
    Map.groupBy(calls, (call) => call)
      .entries()
      .map(([call, all]) => [call, all.length]),
  );
}

async function post(
  path: string,
  form: Record<string, string>,
  client: { clientId: string; clientSecret?: string | undefined } = tenant,
): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${tenant.issuer}${path}`, {
    method: 'POST',
    headers: { authorization: basic(client.clientId, client.clientSecret ?? '') },
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: JSON.parse((await response.text()) || '{}') };
}

async function get(url: string): Promise<number> {
  const response = await fetch(url);
  await response.text();
  return response.status;
}

const askAsMachine = (form: Record<string, string>) =>
  post('/token', { grant_type: 'client_credentials', ...form }, machine);

/** Sign-in for offline access or for as long as the session; `prompt` is what makes the first possible. */
const offlineAccess = { scope: 'openid offline_access', prompt: 'consent' };
const whileSignedIn = { scope: 'openid' };

/** Nobody is signed in on it, and nobody is written to when somebody signs in: that would happen in the background, at any time. */
async function knownBrowser(): Promise<UserAgent> {
  const browser = createUserAgent(server.origin);
  await browser.jar.setCookie(device, tenant.issuer);
  return browser;
}

async function signedIn(parameters: Record<string, string> = offlineAccess) {
  const { redirectUri, admin: user } = tenant;
  return signIn(application, { redirectUri, user, parameters, browser: await knownBrowser() });
}

describe('calls to the store', () => {
  it('are none for discovery and keys', async () => {
    const documents = ['/.well-known/openid-configuration', '/jwks'].map((path) => tenant.issuer + path);
    expect(await callsOf(() => Promise.all(documents.map(get)))).toEqual({});
  });

  it('for a tenant that does not exist are one, and then none for a while', async () => {
    const unknown = `${server.origin}/nobody/jwks`;
    expect(await callsOf(() => get(unknown))).toEqual({ 'GetItem (directory)': 1 });
    expect(await callsOf(() => get(unknown))).toEqual({});
  });

  it('for an opaque token of a client’s own are its record and the token', async () => {
    expect(await callsOf(() => askAsMachine({}))).toEqual({ GetItem: 1, 'BatchWriteItem of 1': 1 });
  });

  it('for a JWT are the client’s record alone, once the resource and the key are in memory', async () => {
    const ask = () => askAsMachine({ resource, scope: 'orders:read' });
    expect(await ask()).toMatchObject({ status: 200 });
    expect(await callsOf(ask)).toEqual({ GetItem: 1 });
  });

  it('for a wrong secret are the client’s record alone', async () => {
    const guess = () =>
      post('/token', { grant_type: 'client_credentials' }, { ...machine, clientSecret: 'x' });
    expect(await callsOf(guess)).toEqual({ GetItem: 1 });
  });

  it('for a token that cannot be one are the client’s record alone', async () => {
    const token = '../'.repeat(20);
    expect(
      await callsOf(() => post('/token', { grant_type: 'refresh_token', refresh_token: token })),
    ).toEqual({
      GetItem: 1,
    });
    expect(await callsOf(() => post('/token/introspection', { token }))).toEqual({ GetItem: 1 });
  });

  it('for a pushed request are the client’s record and the request', async () => {
    const { url } = await beginAuthorization(application, tenant);
    const push = () => post('/request', Object.fromEntries(url.searchParams));
    expect(await callsOf(push)).toEqual({ GetItem: 1, PutItem: 1 });
  });

  it('for a sign-in add up page by page', async () => {
    const { url, checks } = await beginAuthorization(application, tenant);
    const browser = await knownBrowser();
    let page = await browser.open('/platform/jwks');

    const toSignIn = await callsOf(async () => {
      page = await browser.open(url);
    });
    expect(toSignIn).toEqual({ GetItem: 4, PutItem: 1 });

    const toConsent = await callsOf(async () => {
      page = await browser.submit(page, { ...tenant.admin });
    });
    expect(toConsent).toEqual({ GetItem: 14, PutItem: 6, DeleteItem: 1, Query: 2 });

    const toClient = await callsOf(async () => {
      page = await browser.submit(page);
    });
    expect(toClient).toEqual({ GetItem: 10, PutItem: 6, UpdateItem: 1, DeleteItem: 2 });

    const redemption = await callsOf(() => openid.authorizationCodeGrant(application, page.url, checks));
    expect(redemption).toEqual({ GetItem: 6, 'BatchWriteItem of 2': 1, UpdateItem: 1 });
  });

  it('for a user who is signed in already are one request’s', async () => {
    const browser = await knownBrowser();
    const again = () =>
      authorize(application, { redirectUri: tenant.redirectUri, user: tenant.admin, browser });
    await again();
    expect(await callsOf(again)).toEqual({ GetItem: 4, PutItem: 2, UpdateItem: 1 });
  });

  it.each([
    { tokens: 'for offline access', parameters: offlineAccess, session: 0 },
    { tokens: 'that end with the session', parameters: whileSignedIn, session: 2 },
  ])('with tokens $tokens', async ({ parameters, session }) => {
    const { refresh_token: refreshToken = '' } = await signedIn(parameters);

    let answer: Record<string, string> = {};
    const refresh = await callsOf(async () => {
      ({ body: answer } = await post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken }));
    });
    expect(refresh).toEqual({ GetItem: 4 + session, 'BatchWriteItem of 2': 1, UpdateItem: 1 });

    const { access_token: accessToken = '', refresh_token: successor = '' } = answer;
    const headers = { authorization: `Bearer ${accessToken}` };
    expect(await callsOf(async () => (await fetch(`${tenant.issuer}/me`, { headers })).json())).toEqual({
      GetItem: 4 + session,
    });
    // Without a hint it may be one of three kinds; the last one looks whether its person may still sign in.
    expect(await callsOf(() => post('/token/introspection', { token: accessToken }))).toEqual({
      GetItem: 6 + session,
    });
    const hinted = { token: successor, token_type_hint: 'refresh_token' };
    expect(await callsOf(() => post('/token/introspection', hinted))).toEqual({ GetItem: 4 + session });
  });

  it('for a revocation are what it takes to find everything of the grant', async () => {
    const { access_token: token } = await signedIn();
    const revoke = () => post('/token/revocation', { token, token_type_hint: 'access_token' });
    expect(await callsOf(revoke)).toEqual({
      GetItem: 3,
      DeleteItem: 1,
      Query: 3,
      'BatchWriteItem of 1': 2,
    });
  });

  it('for a refresh token used again are what it takes to end its family', async () => {
    const { refresh_token: refreshToken = '' } = await signedIn();
    const refresh = () => post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken });
    await refresh();

    const { GetItem, Query, DeleteItem, ...batches } = await callsOf(async () => {
      expect(await refresh()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    });
    expect({ GetItem, Query, DeleteItem }).toEqual({ GetItem: 4, Query: 3, DeleteItem: 2 });
    // Whether the token itself is among what is found depends on which comes first, its deletion or the look-up beside it.
    expect(Object.values(batches).reduce((sum, count) => sum + count, 0)).toBe(3);
  });
});
