import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { addApp, addRecoveryCodes } from './factor-people.ts';
import {
  allow,
  browserOf,
  createFederatedBrowsers,
  freshEmail,
  person,
  visit,
} from './federated-browsers.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redirectUri,
  type ServedTenant,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
let upstream: Upstream;
beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});
afterAll(() => server?.close());
beforeEach(async () => {
  upstream = await startOpenidProvider();
});
afterEach(() => upstream.close());

/** Stops on the way to another server, as every redirect to another origin does. */
const browser = () => browserOf(server);
const { addSource, leave, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));

describe('somebody of an OpenID provider', () => {
  it('gets an account at the first sign-in, and the same one ever after', async () => {
    const source = await addSource();
    const email = freshEmail();
    upstream.user = person(email);
    const first = await claimsAt(await signInBy(source));
    expect(await tenant.accounts.get(String(first.sub))).toMatchObject({
      email,
      emailVerified: true,
      name: 'Ada Lovelace',
      roles: ['Member'],
    });
    expect(first.amr).toEqual(['fed']);
    const second = await claimsAt(await signInBy(source));
    expect(second.sub).toBe(first.sub);
  });

  it('gets one account although two browsers come at once', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const arrivals = await Promise.all([signInBy(source), signInBy(source), signInBy(source)]);
    const subjects = await Promise.all(arrivals.map(async (arrival) => (await claimsAt(arrival)).sub));
    expect(new Set(subjects).size).toBe(1);
  });

  it('gets none where the source makes none, or is not for such addresses', async () => {
    const email = freshEmail();
    upstream.user = person(email);
    for (const changes of [{ createAccounts: false }, { domains: ['other.example'] }]) {
      const page = await signInBy(await addSource(changes));
      expect(page.status).toBe(403);
      expect(textOf(page)).toContain('There is no account for you here');
    }
    expect(await tenant.accounts.findByEmail('default', email)).toBeUndefined();
  });

  it('brings name, address and mapped roles of today', async () => {
    const source = await addSource({
      roleMapping: [
        { group: 'admins', roles: ['Admin'] },
        { group: 'staff', roles: ['Viewer'] },
      ],
    });
    const email = freshEmail();
    upstream.user = person(email, { groups: ['staff', 'others'] });
    const { sub } = await claimsAt(await signInBy(source));
    expect((await tenant.accounts.get(String(sub)))?.roles).toEqual(['Member', 'Viewer']);
    const moved = freshEmail();
    upstream.user = { ...person(moved), sub: upstream.user.sub, name: 'Ada King', groups: ['admins'] };
    await claimsAt(await signInBy(source));
    expect(await tenant.accounts.get(String(sub))).toMatchObject({
      name: 'Ada King',
      email: moved,
      emailVerified: true,
      roles: ['Member', 'Admin'],
    });
    expect(await tenant.accounts.findByEmail('default', email)).toBeUndefined();
  });

  it('is refused once the account is disabled', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const { sub } = await claimsAt(await signInBy(source));
    await tenant.accounts.setDisabled(String(sub), true);
    expect(textOf(await signInBy(source))).toContain('cannot be used');
  });

  it('gets a new account, not the old id, once the account is gone', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const { sub } = await claimsAt(await signInBy(source));
    await tenant.accounts.remove(String(sub));
    expect((await claimsAt(await signInBy(source))).sub).not.toBe(sub);
  });

  it('is asked for what the application asks for, and the time of the sign-in is the true one', async () => {
    const source = await addSource();
    const signedInAt = Math.floor(Date.now() / 1000) - 30;
    upstream.user = person(freshEmail(), { auth_time: signedInAt });
    const claims = await claimsAt(
      await signInBy(source, {
        parameters: { max_age: '300', prompt: 'login', login_hint: 'ada@corp.example' },
      }),
    );
    expect(Object.fromEntries(upstream.requests.at(-1) ?? [])).toMatchObject({
      max_age: '300',
      prompt: 'login',
      login_hint: 'ada@corp.example',
    });
    expect(claims.auth_time).toBe(signedInAt);
  });

  it.each([true, false])(
    'has a session of full length although the sign-in there was hours ago (extended by activity: %s)',
    async (extendOnActivity) => {
      const hour = 3_600;
      const later = (seconds: number) =>
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 });
      await tenant.setPolicy({ sessionTimeout: hour, absoluteSessionTimeout: 2 * hour, extendOnActivity });
      const source = await addSource();
      const signedInAt = Math.floor(Date.now() / 1000) - 20 * hour;
      upstream.user = person(freshEmail(), { auth_time: signedInAt });
      const agent = browser();
      const silently = async () => {
        const { url } = await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url);
        return url.searchParams.get('error');
      };
      try {
        const arrival = await signInBy(source, { agent });
        const { sub, auth_time: authTime } = await claimsAt(arrival);
        expect(authTime).toBe(signedInAt);
        expect(await tenant.sessions.list(String(sub))).toHaveLength(1);
        later(hour - 60);
        expect(await silently()).toBeNull();
        const old = await agent.open(authorizationRequest(tenant, { prompt: 'none', max_age: '7200' }).url);
        expect(old.url.searchParams.get('error')).toBe('login_required');
        later(120);
        expect(await silently()).toBe(extendOnActivity ? null : 'login_required');
        later(hour);
        expect(await silently()).toBe('login_required');
        // And again.
        await claimsAt(await signInBy(source, { agent }));
        expect(await silently()).toBeNull();
      } finally {
        vi.useRealTimers();
        await tenant.setPolicy({});
      }
    },
  );

  it('counts as having a second factor only where the source is believed about it', async () => {
    upstream.user = person(freshEmail(), { amr: ['pwd', 'otp', 'mfa'] });
    const doubted = await addSource();
    expect((await claimsAt(await signInBy(doubted))).amr).toEqual(['fed']);
    const openid = { issuer: upstream.issuer, clientId: upstream.clientId, trustMfa: true };
    upstream.user = person(freshEmail(), { amr: ['mfa'] });
    const believed = await addSource({ openid });
    expect((await claimsAt(await signInBy(believed))).amr).toEqual(['fed', 'mfa']);
  });

  it('can be somebody of another tenant of the same server', async () => {
    const other = server.tenants[1] as ServedTenant;
    const email = freshEmail('globex.example');
    const { id } = await other.accounts.create({ email, name: 'Grace', roles: [], emailVerified: true });
    await other.accounts.setPassword(id, password);
    const source = await tenant.sources.create(
      {
        kind: 'openid',
        name: 'Globex',
        openid: { issuer: other.issuer, clientId: 'acme-federation', readUserinfo: true },
      },
      new Secret('federation-secret-of-acme'),
    );
    await tenant.rebuild();
    await other.clients.createWithSecret(
      {
        clientId: 'acme-federation',
        name: 'Acme',
        type: 'web',
        redirectUris: [`${tenant.issuer}/federation/${source.id}/callback`],
      },
      'federation-secret-of-acme',
    );
    const agent = browser();
    const { door, verifier } = await leave(agent, source);
    expect(door.url.pathname).toMatch(/^\/globex\//);
    const arrival = await allow(agent, await allow(agent, await agent.submit(door, { email, password })));
    const { sub } = await claimsAt({ ...arrival, verifier });
    expect(sub).not.toBe(id);
    expect(await tenant.accounts.get(String(sub))).toMatchObject({ email, emailVerified: true });
  });
});

