import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshSignInSeconds } from '../../src/oidc/interactions/step-up.ts';
import { testClock } from '../support/clock.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import { addPasskey, addRecoveryCodes, appWith, createPerson, passkeyOptions } from './factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

const single = 'urn:tenantry:acr:single-factor';
const multi = 'urn:tenantry:acr:multi-factor';

// Ahead of the provider's own clock, never behind it.
const clock = testClock(Date.now());
let server: TenantServer;
let tenant: ServedTenant;
let count = 0;

beforeAll(async () => {
  server = await createTenantServer({ clock });
  tenant = server.tenant;
  await tenant.clients.create({
    clientId: 'careful-client',
    name: 'Careful',
    type: 'native',
    redirectUris: ['https://client.example/callback'],
    requireMfa: true,
  });
});
afterAll(() => server.close());

/** Somebody who has signed in with a password while nothing more was set up. */
async function signedIn() {
  count += 1;
  const account = await createPerson(tenant, `ada${count}@example.com`);
  const agent = server.userAgent();
  const arrival = await signIn(agent, tenant, account.email);
  const claims = await claimsOf(agent, arrival, arrival.verifier);
  expect(claims).toMatchObject({ amr: ['pwd'], acr: single });
  return { account, agent, signedInAt: Number(claims.auth_time) };
}

async function addFactors(account: Awaited<ReturnType<typeof createPerson>>) {
  const { totpCodes } = tenant.factorsAt(clock);
  const { secret } = await totpCodes.begin(account, 'ticket');
  const app = appWith(secret, clock);
  await totpCodes.confirm(account.id, 'ticket', app.code(-1));
  const authenticator = await addPasskey(tenant, account);
  await addRecoveryCodes(tenant, account.id);
  return { app, authenticator };
}

async function claimsOf(agent: UserAgent, arrival: Arrival, verifier: string) {
  const asked = arrival.document.querySelector('form[action$="/consent"]');
  const allowed = asked ? await agent.submitTo(arrival, 'consent') : arrival;
  expect(allowed.url.searchParams.get('error')).toBeNull();
  const { id_token = '' } = await redeem(tenant, { ...allowed, verifier });
  return decodeJwt(id_token);
}

function ask(agent: UserAgent, parameters: Record<string, string>) {
  const { url, verifier } = authorizationRequest(tenant, parameters);
  return agent.open(url).then((arrival) => ({ arrival, verifier }));
}

const wish = (...classes: string[]) => ({ acr_values: classes.join(' ') });
const mustBe = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
});

