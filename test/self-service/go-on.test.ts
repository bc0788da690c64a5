import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addApp, addRecoveryCodes, createPerson } from '../interactions/factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { testClock } from '../support/clock.ts';
import { issueInvitation } from '../support/invitation.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import { applicationTenantsOf, latestLink, setSignUp } from './mail-links.ts';

let server: TenantServer;
let tenant: ServedTenant;
const clock = testClock(Date.now());

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'], clock });
  tenant = server.tenant;
  await setSignUp(tenant, 'open');
});
afterAll(() => server.close());

let count = 0;
const freshEmail = () => {
  count += 1;
  return `person${count}@example.com`;
};
const next = 'Another horse 2!';
const chosen = { name: 'Ada', password: next, confirmation: next };
const isSignIn = (page: Arrival) => page.document.querySelector('form[action$="/sign-in"]') !== null;
const goOnUrl = (page: Arrival) => page.document.querySelector('a.button')?.getAttribute('href') ?? '';

/** From an application to its sign-in page, and to the page behind one of its links; nothing is mailed yet. */
async function begin(
  words: '/sign-up' | '/forgotten-password',
  { agent = server.userAgent(), parameters = {} as Record<string, string> } = {},
) {
  const { url, verifier } = authorizationRequest(tenant, parameters);
  const signInPage = await agent.open(url);
  const link = signInPage.document.querySelector(`a[href*="${words}"]`)?.getAttribute('href') ?? '';
  return { agent, verifier, signInPage, form: await agent.open(link) };
}

/** The same, with the mail and its link, which `reader` follows. */
async function proveBySignUp(reader?: UserAgent) {
  const email = freshEmail();
  const begun = await begin('/sign-up');
  await begun.agent.submit(begun.form, { email });
  const browser = reader ?? begun.agent;
  const done = await browser.submit(await browser.open(await latestLink(server, email)), chosen);
  expect(textOf(done)).toContain('Your account is ready');
  return { ...begun, email, done };
}

async function proveByReset(email: string, options?: Parameters<typeof begin>[1]) {
  const begun = await begin('/forgotten-password', options);
  await begun.agent.submit(begun.form, { email });
  const page = await begun.agent.open(await latestLink(server, email));
  const done = await begun.agent.submit(page, { password: next, confirmation: next });
  expect(textOf(done)).toContain('Your password is saved');
  return { ...begun, email, done };
}

const sessionOf = async (agent: UserAgent) =>
  (await agent.jar.getCookies(`${server.origin}/acme/`)).find(({ key }) => key === '_session')?.value;

describe('the browser that holds the interaction and follows the link', () => {
  it('goes on signed in, with a session of its own', async () => {
    const { agent, done, verifier, email } = await proveBySignUp();
    const before = await sessionOf(agent);
    const consent = await agent.open(goOnUrl(done));
    expect(textOf(consent)).toContain('asks for access');
    expect(await sessionOf(agent)).not.toBe(before);
    const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier });
    const claims = JSON.parse(Buffer.from(tokens.id_token?.split('.')[1] ?? '', 'base64url').toString());
    const account = await tenant.accounts.findByEmail('default', email);
    expect(claims).toMatchObject({ sub: account?.id, amr: ['pwd'] });
  });

  it('does so after a forgotten password, and is asked for the second factor as always', async () => {
    const { email } = await createPerson(tenant, freshEmail());
    const { agent, done } = await proveByReset(email);
    expect(textOf(await agent.open(goOnUrl(done)))).toContain('asks for access');
    const strong = await createPerson(tenant, freshEmail());
    await addApp(tenant, strong);
    await addRecoveryCodes(tenant, strong.id);
    const asked = await proveByReset(strong.email);
    const second = await asked.agent.open(goOnUrl(asked.done));
    expect(second.url.pathname).toMatch(/second-factor$/);
  });

  it('also when it was asked to sign in anew, and the session from before has ended with the reset', async () => {
    const { email } = await createPerson(tenant, freshEmail());
    const agent = server.userAgent();
    await agent.submit(await signIn(agent, tenant, email));
    const { done } = await proveByReset(email, { agent, parameters: { prompt: 'login' } });
    expect(textOf(await agent.open(goOnUrl(done)))).toContain('asks for access');
  });

  it('once, within ten minutes, and in no other interaction', async () => {
    const { agent, done, signInPage } = await proveBySignUp();
    const other = await agent.open(authorizationRequest(tenant).url);
    expect(isSignIn(other)).toBe(true);
    expect(isSignIn(await agent.open('/acme/account'))).toBe(true);
    expect(textOf(await agent.open(goOnUrl(done)))).toContain('asks for access');
    expect(signInPage.url.pathname).toBe(goOnUrl(done));

    const late = await proveBySignUp();
    clock.advance(11 * 60_000);
    expect(isSignIn(await late.agent.open(goOnUrl(late.done)))).toBe(true);
  });

  it('not when the account has been closed, or given another password, meanwhile', async () => {
    for (const change of [
      (id: string) => tenant.accounts.setDisabled(id, true),
      (id: string) => tenant.access.end(id),
      (id: string) => tenant.accounts.setPassword(id, password),
    ]) {
      const { agent, done, email } = await proveBySignUp();
      const account = await tenant.accounts.findByEmail('default', email);
      clock.advance(1_000);
      await change(account?.id ?? '');
      expect(isSignIn(await agent.open(goOnUrl(done)))).toBe(true);
    }
  });
});

