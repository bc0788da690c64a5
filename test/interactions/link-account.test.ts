import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { latestLink, mailsTo } from '../self-service/mail-links.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import type { UserAgent } from '../support/user-agent.ts';
import { addApp, addPasskey, addRecoveryCodes, passkeyOptions } from './factor-people.ts';
import {
  allow,
  browserOf,
  createFederatedBrowsers,
  freshEmail,
  person,
  visit,
} from './federated-browsers.ts';
import { createTenantServer, type TenantServer, textOf } from './tenant-server.ts';

let server: TenantServer;
let upstream: Upstream;
let source: { id: string };
beforeAll(async () => {
  server = await createTenantServer();
  upstream = await startOpenidProvider();
  source = await addSource();
});
afterAll(async () => {
  await server?.close();
  upstream?.close();
});

const { addSource, leave, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));
const linksOf = (accountId: string) =>
  createFederatedIdentities({ table: server.tenant.table, clock: systemClock }).listOf(accountId);

/** An account that SCIM or an administrator has made: nobody has a password for it. */
const existing = ({ emailVerified = true } = {}) =>
  server.tenant.accounts.create({ email: freshEmail(), name: 'Owner', roles: ['Member'], emailVerified });

/** Somebody who has signed in at the source and whose address has an account: on the page that asks for the proof. */
async function arrive(email: string, more: Record<string, unknown> = {}, agent = browserOf(server)) {
  upstream.user = person(email, more);
  const { verifier, ...page } = await signInBy(source, { agent });
  expect(textOf(page)).toContain('Is this account yours?');
  return { agent, page, verifier };
}

const formsOn = (page: { document: Awaited<ReturnType<UserAgent['open']>>['document'] }) =>
  page.document.querySelectorAll('form').map((form) => form.getAttribute('action')?.split('/').at(-1));

describe('an account without a password is proved', () => {
  it('by a passkey of its own that has seen its owner', async () => {
    const account = await existing();
    const key = await addPasskey(server.tenant, account);
    const stranger = await addPasskey(server.tenant, await existing());
    const { agent, page, verifier } = await arrive(account.email);
    expect(formsOn(page)).toEqual(['link-passkey', 'link-mail']);
    const options = passkeyOptions(page);
    const anyOf = { ...options, allowCredentials: [] };
    for (const response of [
      stranger.get(anyOf),
      key.get(options, { userVerified: false }),
      key.get({ ...options, challenge: 'AAAA' }),
      '{}',
    ]) {
      expect((await agent.submitTo(page, 'link-passkey', { response })).status).toBe(401);
    }
    expect(await linksOf(account.id)).toEqual([]);
    const again = await agent.open(page.url);
    const answer = { response: key.get(passkeyOptions(again)) };
    const codes = await agent.submitTo(again, 'link-passkey', answer);
    const arrival = await allow(agent, await agent.submit(codes));
    const claims = await claimsAt({ ...arrival, verifier });
    expect(claims.sub).toBe(account.id);
    expect(claims.amr).toEqual(expect.arrayContaining(['swk', 'mfa']));
    expect(await linksOf(account.id)).toHaveLength(1);
  });

  it('by a mail to its verified address, and is as sure as the source says', async () => {
    const account = await existing();
    const signedInAt = Math.floor(Date.now() / 1000) - 3_600;
    const { agent, page, verifier } = await arrive(account.email, { auth_time: signedInAt });
    expect(formsOn(page)).toEqual(['link-mail']);
    const sent = await agent.submitTo(page, 'link-mail');
    expect(textOf(sent)).toContain('Look into your mailbox');
    const [mail] = await mailsTo(server, account.email);
    expect(mail?.text).toContain('Corp Login');
    const confirm = await agent.open(await latestLink(server, account.email));
    expect(await linksOf(account.id)).toEqual([]);
    const arrival = await allow(agent, await agent.submit(confirm));
    const claims = await claimsAt({ ...arrival, verifier });
    expect(claims).toMatchObject({ sub: account.id, amr: ['fed'], auth_time: signedInAt });
    expect(await linksOf(account.id)).toMatchObject([{ sourceId: source.id }]);
    expect((await claimsAt(await signInBy(source))).sub).toBe(account.id);
  });

  it('and by its second factor as well, if it has one', async () => {
    const account = await existing();
    const app = await addApp(server.tenant, account);
    await addRecoveryCodes(server.tenant, account.id);
    const { agent, page } = await arrive(account.email);
    await agent.submitTo(page, 'link-mail');
    const asked = await agent.submit(await agent.open(await latestLink(server, account.email)));
    expect(asked.url.pathname).toMatch(/second-factor$/);
    expect(await linksOf(account.id)).toEqual([]);
    await agent.submitTo(asked, 'totp', { code: app.code() });
    expect(await linksOf(account.id)).toHaveLength(1);
  });

  it('by nothing, when nobody has proved its address', async () => {
    const account = await existing({ emailVerified: false });
    const { page } = await arrive(account.email);
    expect(formsOn(page)).toEqual([]);
    expect(textOf(page)).toContain('no way to prove here');
  });
});