describe('a request for two factors, from somebody signed in with one', () => {
  it.each([
    ['acr_values', wish(multi)],
    ['an essential acr claim', mustBe(multi)],
    ['the first of several classes that is offered', wish('gold', multi, 'phr')],
  ])('by %s asks for the second alone', async (_how, parameters) => {
    const { account, agent, signedInAt } = await signedIn();
    const { app } = await addFactors(account);
    clock.advance(5_000);
    const { arrival, verifier } = await ask(agent, parameters);
    expect(arrival.url.pathname).toMatch(/\/second-factor$/);
    const code = app.code();
    const claims = await claimsOf(agent, await agent.submitTo(arrival, 'totp', { code }), verifier);
    expect(claims).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], acr: multi, auth_time: signedInAt });
    // And it stays with the session.
    const silent = await ask(agent, { prompt: 'none', ...parameters });
    expect(await claimsOf(agent, silent.arrival, silent.verifier)).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: multi,
      auth_time: signedInAt,
    });
    const undemanding = await ask(agent, { prompt: 'none' });
    expect(await claimsOf(agent, undemanding.arrival, undemanding.verifier)).toMatchObject({ acr: multi });
  });

  it('cannot be answered silently', async () => {
    const { account, agent } = await signedIn();
    await addFactors(account);
    for (const parameters of [wish(multi), mustBe(multi), mustBe('phr'), { client_id: 'careful-client' }]) {
      const { arrival } = await ask(agent, { prompt: 'none', ...parameters });
      expect(arrival.url.searchParams.get('error')).toBe('login_required');
    }
  });

  it('comes from a client that always wants it, too', async () => {
    const { account, agent } = await signedIn();
    await addFactors(account);
    const { arrival } = await ask(agent, { client_id: 'careful-client' });
    expect(arrival.url.pathname).toMatch(/\/second-factor$/);
    const fresh = server.userAgent();
    count += 1;
    const other = await createPerson(tenant, `ada${count}@example.com`);
    const page = await signIn(fresh, tenant, other.email, { client_id: 'careful-client' });
    expect(page.url.pathname).toMatch(/\/enrol-factor$/);
  });

  it('goes on to setting one up only while the sign-in is fresh', async () => {
    const ownClock = testClock(Date.now());
    const own = await createTenantServer({ clock: ownClock });
    try {
      const { email } = await createPerson(own.tenant, 'ada@example.com');
      const agents = [own.userAgent(), own.userAgent()] as const;
      for (const agent of agents) {
        await agent.submitTo(await signIn(agent, own.tenant, email), 'consent');
      }
      const { url } = authorizationRequest(own.tenant, wish(multi));
      const fresh = await agents[0].open(url);
      expect(fresh.url.pathname).toMatch(/\/enrol-factor$/);
      ownClock.advance(freshSignInSeconds * 1000);
      expect((await agents[0].open(fresh.url)).document.querySelector('#password')).not.toBeNull();
      expect((await agents[1].open(url)).document.querySelector('#password')).not.toBeNull();
    } finally {
      await own.close();
    }
  });

  it('asks for everything when the application wants a new sign-in', async () => {
    const { account, agent } = await signedIn();
    await addFactors(account);
    for (const parameters of [
      { ...wish(multi), prompt: 'login' },
      { ...wish(multi), max_age: '0' },
    ]) {
      const { arrival } = await ask(agent, parameters);
      expect(arrival.document.querySelector('#password')).not.toBeNull();
    }
  });

  it('asks for everything when the password is not what it was', async () => {
    const { account, agent } = await signedIn();
    const { app } = await addFactors(account);
    clock.advance(5_000);
    const { arrival } = await ask(agent, wish(multi));
    await tenant.accounts.setPassword(account.id, 'Another horse 2!');
    const refused = await agent.submitTo(arrival, 'totp', { code: app.code() });
    expect(refused.url.searchParams.get('code')).toBeNull();
    expect(refused.document.querySelector('#password')).not.toBeNull();
  });
});

