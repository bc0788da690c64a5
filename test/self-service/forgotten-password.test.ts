import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  refresh,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { latestLink, mailsTo } from './mail-links.ts';

let server: TenantServer;
let tenant: ServedTenant;
const next = 'Another horse 2!';
const chosen = { password: next, confirmation: next };

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});

afterAll(() => server.close());

async function person(email: string, at: ServedTenant = tenant) {
  const account = await at.accounts.create({ email, name: 'Ada <b>', roles: [] });
  await at.accounts.setPassword(account.id, password);
  return account;
}

async function ask(email: string, slug = 'acme') {
  const agent = server.userAgent();
  return agent.submit(await agent.open(`/${slug}/forgotten-password`), { email });
}

it('sets a new password, ends every session, and tells the owner', async () => {
  const account = await person('ada@example.com');
  const elsewhere = server.userAgent();
  await elsewhere.submit(await signIn(elsewhere, tenant, 'ada@example.com'));

  const agent = server.userAgent();
  const page = await agent.open(authorizationRequest(tenant).url);
  const href = page.document.querySelectorAll('a').find((a) => a.textContent === 'Forgotten your password?');
  const form = await agent.open(href?.getAttribute('href') ?? '');
  expect((await agent.submit(form, { email: 'Ada@example.com' })).status).toBe(200);
  const reset = await agent.open(await latestLink(server, 'ada@example.com'));
  const done = await agent.submit(reset, chosen);
  expect(textOf(done)).toContain('Your password is saved');

  expect(await tenant.accounts.verifyPassword('ada@example.com', password)).toBeUndefined();
  expect(await tenant.accounts.verifyPassword('ada@example.com', next)).toMatchObject({
    id: account.id,
    emailVerified: true,
  });
  const silent = await elsewhere.open(authorizationRequest(tenant, { prompt: 'none' }).url);
  expect(silent.url.searchParams.get('error')).toBe('login_required');
  const alert = (await mailsTo(server, 'ada@example.com')).at(-1);
  expect(alert?.text).toContain('The password of your account has been changed.');
  expect(alert?.html).toContain('Ada &lt;b&gt;');
  const consent = await agent.open(done.document.querySelector('a.button')?.getAttribute('href') ?? '');
  expect(textOf(consent)).toContain('ada@example.com');
});

it('ends what applications were given for offline access', async () => {
  await person('offline@example.com');
  const thief = server.userAgent();
  const { verifier, ...consent } = await signIn(thief, tenant, 'offline@example.com', {
    scope: 'openid offline_access',
    prompt: 'login consent',
  });
  const tokens = await redeem(tenant, { ...(await thief.submit(consent)), verifier });
  const refreshed = await refresh(tenant, tokens.refresh_token);
  expect(refreshed.status).toBe(200);
  await ask('offline@example.com');
  const agent = server.userAgent();
  await agent.submit(await agent.open(await latestLink(server, 'offline@example.com')), chosen);
  expect((await refresh(tenant, refreshed.body.refresh_token)).status).toBe(400);
});