describe('an account that was there first', () => {
  async function existing(changes: { emailVerified?: boolean; applicationTenantId?: string } = {}) {
    const email = freshEmail();
    const account = await tenant.accounts.create({
      email,
      name: 'Owner',
      roles: ['Member'],
      emailVerified: true,
      ...changes,
    });
    await tenant.accounts.setPassword(account.id, password);
    return { ...account, email };
  }

  it('is linked once its owner has given its password, and its address stays what it is', async () => {
    const source = await addSource();
    const account = await existing();
    upstream.user = person(account.email);
    const agent = browser();
    const page = await signInBy(source, { agent });
    expect(textOf(page)).toContain('Is this account yours?');
    const wrong = await agent.submit(page, { password: 'wrong' });
    expect(wrong.status).toBe(401);
    const arrival = await allow(agent, await agent.submit(wrong, { password }));
    expect((await claimsAt({ ...arrival, verifier: page.verifier })).sub).toBe(account.id);
    upstream.user = { ...upstream.user, email: freshEmail() };
    expect((await claimsAt(await signInBy(source))).sub).toBe(account.id);
    expect((await tenant.accounts.get(account.id))?.email).toBe(account.email);
  });

  it('is linked only when all that it asks for was proved', async () => {
    const source = await addSource();
    const account = await existing();
    const longAgo = { now: () => Date.now() - 400 * 86_400_000 };
    await tenant.accountsAt(longAgo).setPassword(account.id, password);
    upstream.user = person(account.email);
    const agent = browser();
    const identities = createFederatedIdentities({ table: tenant.table, clock: systemClock });
    const renewal = await agent.submit(await signInBy(source, { agent }), { password });
    expect(renewal.url.pathname).toMatch(/new-password$/);
    expect(await identities.listOf(account.id)).toEqual([]);
    const renewed = 'Correct horse 2!';
    await agent.submit(renewal, { password: renewed, confirmation: renewed });
    expect(await identities.listOf(account.id)).toMatchObject([
      { sourceId: source.id, label: account.email },
    ]);
  });

  it('is linked only after its second factor, too', async () => {
    const source = await addSource();
    const account = await existing();
    const app = await addApp(tenant, account);
    await addRecoveryCodes(tenant, account.id);
    upstream.user = person(account.email);
    const agent = browser();
    const identities = createFederatedIdentities({ table: tenant.table, clock: systemClock });
    const begun = await signInBy(source, { agent });
    const asked = await agent.submitTo(begun, 'link-account', { password });
    expect(asked.url.pathname).toMatch(/second-factor$/);
    const wrong = await agent.submitTo(asked, 'totp', { code: '12345x' });
    expect(wrong.status).toBe(401);
    expect(await identities.listOf(account.id)).toEqual([]);
    const arrival = await allow(agent, await agent.submitTo(wrong, 'totp', { code: app.code() }));
    expect((await claimsAt({ ...arrival, verifier: begun.verifier })).sub).toBe(account.id);
    expect(await identities.listOf(account.id)).toHaveLength(1);
    // The source vouches for the first factor alone.
    expect((await signInBy(source)).url.pathname).toMatch(/second-factor$/);
  });

  it('is not linked, and nobody is signed in, without its password', async () => {
    const source = await addSource();
    const account = await existing();
    upstream.user = person(account.email);
    const agent = browser();
    const page = await signInBy(source, { agent });
    for (const attempt of ['', 'wrong', upstream.clientSecret]) {
      expect((await agent.submit(page, { password: attempt })).status).toBe(401);
    }
    expect(textOf(await signInBy(source))).toContain('Is this account yours?');
    const identities = createFederatedIdentities({ table: tenant.table, clock: systemClock });
    expect(await identities.listOf(account.id)).toEqual([]);
  });

  it('is not linked by the password of somebody else', async () => {
    const source = await addSource();
    const victim = await existing();
    const attacker = await existing();
    upstream.user = person(victim.email);
    const agent = browser();
    const page = await signInBy(source, { agent });
    // A field that the form does not have.
    const arrival = await agent.submit(page, { email: attacker.email, password: 'not the victim’s' });
    expect(arrival.status).toBe(401);
  });

  it.each([
    ['unverified', { email_verified: false }],
    ['of unknown standing', { email_verified: undefined }],
    ['verified in a word that is none', { email_verified: 1 }],
  ])('is not even shown to somebody whose address is %s', async (_, claims) => {
    const source = await addSource({ linkDomains: ['corp.example'] });
    const account = await existing();
    const bodies = new Set<string>();
    for (const email of [account.email, freshEmail()]) {
      upstream.user = { ...person(email), ...claims };
      const page = await signInBy(source);
      expect(page.status).toBe(403);
      bodies.add(textOf(page));
    }
    // The same answer for an address with an account and for one without.
    expect(bodies.size).toBe(1);
    expect([...bodies][0]).toContain('did not confirm an e-mail address');
  });

  it('is not linked by a domain that the application tenant has not proved to own', async () => {
    const source = await addSource({ linkDomains: ['corp.example'] });
    const account = await existing();
    upstream.user = person(account.email);
    expect(textOf(await signInBy(source))).toContain('Is this account yours?');
  });

  describe('in a domain that its application tenant owns', () => {
    const domain = 'owned.example';
    beforeAll(async () => {
      const stores = { table: tenant.table, clock: systemClock, random: systemRandom };
      const applicationTenants = createApplicationTenants(stores);
      const present = await applicationTenants.get('default');
      await applicationTenants.update('default', present?.version ?? '', {
        domains: [{ domain, challenge: 'x', addedAt: '2026-01-01', verifiedAt: '2026-01-01' }],
      });
    });

    const owned = (emailVerified: boolean) =>
      tenant.accounts.create({ email: freshEmail(domain), name: 'Owner', roles: [], emailVerified });

    it('is linked by a source that is believed for it', async () => {
      const account = await owned(true);
      upstream.user = person(account.email);
      const source = await addSource({ linkDomains: [domain] });
      expect((await claimsAt(await signInBy(source))).sub).toBe(account.id);
    });

    it('is not linked by another source', async () => {
      const account = await owned(true);
      upstream.user = person(account.email);
      expect(textOf(await signInBy(await addSource()))).toContain('Is this account yours?');
      const others = await addSource({ linkDomains: ['corp.example'] });
      expect(textOf(await signInBy(others))).toContain('Is this account yours?');
    });

    it('is not linked before it has proved its own address: somebody else may have typed it in', async () => {
      const account = await owned(false);
      upstream.user = person(account.email);
      const source = await addSource({ linkDomains: [domain] });
      expect(textOf(await signInBy(source))).toContain('Is this account yours?');
    });
  });

  it('is out of reach of another source with the same subject', async () => {
    const victim = person(freshEmail());
    upstream.user = victim;
    const { sub } = await claimsAt(await signInBy(await addSource()));
    upstream.user = { ...person(freshEmail()), sub: victim.sub };
    const other = await claimsAt(await signInBy(await addSource({ name: 'Other' })));
    expect(other.sub).not.toBe(sub);
  });

  it('is not taken by an address that changed at the provider', async () => {
    const source = await addSource();
    const victim = await existing();
    upstream.user = person(freshEmail());
    const { sub } = await claimsAt(await signInBy(source));
    upstream.user = { ...upstream.user, email: victim.email };
    const again = await claimsAt(await signInBy(source));
    expect(again.sub).toBe(sub);
    expect((await tenant.accounts.get(String(sub)))?.email).not.toBe(victim.email);
    expect((await tenant.accounts.findByEmail('default', victim.email))?.id).toBe(victim.id);
  });

  it('of another application tenant is another person, linked or not', async () => {
    const applicationTenants = createApplicationTenants({
      table: tenant.table,
      clock: systemClock,
      random: systemRandom,
    });
    const customer = await applicationTenants.create({ slug: 'customer', name: 'Customer' });
    const source = await addSource();
    const theirs = await existing({ applicationTenantId: customer.id });
    upstream.user = person(theirs.email);
    const ours = await claimsAt(await signInBy(source));
    expect(ours.sub).not.toBe(theirs.id);
    const page = await signInBy(source, { parameters: { organization: customer.slug } });
    expect(textOf(page)).toContain('Is this account yours?');
  });

  it('of an application tenant is out of reach of a source that is for others', async () => {
    const applicationTenants = createApplicationTenants({
      table: tenant.table,
      clock: systemClock,
      random: systemRandom,
    });
    const customer = await applicationTenants.create({ slug: 'closed', name: 'Customer' });
    const source = await addSource({ applicationTenantIds: ['default'] });
    const { url } = authorizationRequest(tenant, { organization: customer.id });
    const agent = browser();
    const page = await agent.open(url);
    expect(page.document.querySelector(`a[href*="${source.id}"]`)).toBeNull();
    // By the address that the page does not show.
    const door = await agent.open(`${page.url.pathname}/federation?source=${source.id}`);
    upstream.user = person(freshEmail());
    const back = await agent.open(await visit(door.url));
    expect(back.status).toBe(403);
  });
});