describe('the mailed link', () => {
  it('lets in nobody who sent it to somebody else, wherever that one opens it', async () => {
    const victim = await existing();
    // A provider that says anything of addresses, or a mailbox name that changed hands.
    const attacker = await arrive(victim.email);
    await attacker.agent.submitTo(attacker.page, 'link-mail');
    const link = await latestLink(server, victim.email);
    const own = browserOf(server);
    expect((await own.open(link)).status).toBe(400);
    // Also on the way of a sign-in of their own.
    upstream.user = person(victim.email, { sub: 'the victim there' });
    const { door } = await leave(own, source);
    const there = await own.open(await visit(door.url));
    const moved = new URL(link);
    moved.pathname = there.url.pathname.replace('link-account', 'link-proof');
    expect((await own.open(moved)).status).toBe(404);
    expect(await linksOf(victim.id)).toEqual([]);
    expect(textOf(await attacker.agent.open(attacker.page.url))).toContain('Is this account yours?');
  });

  it('is about the identity that asked for it', async () => {
    const account = await existing();
    const first = await arrive(account.email);
    await first.agent.submitTo(first.page, 'link-mail');
    const link = await latestLink(server, account.email);
    // The same interaction, somebody else at the source.
    upstream.user = person(account.email, { sub: 'another one' });
    const signIn = await first.agent.open(first.page.url.pathname.replace('/link-account', ''));
    const door = await first.agent.open(
      signIn.document.querySelector(`a[href*="${source.id}"]`)?.getAttribute('href') ?? '',
    );
    await first.agent.open(await visit(door.url));
    expect((await first.agent.open(link)).status).toBe(404);
    expect(await linksOf(account.id)).toEqual([]);
  });

  it('works once, and not after the account was closed or recovered meanwhile', async () => {
    const account = await existing();
    const { agent, page } = await arrive(account.email);
    await agent.submitTo(page, 'link-mail');
    const link = await latestLink(server, account.email);
    const confirm = await agent.open(link);
    await server.tenant.access.end(account.id);
    expect((await agent.submit(confirm)).status).toBe(404);
    await agent.submitTo(page, 'link-mail');
    const second = await agent.open(await latestLink(server, account.email));
    const answers = await Promise.all([agent.submit(second), agent.submit(second)]);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(1);
    expect(await linksOf(account.id)).toHaveLength(1);
  });

  it('is sent a few times only', async () => {
    const account = await existing();
    const { agent, page } = await arrive(account.email);
    const statuses: number[] = [];
    // The first waits are short.
    while (statuses.at(-1) !== 429 && statuses.length < 20) {
      statuses.push((await agent.submitTo(page, 'link-mail')).status);
    }
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses.at(-1)).toBe(429);
  });
});
