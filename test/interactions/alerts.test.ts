import { afterEach, describe, expect, it } from 'vitest';
import { latestLink, setSignUp } from '../self-service/mail-links.ts';
import { testClock } from '../support/clock.ts';
import { issueInvitation } from '../support/invitation.ts';
import type { UserAgent } from '../support/user-agent.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

let server: TenantServer;

afterEach(() => server.close());

async function createAccount(email = 'ada@example.com', chosen = password) {
  const { accounts } = server.tenant;
  const account = await accounts.create({ email, name: 'Ada', roles: [] });
  await accounts.setPassword(account.id, chosen);
  return account;
}

async function fail(agent: UserAgent, email: string) {
  const page = await agent.open(authorizationRequest(server.tenant).url);
  return agent.submit(page, { email, password: 'Wrong horse 1!' });
}

it('tells of a browser that has not been seen before, of the first one and of known ones not', async () => {
  server = await createTenantServer({ slugs: ['acme', 'other'] });
  await createAccount();
  const known = server.userAgent();
  await signIn(known, server.tenant, 'ada@example.com');
  await signIn(known, server.tenant, 'ada@example.com', { prompt: 'login' });
  expect(await server.mails()).toEqual([]);
  await signIn(server.userAgent(), server.tenant, 'ada@example.com');
  const mails = await server.mails();
  expect(mails).toHaveLength(1);
  expect(mails[0]).toMatchObject({ to: 'ada@example.com' });
  expect(mails[0]?.text).toContain('not seen before');
  expect(mails[0]?.text).toContain('127.0.0.1');
});

describe('tells of the first stranger’s browser after the owner’s, on which', () => {
  const chosen = { password, confirmation: password };
  const ways: Record<string, (agent: UserAgent) => Promise<unknown>> = {
    async 'somebody signed up'(agent) {
      await setSignUp(server.tenant, 'open');
      await agent.submit(await agent.open('/acme/sign-up'), { email: 'ada@example.com' });
      const page = await agent.open(await latestLink(server, 'ada@example.com'));
      return agent.submit(page, { name: 'Ada', ...chosen });
    },
    async 'a forgotten password was set'(agent) {
      await createAccount('ada@example.com', 'Forgotten horse 1!');
      await agent.submit(await agent.open('/acme/forgotten-password'), { email: 'ada@example.com' });
      return agent.submit(await agent.open(await latestLink(server, 'ada@example.com')), chosen);
    },
    async 'an invitation was accepted'(agent) {
      const { accounts } = server.tenant;
      const account = await accounts.create({ email: 'ada@example.com', name: 'Ada', roles: [] });
      const token = await issueInvitation(server.tenant, account);
      return agent.submit(await agent.open(`/acme/invitation/${token}`), chosen);
    },
  };

  it.each(Object.entries(ways))('%s', async (_, take) => {
    server = await createTenantServer();
    const owner = server.userAgent();
    await take(owner);
    const told = async () => (await server.mails()).filter(({ text }) => text.includes('not seen before'));
    await signIn(owner, server.tenant, 'ada@example.com');
    expect(await told()).toEqual([]);
    await signIn(server.userAgent(), server.tenant, 'ada@example.com');
    expect(await told()).toHaveLength(1);
  });
});

it('keeps the cookie that a browser is known by inside its tenant', async () => {
  server = await createTenantServer({ slugs: ['acme', 'other'] });
  await createAccount();
  const agent = server.userAgent();
  await signIn(agent, server.tenant, 'ada@example.com');
  const at = async (path: string) =>
    (await agent.jar.getCookies(`${server.origin}${path}`)).map(({ key }) => key);
  expect(await at('/acme/auth')).toContain('device');
  expect(await at('/other/auth')).not.toContain('device');
  expect(await at('/api')).not.toContain('device');
});

it('tells the owner once that attempts at the account have to wait, and nobody of an account that does not exist', async () => {
  server = await createTenantServer({ freeFailures: 2, clock: testClock(Date.now()) });
  await createAccount();
  for (const email of ['ada@example.com', 'nobody@example.com']) {
    expect((await fail(server.userAgent(), email)).status).toBe(401);
    expect((await fail(server.userAgent(), email)).status).toBe(401);
    expect((await fail(server.userAgent(), email)).status).toBe(429);
  }
  const mails = await server.mails();
  expect(mails.map(({ to }) => to)).toEqual(['ada@example.com']);
  expect(mails[0]?.text).toContain('failed attempts');
});

it('lets the owner in on a known browser while strangers have to wait', async () => {
  server = await createTenantServer({ freeFailures: 2, clock: testClock(Date.now()) });
  await createAccount();
  const known = server.userAgent();
  await signIn(known, server.tenant, 'ada@example.com');
  for (let count = 0; count < 3; count += 1) await fail(server.userAgent(), 'ada@example.com');
  const stranger = await signIn(server.userAgent(), server.tenant, 'ada@example.com');
  expect(stranger.status).toBe(429);
  const owner = await signIn(known, server.tenant, 'ada@example.com', { prompt: 'login' });
  expect(owner.status).toBe(200);
});
