import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPerson } from '../interactions/factor-people.ts';
import {
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { latestLink, mailsTo } from '../self-service/mail-links.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});
afterAll(() => server.close());

/** Somebody whose address was typed in by an administrator. */
async function unproved(email: string) {
  const { id } = await createPerson(tenant, `former-${email}`);
  return tenant.accounts.update(id, { email });
}

async function enter(email: string) {
  const agent = server.userAgent();
  const page = await agent.submit(await agent.open('/acme/account/email'), { email, password });
  return { agent, page };
}

const isVerified = async (id: string) => (await tenant.accounts.get(id))?.emailVerified;

describe('in the account area', () => {
  it('somebody proves the address that the account has, by a link that works once', async () => {
    const { id } = await unproved('area@example.com');
    const { agent, page } = await enter('area@example.com');
    expect(textOf(page)).toContain('You have not confirmed this address yet');
    expect(textOf(await agent.submitTo(page, 'verify'))).toContain('A mail is on its way');
    const link = await latestLink(server, 'area@example.com');
    const reader = server.userAgent();
    const confirm = await reader.open(link);
    expect(await isVerified(id)).toBe(false);
    expect((await reader.submit(confirm, { csrf: 'x' })).status).toBe(404);
    const answers = await Promise.all([reader.submit(confirm), reader.submit(confirm)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(await isVerified(id)).toBe(true);
    expect((await reader.open(link)).status).toBe(404);
    const after = await agent.open('/acme/account/email');
    expect(after.document.querySelector('form[action$="/verify"]')).toBeNull();
  });

  it('the link proves no other address, and nothing at another tenant or for another purpose', async () => {
    const { id } = await unproved('moving@example.com');
    const { agent, page } = await enter('moving@example.com');
    await agent.submitTo(page, 'verify');
    const link = await latestLink(server, 'moving@example.com');
    const reader = server.userAgent();
    const confirm = await reader.open(link);
    for (const other of [
      link.replace('/acme/', '/globex/'),
      link.replace('/verify-address/', '/confirm-email/'),
      link.replace('/verify-address/', '/verify-email/'),
      link.replace('/verify-address/', '/reset-password/'),
    ]) {
      expect((await reader.open(other)).status, other).toBe(404);
    }
    await tenant.accounts.update(id, { email: 'moved@example.com' });
    expect((await reader.submit(confirm)).status).toBe(404);
    expect(await isVerified(id)).toBe(false);
  });

  it('sends a mailbox no more than a few mails', async () => {
    await unproved('often@example.com');
    const { agent, page } = await enter('often@example.com');
    const statuses: number[] = [];
    // The first waits are short.
    while (statuses.at(-1) !== 429 && statuses.length < 20) {
      statuses.push((await agent.submitTo(page, 'verify')).status);
    }
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses.at(-1)).toBe(429);
    expect(await mailsTo(server, 'often@example.com')).toHaveLength(statuses.filter((s) => s === 200).length);
  });
});

describe('on the way to an application that asks for the address', () => {
  const asked = { scope: 'openid email', prompt: 'login consent' };

  it('it is offered, put off for a week, and offered again', async () => {
    const { id } = await unproved('later@example.com');
    const arrive = async (parameters: Record<string, string> = asked) => {
      const agent = server.userAgent();
      return { agent, page: await signIn(agent, tenant, 'later@example.com', parameters) };
    };
    const { agent, page } = await arrive();
    expect(page.url.pathname).toMatch(/verify-address$/);
    expect(textOf(page)).toContain('later@example.com');
    const consent = await agent.submitTo(page, 'go-on');
    expect(textOf(consent)).toContain('asks for access');
    expect(await mailsTo(server, 'later@example.com')).toEqual([]);
    expect((await arrive()).page.url.pathname).not.toMatch(/verify-address$/);
    const offer = { pk: `Account#${id}`, sk: 'verification-offer' };
    await tenant.table.update(offer, { set: { expiresAt: Math.floor(Date.now() / 1000) - 1 } });
    expect((await arrive()).page.url.pathname).toMatch(/verify-address$/);
    expect((await arrive({ scope: 'openid' })).page.url.pathname).not.toMatch(/verify-address$/);
  });

  it('it can be done at once, and the application is told so', async () => {
    const { id } = await unproved('now@example.com');
    const agent = server.userAgent();
    const { verifier, ...page } = await signIn(agent, tenant, 'now@example.com', asked);
    const sent = await agent.submitTo(page, 'send-verification');
    expect(textOf(sent)).toContain('A mail is on its way');
    const reader = server.userAgent();
    await reader.submit(await reader.open(await latestLink(server, 'now@example.com')));
    expect(await isVerified(id)).toBe(true);
    const consent = await agent.submitTo(sent, 'go-on');
    const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier });
    expect(decodeJwt(tokens.id_token ?? '').sub).toBe(id);
    const userinfo = await fetch(`${tenant.issuer}/me`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await userinfo.json()).toMatchObject({ email: 'now@example.com', email_verified: true });
  });

  it('nobody is asked who has proved it', async () => {
    await createPerson(tenant, 'proved@example.com');
    const page = await signIn(server.userAgent(), tenant, 'proved@example.com', asked);
    expect(textOf(page)).toContain('asks for access');
  });
});