describe('another browser', () => {
  it('signs in as always, and so does the first one', async () => {
    const reader = server.userAgent();
    const { agent, done, email } = await proveBySignUp(reader);
    expect((await reader.open(goOnUrl(done))).status).toBe(400);
    const page = await agent.open(goOnUrl(done));
    expect(isSignIn(page)).toBe(true);
    expect(textOf(await agent.submit(page, { email, password: next }))).toContain('asks for access');
  });

  it('gains nothing by an interaction of its own that somebody else is led to (fixation)', async () => {
    const attacker = server.userAgent();
    const { url } = authorizationRequest(tenant);
    const own = await attacker.open(url);
    const uid = own.url.pathname.split('/').at(-1) ?? '';
    const email = freshEmail();
    const victim = server.userAgent();
    await victim.submit(await victim.open(`/acme/sign-up?interaction=${uid}`), { email });
    const done = await victim.submit(await victim.open(await latestLink(server, email)), chosen);
    expect(isSignIn(await attacker.open(own.url))).toBe(true);
    expect((await victim.open(goOnUrl(done))).status).toBe(400);
    expect(isSignIn(await attacker.open(own.url))).toBe(true);
  });

  it('of another tenant gains nothing either', async () => {
    const { agent, done } = await proveBySignUp();
    const there = await agent.open(authorizationRequest(server.tenants[1] as ServedTenant).url);
    expect(isSignIn(there)).toBe(true);
    const cookie = (await agent.jar.getCookies(`${server.origin}/acme/`)).find(({ key }) => key === 'proved');
    await agent.jar.setCookie(`proved=${cookie?.value}; Path=/globex`, server.origin);
    expect(isSignIn(await agent.open(there.url))).toBe(true);
    expect(textOf(await agent.open(goOnUrl(done)))).toContain('asks for access');
  });
});

describe('whoever came from no application', () => {
  it('goes on to the account: after an invitation, a sign-up, a forgotten password', async () => {
    const agent = server.userAgent();
    const invited = await tenant.accounts.create({ email: freshEmail(), name: 'Ada', roles: [] });
    const token = await issueInvitation({ ...tenant, clock }, invited);
    const done = await agent.submit(await agent.open(`/acme/invitation/${token}`), chosen);
    const area = await agent.open(goOnUrl(done));
    expect(area.url.pathname).toBe('/acme/account');
    expect(area.document.querySelector('#name')?.getAttribute('value')).toBe('Ada');
    // That was once.
    const out = await agent.open('/acme/session/end');
    await agent.submit(out, {}, 'logout=yes');
    expect(isSignIn(await agent.open('/acme/account'))).toBe(true);
  });

  it('of an application tenant to the account there, and to nobody else’s interaction', async () => {
    const shop = await applicationTenantsOf(tenant).create({ slug: 'shop', name: 'Shop' });
    await setSignUp(tenant, 'open', shop.id);
    const email = freshEmail();
    const agent = server.userAgent();
    await agent.submit(await agent.open('/acme/sign-up?organization=shop'), { email });
    const done = await agent.submit(await agent.open(await latestLink(server, email)), chosen);
    expect(goOnUrl(done)).toBe(`/acme/account?organization=${shop.id}`);
    expect(isSignIn(await agent.open(authorizationRequest(tenant).url))).toBe(true);
    const area = await agent.open(goOnUrl(done));
    expect(area.url.pathname).toBe('/acme/account');
  });
});

it('comes from where the policy admits people only', async () => {
  const { agent, done } = await proveBySignUp();
  await tenant.setPolicy({ ipDenyList: ['127.0.0.0/8'] });
  expect(textOf(await agent.open(goOnUrl(done)))).not.toContain('asks for access');
  await tenant.setPolicy({});
});
