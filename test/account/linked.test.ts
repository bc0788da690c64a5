import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { recentSeconds } from '../../src/oidc/account/account-area.ts';
import { addPasskey } from '../interactions/factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { mailsTo } from '../self-service/mail-links.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { type Arrival, createUserAgent, type UserAgent } from '../support/user-agent.ts';
import { makeSignInOlder } from './older-sign-in.ts';

let server: TenantServer;
let tenant: ServedTenant;
let upstream: Upstream;
let source: { id: string };

beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
  upstream = await startOpenidProvider();
  source = await addSource('Corp Login');
});

afterAll(async () => {
  await server.close();
  await upstream.close();
});

async function addSource(name: string) {
  const { issuer, clientId, clientSecret } = upstream;
  const openid = { issuer, clientId };
  const added = await tenant.sources.create({ kind: 'openid', name, openid }, new Secret(clientSecret));
  await tenant.rebuild();
  return added;
}

const identities = () => createFederatedIdentities({ table: tenant.table, clock: systemClock });

/** From the sign-in page of a request to the source and back. */
async function signInBySource(agent: UserAgent, page: Arrival): Promise<Arrival> {
  const link = page.document.querySelector(`a[href*="${source.id}"]`);
  const door = await agent.open(new URL(link?.getAttribute('href') ?? '', page.url));
  const response = await fetch(door.url, { redirect: 'manual' });
  return agent.open(response.headers.get('location') ?? '');
}

/** Somebody who came by the source first, and so has no password; on the page. */
async function newcomer(email: string) {
  upstream.user = { sub: `sub-of-${email}`, email, email_verified: true, name: 'Ada' };
  const agent = createUserAgent(server.origin);
  const page = await signInBySource(agent, await agent.open('/acme/account/linked'));
  expect(page.url.pathname).toBe('/acme/account/linked');
  const account = await tenant.accounts.findByEmail('default', email);
  if (!account) throw new Error('no account');
  return { agent, page, account };
}

/** Somebody with a password, linked to the source; on the page. */
async function linked(email: string) {
  const account = await tenant.accounts.create({ email, name: 'Ada', roles: [], emailVerified: true });
  await tenant.accounts.setPassword(account.id, password);
  upstream.user = { sub: `sub-of-${email}`, email, email_verified: true, name: 'Ada' };
  const agent = createUserAgent(server.origin);
  const proof = await signInBySource(agent, await agent.open('/acme/account/linked'));
  const page = await agent.submit(proof, { password });
  expect(page.url.pathname).toBe('/acme/account/linked');
  return { agent, page, account };
}

it('shows what leads into the account, and takes it away; the owner is told of both', async () => {
  const { agent, page, account } = await linked('ada@example.com');
  expect(textOf(page)).toContain('Corp Login');
  expect(textOf(page)).toContain('ada@example.com');
  const after = await agent.submitTo(page, 'unlink');
  expect(textOf(after)).toContain('The link is gone');
  expect(await identities().listOf(account.id)).toEqual([]);
  const again = await signInBySource(
    createUserAgent(server.origin),
    await agent.open(authorizationRequest(tenant, { prompt: 'login' }).url),
  );
  expect(again.url.searchParams.has('code')).toBe(false);
  const texts = (await mailsTo(server, 'ada@example.com')).map(({ text }) => text);
  expect(
    texts.filter((text) => text.includes('can now be reached by signing in at Corp Login')),
  ).toHaveLength(1);
  expect(texts.filter((text) => text.includes('can no longer be reached'))).toHaveLength(1);
});

it('leaves the last way into the account, until there is another one', async () => {
  const { agent, page, account } = await newcomer('only@example.com');
  const refused = await agent.submitTo(page, 'unlink');
  expect(refused.status).toBe(409);
  expect(textOf(refused)).toContain('the only way');
  expect(await identities().listOf(account.id)).toHaveLength(1);
  await addPasskey(tenant, account);
  const allowed = await agent.submitTo(refused, 'unlink');
  expect(allowed.url.search).toBe('?done=linked');
  expect(await identities().listOf(account.id)).toEqual([]);
});

it('counts no link to a source that is gone as a way in, and lets it go', async () => {
  const { agent, account } = await newcomer('gone@example.com');
  const identity = { sourceId: 'src_gone', applicationTenantId: 'default', subject: 'x' };
  await identities().link(identity, account.id, 'gone');
  const page = await agent.open('/acme/account/linked');
  expect(textOf(page)).toContain('no longer offered');
  const idOf = (name: string) =>
    page.document
      .querySelectorAll('.entries > li')
      .find((entry) => entry.textContent.includes(name))
      ?.querySelector('input[name=link]')
      ?.getAttribute('value') ?? '';
  expect((await agent.submitTo(page, 'unlink', { link: idOf('Corp Login') })).status).toBe(409);
  await agent.submitTo(page, 'unlink', { link: idOf('no longer offered') });
  expect(await identities().listOf(account.id)).toMatchObject([{ sourceId: source.id }]);
});

it('takes nothing from somebody else, nor without its token', async () => {
  const victim = await linked('victim@example.com');
  const attacker = await linked('attacker@example.com');
  const id = victim.page.document.querySelector('input[name=link]')?.getAttribute('value') ?? '';
  await attacker.agent.submitTo(attacker.page, 'unlink', { link: id });
  for (const csrf of [
    '',
    attacker.page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '',
  ]) {
    expect((await victim.agent.submitTo(victim.page, 'unlink', { csrf })).status).toBe(400);
  }
  expect(await identities().listOf(victim.account.id)).toHaveLength(1);
});

it('asks for a sign-in that is recent', async () => {
  const { agent, page, account } = await linked('stale@example.com');
  await makeSignInOlder(agent, tenant, recentSeconds + 60);
  expect((await agent.open('/acme/account/linked')).url.pathname).toContain('/interaction/');
  expect((await agent.submitTo(page, 'unlink')).url.pathname).toContain('/interaction/');
  expect(await identities().listOf(account.id)).toHaveLength(1);
});

it('goes with the account, with passkeys and the names that lead to it', async () => {
  const { agent, account } = await linked('leaver@example.com');
  await addPasskey(tenant, account);
  const data = await agent.open('/acme/account/data');
  // With a passkey the account asks for it; the session from before is as recent as the page needs.
  await agent.submitTo(data, 'delete', { email: 'leaver@example.com' });
  expect(await tenant.accounts.get(account.id)).toBeUndefined();
  const subject = 'sub-of-leaver@example.com';
  const identity = { sourceId: source.id, applicationTenantId: 'default', subject };
  expect(await identities().find(identity)).toBeUndefined();
  const left = await tenant.table.query({ pk: `Account#${account.id}` });
  expect(left.items).toEqual([]);
});
