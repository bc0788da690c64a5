import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { recentSeconds } from '../../src/oidc/account/account-area.ts';
import { createPerson } from '../interactions/factor-people.ts';
import {
  browserOf,
  createFederatedBrowsers,
  freshEmail,
  person,
  visit,
} from '../interactions/federated-browsers.ts';
import {
  createTenantServer,
  giveCredentials,
  password,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { applicationTenantsOf, mailsTo } from '../self-service/mail-links.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import { makeSignInOlder } from './older-sign-in.ts';

let server: TenantServer;
let upstream: Upstream;
beforeAll(async () => {
  server = await createTenantServer();
});
afterAll(() => server?.close());
beforeEach(async () => {
  upstream = await startOpenidProvider();
});
afterEach(() => upstream.close());

const { addSource, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));
const identitiesOf = (accountId: string) =>
  createFederatedIdentities({ table: server.tenant.table, clock: systemClock }).listOf(accountId);

/** Somebody with a password, on the page of linked sources. */
async function enter(email = freshEmail()) {
  const account = await createPerson(server.tenant, email);
  const agent = browserOf(server);
  const page = await giveCredentials(agent, await agent.open('/acme/account/linked'), { email, password });
  return { account, agent, page };
}

function offerOf(page: Arrival, source: { id: string }): string {
  const link = page.document.querySelector(`a[href*="${source.id}"]`)?.getAttribute('href');
  if (!link) throw new Error(`${source.id} is not offered: ${textOf(page)}`);
  return link;
}

/** To the provider and to its answer, which nobody has opened yet. */
async function leave(agent: UserAgent, page: Arrival, source: { id: string }): Promise<URL> {
  return visit((await agent.open(offerOf(page, source))).url);
}

it('adds a source, which leads to the account from then on; the owner is told', async () => {
  const source = await addSource();
  const { account, agent, page } = await enter();
  const elsewhere = freshEmail('private.example');
  upstream.user = person(elsewhere, { email_verified: false });
  const done = await agent.open(await leave(agent, page, source));
  expect(done.url.pathname).toBe('/acme/account/linked');
  expect(textOf(done)).toContain('You can now sign in there');
  expect(upstream.requests.at(-1)?.get('prompt')).toBe('select_account');
  expect(await identitiesOf(account.id)).toMatchObject([{ sourceId: source.id, label: elsewhere }]);
  expect((await claimsAt(await signInBy(source))).sub).toBe(account.id);
  expect((await server.tenant.accounts.get(account.id))?.email).toBe(account.email);
  const told = await mailsTo(server, account.email);
  expect(told.filter(({ text }) => text.includes('by signing in at Corp Login'))).toHaveLength(1);
});

it('takes nobody’s identity away: not one that an account was made for, nor one that was linked', async () => {
  const source = await addSource();
  upstream.user = person(freshEmail());
  const { sub } = await claimsAt(await signInBy(source));
  const { account, agent, page } = await enter();
  const refused = await agent.open(await leave(agent, page, source));
  expect(textOf(refused)).toContain('belongs to another account');
  expect(await identitiesOf(account.id)).toEqual([]);
  expect((await claimsAt(await signInBy(source))).sub).toBe(sub);
});

describe('the way back', () => {
  it('is for the session that left, and open once', async () => {
    const source = await addSource();
    const victim = await enter();
    const attacker = await enter();
    upstream.user = person(freshEmail());
    // The attacker has signed in as themselves and sends the victim to the answer.
    const answer = await leave(attacker.agent, attacker.page, source);
    expect(textOf(await victim.agent.open(answer))).toContain('begun elsewhere');
    expect(await identitiesOf(victim.account.id)).toEqual([]);
    // It has been used up, for the attacker, too.
    expect((await attacker.agent.open(answer)).status).toBe(400);
    expect(await identitiesOf(attacker.account.id)).toEqual([]);
  });

  it('is not for another browser of the same account', async () => {
    const source = await addSource();
    const { account, agent, page } = await enter();
    const other = browserOf(server);
    const email = account.email;
    await other.submit(await other.open('/acme/account/linked'), { email, password });
    upstream.user = person(freshEmail());
    await other.open(await leave(agent, page, source));
    expect(await identitiesOf(account.id)).toEqual([]);
  });

  it('is none of a sign-in, nor the way back of a sign-in one of this', async () => {
    const source = await addSource();
    const { account, agent, page } = await enter();
    upstream.user = person(freshEmail());
    const answer = await leave(agent, page, source);
    const signIn = await agent.open('/acme/account/data?organization=default');
    const inside = new URL(answer);
    inside.pathname = `${signIn.url.pathname}/federation-return`;
    await agent.open(inside);
    const begun = browserOf(server);
    const own = await begun.open(`/acme/account/linked`);
    const door = await begun.open(
      own.document.querySelector(`a[href*="${source.id}"]`)?.getAttribute('href') ?? '',
    );
    const ofSignIn = await visit(door.url);
    ofSignIn.pathname = '/acme/account/linked/return';
    expect(textOf(await agent.open(ofSignIn))).toContain('begun elsewhere');
    expect(await identitiesOf(account.id)).toEqual([]);
  });
});