it('answers the same for every address, and writes only to accounts that a password opens', async () => {
  await person('known@example.com');
  const disabled = await person('disabled@example.com');
  await tenant.accounts.setDisabled(disabled.id, true);
  await tenant.accounts.create({ email: 'invited@example.com', name: 'Invited', roles: [] });
  const emails = ['known@example.com', 'unknown@example.com', 'disabled@example.com', 'invited@example.com'];
  const answers = await Promise.all(emails.map((email) => ask(email)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(new Set(answers.map((answer, index) => textOf(answer).replace(emails[index] ?? '', ''))).size).toBe(
    1,
  );
  const counts = await Promise.all(emails.map(async (email) => (await mailsTo(server, email)).length));
  expect(counts).toEqual([1, 0, 0, 0]);
});

describe('the link', () => {
  it('works for one of several at once, and for nobody afterwards', async () => {
    await person('once@example.com');
    await ask('once@example.com');
    const link = await latestLink(server, 'once@example.com');
    const agents = [server.userAgent(), server.userAgent(), server.userAgent()];
    const pages = await Promise.all(agents.map((agent) => agent.open(link)));
    const answers = await Promise.all(
      agents.map((agent, index) => {
        const own = `Another horse ${index}!`;
        return agent.submit(pages[index] as (typeof pages)[number], { password: own, confirmation: own });
      }),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(
      await tenant.accounts.verifyPassword('once@example.com', `Another horse ${winner}!`),
    ).toBeDefined();
    expect((await server.userAgent().open(link)).status).toBe(404);
  });

  it('is overtaken by a new password and by a new address', async () => {
    const { id } = await person('overtaken@example.com');
    await ask('overtaken@example.com');
    const first = await latestLink(server, 'overtaken@example.com');
    await tenant.accounts.setPassword(id, next);
    expect((await server.userAgent().open(first)).status).toBe(404);
    await ask('overtaken@example.com');
    const second = await latestLink(server, 'overtaken@example.com');
    expect((await server.userAgent().open(second)).status).toBe(200);
    await tenant.accounts.update(id, { email: 'moved@example.com' });
    expect((await server.userAgent().open(second)).status).toBe(404);
  });

  it('ends when an administrator takes back all access', async () => {
    const { id } = await person('taken-back@example.com');
    await ask('taken-back@example.com');
    const link = await latestLink(server, 'taken-back@example.com');
    await tenant.access.end(id);
    expect((await server.userAgent().open(link)).status).toBe(404);
  });

  it('ends with the account', async () => {
    const { id } = await person('gone@example.com');
    await ask('gone@example.com');
    const link = await latestLink(server, 'gone@example.com');
    await tenant.accounts.setDisabled(id, true);
    expect((await server.userAgent().open(link)).status).toBe(404);
  });

  it('is nothing at another tenant, even to somebody with the same address', async () => {
    const [, globex] = server.tenants;
    await person('both@example.com');
    const there = await person('both@example.com', globex as ServedTenant);
    await ask('both@example.com');
    const link = await latestLink(server, 'both@example.com');
    const foreign = await server.userAgent().open(link.replace('/acme/', '/globex/'));
    expect(foreign.status).toBe(404);
    expect(foreign.body).not.toContain('both@example.com');
    expect(await globex?.accounts.verifyPassword('both@example.com', password)).toMatchObject({
      id: there.id,
    });
  });

  it('stays while the new password does not do', async () => {
    await person('weak@example.com');
    await ask('weak@example.com');
    const agent = server.userAgent();
    const page = await agent.open(await latestLink(server, 'weak@example.com'));
    expect((await agent.submit(page, { password, confirmation: password })).status).toBe(422);
    expect((await agent.submit(page, { password: 'short', confirmation: 'short' })).status).toBe(422);
    expect((await agent.submit(page, { ...chosen, csrf: 'x' })).status).toBe(404);
    expect((await agent.submit(page, chosen)).status).toBe(200);
  });

  it('does not follow a poisoned Host header', async () => {
    await person('host@example.com');
    const agent = server.userAgent();
    const page = await agent.open('/acme/forgotten-password');
    const csrf = page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
    const cookie = await agent.jar.getCookieString(page.url.href);
    const post = (headers: Record<string, string>) =>
      fetch(page.url, {
        method: 'POST',
        headers: { cookie, ...headers },
        body: new URLSearchParams({ csrf, email: 'host@example.com' }),
      });
    expect((await post({ 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' })).status).toBe(
      200,
    );
    const [mail] = await mailsTo(server, 'host@example.com');
    expect(mail?.text).not.toContain('evil.example');
    expect(mail?.html).not.toContain('evil.example');
    expect(await latestLink(server, 'host@example.com')).toMatch(
      new RegExp(`^${tenant.issuer}/reset-password/`),
    );
  });
});

it('needs the token of this browser', async () => {
  await person('csrf@example.com');
  const agent = server.userAgent();
  const page = await agent.open('/acme/forgotten-password');
  expect((await agent.submit(page, { email: 'csrf@example.com', csrf: 'x' })).status).toBe(400);
  const signUpToken = page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
  const elsewhere = await server.userAgent().open('/globex/forgotten-password');
  const foreign = await agent.submit(elsewhere, { email: 'csrf@example.com', csrf: signUpToken });
  expect(foreign.status).toBe(400);
  expect(await mailsTo(server, 'csrf@example.com')).toEqual([]);
});