describe('a request for a phishing-resistant sign-in', () => {
  it('is answered by a passkey, and by nothing else of the account', async () => {
    const { account, agent } = await signedIn();
    const { app, authenticator } = await addFactors(account);
    const { arrival, verifier } = await ask(agent, mustBe('phr'));
    expect(arrival.document.querySelector('#code')).toBeNull();
    expect(arrival.document.querySelector('#recovery-code')).toBeNull();
    const response = authenticator.get(passkeyOptions(arrival));
    const claims = await claimsOf(
      agent,
      await agent.submitTo(arrival, 'passkey-factor', { response }),
      verifier,
    );
    expect(claims).toMatchObject({ amr: ['pwd', 'swk', 'user', 'mfa'], acr: 'phr' });
    // A weaker class is named when the client asks for it: it compares names.
    const weaker = await ask(agent, { prompt: 'none', ...mustBe(multi) });
    expect(await claimsOf(agent, weaker.arrival, weaker.verifier)).toMatchObject({ acr: multi });
    expect(app.code()).toHaveLength(6);
  });

  it('takes no code by a form that was not offered', async () => {
    const { account, agent } = await signedIn();
    const { app } = await addFactors(account);
    const offered = await ask(agent, wish(multi));
    const asked = await ask(agent, mustBe('phr'));
    const page = { ...asked.arrival, document: offered.arrival.document };
    for (const form of page.document.querySelectorAll('form')) {
      const name = form.getAttribute('action')?.split('/').at(-1) ?? '';
      form.setAttribute('action', `${asked.arrival.url.pathname.replace('/second-factor', '')}/${name}`);
    }
    const refused = await agent.submitTo(page, 'totp', { code: app.code() });
    expect([400, 422]).toContain(refused.status);
  });

  it('ends with an error when it must be and cannot', async () => {
    const { account, agent } = await signedIn();
    const { totpCodes } = tenant.factorsAt(clock);
    const { secret } = await totpCodes.begin(account, 'ticket');
    await totpCodes.confirm(account.id, 'ticket', appWith(secret, clock).code(-1));
    await addRecoveryCodes(tenant, account.id);
    const { arrival } = await ask(agent, mustBe('phr'));
    const end = await agent.submitTo(arrival, 'totp', { code: appWith(secret, clock).code() });
    expect(end.url.searchParams.get('error')).toBe('unmet_authentication_requirements');
    expect(end.url.searchParams.get('code')).toBeNull();
  });

  it('gets what can be had when it is a wish', async () => {
    const { account, agent } = await signedIn();
    const { totpCodes } = tenant.factorsAt(clock);
    const { secret } = await totpCodes.begin(account, 'ticket');
    await totpCodes.confirm(account.id, 'ticket', appWith(secret, clock).code(-1));
    await addRecoveryCodes(tenant, account.id);
    const { arrival, verifier } = await ask(agent, wish('phr'));
    const code = appWith(secret, clock).code();
    const claims = await claimsOf(agent, await agent.submitTo(arrival, 'totp', { code }), verifier);
    expect(claims).toMatchObject({ acr: multi });
  });
});

describe('an access token for an API', () => {
  const resource = 'https://orders.example/';

  it('says how sure the sign-in was, and says the same when it is refreshed (RFC 9068 §2.2.1)', async () => {
    await tenant.resources.put({
      indicator: resource,
      name: 'Orders',
      scopes: ['read'],
      accessTokenFormat: 'jwt',
      accessTokenTtlSeconds: 300,
    });
    const { account, agent, signedInAt } = await signedIn();
    const { app } = await addFactors(account);
    const { arrival, verifier } = await ask(agent, {
      ...wish(multi),
      resource,
      scope: 'openid read offline_access',
      prompt: 'consent',
    });
    const consent = await agent.submitTo(arrival, 'totp', { code: app.code() });
    const tokens = await redeem(tenant, { ...(await agent.submitTo(consent, 'consent')), verifier });
    const expected = { acr: multi, amr: ['pwd', 'otp', 'mfa'], auth_time: signedInAt };
    expect(decodeJwt(tokens.access_token ?? '')).toMatchObject(expected);
    const response = await fetch(`${tenant.issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`web-client:${tenant.clientSecret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
    });
    const refreshed = (await response.json()) as { access_token: string };
    expect(decodeJwt(refreshed.access_token)).toMatchObject(expected);
  });
});

describe('classes that are not offered', () => {
  it('are no wish that can be granted', async () => {
    const { agent } = await signedIn();
    const { arrival, verifier } = await ask(agent, wish('gold'));
    expect(await claimsOf(agent, arrival, verifier)).toMatchObject({ acr: single });
  });

  it.each([
    [{ essential: true, values: ['gold', 'silver'] }, 'unmet_authentication_requirements'],
    [{ essential: true, value: 'gold' }, 'unmet_authentication_requirements'],
    [{ essential: true, values: 'gold' }, 'invalid_request'],
    [{ essential: true, values: [7] }, 'invalid_request'],
  ])('%j is answered with %s', async (acr, error) => {
    const { agent } = await signedIn();
    const { arrival } = await ask(agent, { claims: JSON.stringify({ id_token: { acr } }) });
    expect(arrival.url.searchParams.get('error')).toBe(error);
  });
});