it('begins with the token of the session alone', async () => {
  const source = await addSource();
  const { agent, page } = await enter();
  const other = await enter();
  const requests = upstream.requests.length;
  const own = offerOf(page, source);
  const token = new URL(own, server.origin).searchParams.get('token') ?? '';
  const foreign = new URL(offerOf(other.page, source), server.origin).searchParams.get('token') ?? '';
  const formToken = (await agent.open('/acme/account/email')).document
    .querySelector('input[name=csrf]')
    ?.getAttribute('value');
  for (const wrong of ['', 'x', foreign, formToken ?? '']) {
    expect((await agent.open(own.replace(token, wrong))).status).toBe(400);
  }
  expect(upstream.requests.length).toBe(requests);
});

it('asks for a sign-in that is recent, and comes back to the page', async () => {
  const source = await addSource();
  const { agent, page, account } = await enter();
  upstream.user = person(freshEmail());
  const answer = await leave(agent, page, source);
  await makeSignInOlder(agent, server.tenant, recentSeconds + 60);
  const asked = await agent.open(offerOf(page, source));
  expect(asked.url.pathname).toContain('/interaction/');
  const late = await agent.open(answer);
  expect(late.url.pathname).toContain('/interaction/');
  const back = await agent.submit(late, { email: account.email, password });
  expect(back.url.pathname).toBe('/acme/account/linked');
  expect(await identitiesOf(account.id)).toEqual([]);
});

it('offers what the application tenant has, and takes nothing else', async () => {
  const south = await applicationTenantsOf(server.tenant).create({ slug: 'south', name: 'South' });
  const source = await addSource({ applicationTenantIds: [south.id] });
  const own = await addSource({ name: 'Of all' });
  const { agent, page } = await enter();
  expect(page.body).not.toContain(source.id);
  const forged = offerOf(page, own).replace(own.id, source.id);
  expect((await agent.open(forged)).url.pathname).toBe('/acme/account/linked');
  expect(upstream.requests).toEqual([]);
});

it('takes no identity whose address the source is not for', async () => {
  const source = await addSource({ domains: ['corp.example'] });
  const { account, agent, page } = await enter();
  for (const claims of [
    person(freshEmail('private.example')),
    person(freshEmail('corp.example'), { email_verified: false }),
  ]) {
    upstream.user = claims;
    const refused = await agent.open(await leave(agent, page, source));
    expect(textOf(refused)).toContain('other e-mail addresses');
  }
  expect(await identitiesOf(account.id)).toEqual([]);
  upstream.user = person(freshEmail('corp.example'));
  await agent.open(await leave(agent, page, source));
  expect(await identitiesOf(account.id)).toHaveLength(1);
});

it('says when the provider does not work, and nothing when somebody gave up', async () => {
  const source = await addSource();
  const { agent, page, account } = await enter();
  upstream.misbehave({ callback: { code: undefined, error: 'access_denied' } });
  const given = await agent.open(await leave(agent, page, source));
  expect(given.url.search).toBe('');
  upstream.misbehave({ signature: 'none' });
  upstream.user = person(freshEmail());
  expect(textOf(await agent.open(await leave(agent, page, source)))).toContain('does not work');
  upstream.close();
  expect(await identitiesOf(account.id)).toEqual([]);
});