describe('the way back', () => {
  it('is for the browser that left', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const { door } = await leave(browser(), source);
    const callback = await visit(door.url);
    const other = browser();
    await other.open(authorizationRequest(tenant).url);
    const page = await other.open(callback);
    expect(page.status).toBe(400);
    expect(textOf(page)).toContain('expired');
  });

  it('does not take the code of another browser (code injection)', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const victim = await visit((await leave(browser(), source)).door.url);
    const attacker = browser();
    const own = await visit((await leave(attacker, source)).door.url);
    own.searchParams.set('code', victim.searchParams.get('code') ?? '');
    const page = await attacker.open(own);
    expect(page.status).toBe(502);
    expect(textOf(page)).toContain('could not be verified');
  });

  it('is open once', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const agent = browser();
    const { door } = await leave(agent, source);
    const callback = await visit(door.url);
    expect((await allow(agent, await agent.open(callback))).url.href).toContain(redirectUri);
    const tokens = upstream.paths.filter((path) => path === '/token').length;
    const again = await agent.open(callback);
    expect(again.status).toBe(400);
    expect(upstream.paths.filter((path) => path === '/token').length).toBe(tokens);
  });

  it('is not that of another source (mix-up)', async () => {
    const [one, two] = [await addSource(), await addSource()];
    upstream.user = person(freshEmail());
    const agent = browser();
    const callback = await visit((await leave(agent, one)).door.url);
    callback.pathname = callback.pathname.replace(one.id, two.id);
    expect((await agent.open(callback)).status).toBe(400);
  });

  it('leads to the sign-in page when the provider, or the person there, says no', async () => {
    const source = await addSource();
    upstream.misbehave({ callback: { code: undefined, error: 'access_denied' } });
    const page = await signInBy(source);
    expect(page.status).toBe(200);
    expect(page.document.querySelector('form[action$="/address"], form[action$="/sign-in"]')).not.toBeNull();
  });

  it('shows nothing that the provider wrote', async () => {
    const source = await addSource();
    upstream.misbehave({
      callback: { code: undefined, error: '<script>alert(1)</script>', error_description: 'call 555' },
    });
    const page = await signInBy(source);
    expect(page.status).toBe(502);
    expect(page.body).not.toMatch(/alert\(1\)|555/);
  });

  it.each(['', '?state=x', `?state=${'a'.repeat(43)}&code=x`, '?state=a&state=b'])(
    'that nobody left by is none: %s',
    async (query) => {
      const source = await addSource();
      const page = await browser().open(`/acme/federation/${source.id}/callback${query}`);
      expect(page.status).toBe(400);
    },
  );

  it('is closed once the source is disabled', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail());
    const agent = browser();
    const callback = await visit((await leave(agent, source)).door.url);
    const { id: _, hasSecret: __, version, createdAt: ___, updatedAt: ____, ...settings } = source;
    await tenant.sources.update(source.id, version, { ...settings, enabled: false }, 'keep');
    await tenant.rebuild();
    const page = await agent.open(callback);
    expect(page.document.querySelector('form[action$="/address"], form[action$="/sign-in"]')).not.toBeNull();
  });

  it('explains when the provider cannot be reached', async () => {
    const source = await addSource();
    upstream.close();
    const { door } = await leave(browser(), source);
    expect(door.status).toBe(503);
    expect(textOf(door)).toContain('does not answer');
  });
});

describe('the sign-in page', () => {
  it('shows to whom an address belongs only the source of its domain', async () => {
    const own = await addSource({ name: 'Of the domain', domains: ['special.example'] });
    const page = await browser().open(
      authorizationRequest(tenant, { login_hint: 'eve@special.example' }).url,
    );
    const links = page.document.querySelectorAll('a[href*="federation?source="]');
    expect(links.map((link) => link.getAttribute('href')?.split('=')[1])).toEqual([own.id]);
  });

  it('shows nothing of another tenant', async () => {
    const source = await addSource();
    const other = server.tenants[1] as ServedTenant;
    const page = await browser().open(authorizationRequest(other).url);
    expect(page.body).not.toContain(source.id);
    const door = await browser().open(`${page.url.pathname}/federation?source=${source.id}`);
    expect(door.url.origin).toBe(server.origin);
  });
});
