import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { testClock } from '../support/clock.ts';
import { applicationTenantsOf, latestLink, mailsTo, setSignUp, withDomain } from './mail-links.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  await setSignUp(tenant, 'open');
});

afterAll(() => server.close());

const chosen = { name: 'Ada Lovelace', password, confirmation: password };

async function ask(email: string, path = '/acme/sign-up') {
  const agent = server.userAgent();
  return agent.submit(await agent.open(path), { email });
}

it('leads from the sign-in page by a mail to an account, and back to the application', async () => {
  const agent = server.userAgent();
  const signInPage = await agent.open(authorizationRequest(tenant, { ui_locales: 'de' }).url);
  const href = signInPage.document.querySelectorAll('a').find((a) => a.textContent === 'Eines anlegen');
  const form = await agent.open(href?.getAttribute('href') ?? '');
  expect(textOf(form)).toContain('Konto anlegen');
  expect(form.document.querySelector('.fine a')?.getAttribute('href')).toBe(signInPage.url.pathname);
  const sent = await agent.submit(form, { email: ' New@Example.com ' });
  expect(sent.status).toBe(200);
  expect(await tenant.accounts.findByEmail('default', 'new@example.com')).toBeUndefined();

  const [mail] = await mailsTo(server, 'new@example.com');
  expect(mail?.subject).toContain('Bestätigen Sie Ihre E-Mail-Adresse');
  const link = await latestLink(server, 'new@example.com');
  const finish = await agent.open(link);
  expect(finish.document.querySelector('#email')?.getAttribute('value')).toBe('new@example.com');
  const done = await agent.submit(finish, chosen);
  expect(textOf(done)).toContain('Ihr Konto ist bereit');
  expect(await tenant.accounts.findByEmail('default', 'new@example.com')).toMatchObject({
    name: 'Ada Lovelace',
    emailVerified: true,
    roles: [],
  });
  const consent = await agent.open(done.document.querySelector('a.button')?.getAttribute('href') ?? '');
  expect(textOf(consent)).toContain('new@example.com');
});

it('answers the same for every address, and tells only its owner that there is an account', async () => {
  const account = await tenant.accounts.create({ email: 'known@example.com', name: 'Known', roles: [] });
  await tenant.accounts.setPassword(account.id, password);
  const [known, unknown] = await Promise.all([ask('known@example.com'), ask('other@example.com')]);
  expect([known.status, unknown.status]).toEqual([200, 200]);
  expect(textOf(known).replace('known@', '')).toBe(textOf(unknown).replace('other@', ''));
  expect([...known.headers.keys()].sort()).toEqual([...unknown.headers.keys()].sort());
  const [mail] = await mailsTo(server, 'known@example.com');
  expect(mail?.subject).toContain('already have an account');
  expect(await latestLink(server, 'known@example.com')).toMatch(/\/acme\/forgotten-password\?/);
  expect(await tenant.accounts.verifyPassword('known@example.com', password)).toMatchObject({
    id: account.id,
  });
});

describe('the link', () => {
  it('makes one account, however often and however many of them are used at once', async () => {
    await ask('race@example.com');
    const first = await latestLink(server, 'race@example.com');
    await ask('race@example.com');
    const second = await latestLink(server, 'race@example.com');
    expect(second).not.toBe(first);
    const agents = [first, first, second].map((link) => ({ agent: server.userAgent(), link }));
    const pages = await Promise.all(agents.map(({ agent, link }) => agent.open(link)));
    const answers = await Promise.all(
      agents.map(({ agent }, index) => agent.submit(pages[index] as (typeof pages)[number], chosen)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    for (const link of [first, second]) {
      const late = server.userAgent();
      const page = await late.open(link);
      const answer = page.status === 404 ? page : await late.submit(page, chosen);
      expect(answer.status).toBe(404);
    }
  });

  it('is no link of another kind, of another tenant, nor made up, and its form needs its token', async () => {
    await ask('kinds@example.com');
    const link = await latestLink(server, 'kinds@example.com');
    const agent = server.userAgent();
    const refused = await Promise.all([
      agent.open(link.replace('/verify-email/', '/reset-password/')),
      agent.open(link.replace('/verify-email/', '/invitation/')),
      agent.open(link.replace('/acme/', '/globex/')),
      agent.open(link.replace(/[^/]{43}$/, 'A'.repeat(43))),
      agent.submit(await agent.open(link), { ...chosen, csrf: 'x' }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect((await agent.open(link)).status).toBe(200);
  });

  it('stays when what was typed in does not do, and says everything that is wrong', async () => {
    await ask('weak@example.com');
    const agent = server.userAgent();
    const page = await agent.open(await latestLink(server, 'weak@example.com'));
    const hostile = '<img src=x onerror=alert(1)>\u202E';
    const weak = await agent.submit(page, { name: hostile, password: 'short', confirmation: 'short' });
    expect(weak.status).toBe(422);
    expect(weak.document.querySelectorAll('[role=alert] li')).toHaveLength(5);
    expect(weak.body).not.toContain('<img src=x');
    expect(weak.body).not.toContain('short');
    expect((await agent.submit(page, { ...chosen, confirmation: 'else' })).status).toBe(422);
    expect((await agent.submit(page, { ...chosen, name: '   ' })).status).toBe(422);
    expect((await agent.submit(page, chosen)).status).toBe(200);
  });

  it('is made of the public URL, whatever the request says of its host', async () => {
    const agent = server.userAgent();
    const page = await agent.open('/acme/sign-up');
    const csrf = page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
    const response = await fetch(page.url, {
      method: 'POST',
      headers: {
        cookie: await agent.jar.getCookieString(page.url.href),
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example',
        'x-forwarded-proto': 'https',
      },
      body: new URLSearchParams({ csrf, email: 'host@example.com' }),
    });
    expect(response.status).toBe(200);
    expect(await latestLink(server, 'host@example.com')).toMatch(
      new RegExp(`^${tenant.issuer}/verify-email/`),
    );
  });
});

describe('the form', () => {
  it('needs the token of this browser', async () => {
    const agent = server.userAgent();
    const page = await agent.open('/acme/sign-up');
    const other = await server.userAgent().open('/acme/sign-up');
    const token = other.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
    for (const csrf of ['', token]) {
      expect((await agent.submit(page, { email: 'csrf@example.com', csrf })).status).toBe(400);
    }
    const without = server.userAgent();
    expect((await without.submit(page, { email: 'csrf@example.com' })).status).toBe(400);
    expect(await mailsTo(server, 'csrf@example.com')).toEqual([]);
  });

  it('takes addresses only, and prints nothing as markup', async () => {
    const answer = await ask('"><script>alert(1)</script>@x');
    expect(answer.status).toBe(422);
    expect(answer.body).not.toContain('<script');
    const header = await ask('a@example.com\r\nBcc: b@example.com');
    expect(header.status).toBe(422);
  });

  it('leads back to an interaction of ours and nowhere else', async () => {
    for (const interaction of ['//evil.example', 'https://evil.example', '../../evil', 'a/b']) {
      const page = await server
        .userAgent()
        .open(`/acme/sign-up?interaction=${encodeURIComponent(interaction)}`);
      expect(page.body).not.toContain('evil');
      expect(page.document.querySelector('.fine a')).toBeNull();
    }
  });
});

describe('whether it is there', () => {
  it('is the setting’s matter: by default only whoever is invited', async () => {
    const [, globex] = server.tenants;
    const nothing = await server.userAgent().open('/globex/sign-up');
    expect(nothing.status).toBe(404);
    expect(textOf(nothing)).toContain('Page not found');
    const forPrograms = await fetch(`${globex?.issuer}/sign-up`);
    expect(await forPrograms.json()).toMatchObject({ error: 'not_found' });
    const page = await server.userAgent().open(authorizationRequest(globex as ServedTenant).url);
    expect(page.body).not.toContain('/sign-up');
    expect(page.body).toContain('/globex/forgotten-password');
  });

  it('goes by the application tenant, its people its own', async () => {
    const tenants = applicationTenantsOf(tenant);
    const shop = await tenants.create({ slug: 'shop', name: 'Shop' });
    expect((await server.userAgent().open('/acme/sign-up?organization=shop')).status).toBe(404);
    await setSignUp(tenant, 'open', shop.id);
    await ask('new@example.com', '/acme/sign-up?organization=shop');
    const agent = server.userAgent();
    await agent.submit(await agent.open(await latestLink(server, 'new@example.com')), chosen);
    const own = await tenant.accounts.findByEmail(shop.id, 'new@example.com');
    const other = await tenant.accounts.findByEmail('default', 'new@example.com');
    expect(own?.id).toBeDefined();
    expect(own?.id).not.toBe(other?.id);
    expect((await server.userAgent().open('/acme/sign-up?organization=nobody')).status).toBe(404);
  });

  it('ends with the setting, also for a link on its way', async () => {
    await ask('late@example.com');
    const link = await latestLink(server, 'late@example.com');
    const agent = server.userAgent();
    const page = await agent.open(link);
    await setSignUp(tenant, 'invitation');
    expect((await agent.submit(page, chosen)).status).toBe(404);
    await setSignUp(tenant, 'open');
    expect((await agent.submit(page, chosen)).status).toBe(200);
  });

  it('can be bound to verified domains', async () => {
    const tenants = applicationTenantsOf(tenant);
    const made = await tenants.create({ slug: 'bound', name: 'Bound' });
    const domain = (name: string) => ({ domain: name, challenge: 'x', addedAt: '2026-01-01T00:00:00.000Z' });
    await tenants.update(made.id, made.version, {
      settings: { signUp: 'domain' },
      domains: [
        { ...domain('bound.example'), verifiedAt: '2026-01-02T00:00:00.000Z' },
        domain('unproved.example'),
      ],
    });
    const at = '/acme/sign-up?organization=bound';
    expect((await ask('a@unproved.example', at)).status).toBe(422);
    expect((await ask('a@sub.bound.example', at)).status).toBe(422);
    expect((await ask('a@bound.example', at)).status).toBe(200);
    expect(await mailsTo(server, 'a@bound.example')).toHaveLength(1);
    expect(await mailsTo(server, 'a@unproved.example')).toEqual([]);
  });

  it('does not tell by an address that its application tenant is suspended', async () => {
    const tenants = applicationTenantsOf(tenant);
    const made = await tenants.create({ slug: 'paused', name: 'Paused' });
    const owner = await withDomain(tenant, made, 'paused.example');
    const open = { settings: { signUp: 'open' } } as const;
    const active = await tenants.update(made.id, owner.version, open);
    expect((await ask('known@paused.example')).status).toBe(200);
    expect(await mailsTo(server, 'known@paused.example')).toHaveLength(1);
    await tenants.update(made.id, active.version, { status: 'suspended' });
    await withDomain(tenant, await tenants.create({ slug: 'invited', name: 'Invited' }), 'invited.example');
    const alike = { '/acme/sign-up': 'invited.example', '/acme/forgotten-password': 'other.example' };
    for (const [path, domain] of Object.entries(alike)) {
      const paused = await ask('a@paused.example', path);
      const other = await ask(`a@${domain}`, path);
      expect(paused.status, path).toBe(other.status);
      expect(textOf(paused).replace('paused.example', ''), path).toBe(textOf(other).replace(domain, ''));
    }
    expect(await mailsTo(server, 'a@paused.example')).toEqual([]);
  });
});

it('cannot be used to fill somebody’s mailbox', async () => {
  const limited = await createTenantServer({ attemptsPerMinute: 4, clock: testClock(Date.now()) });
  try {
    await setSignUp(limited.tenant, 'open');
    const statuses: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      const agent = limited.userAgent();
      statuses.push(
        (await agent.submit(await agent.open('/acme/sign-up'), { email: 'v@example.com' })).status,
      );
    }
    expect(statuses.slice(0, 2)).toEqual([200, 200]);
    expect(statuses.at(-1)).toBe(429);
    expect((await mailsTo(limited, 'v@example.com')).length).toBeLessThan(5);
  } finally {
    await limited.close();
  }
});

it('does not sign anybody in who has not proved a password', async () => {
  const answer = await signIn(server.userAgent(), tenant, 'nobody-yet@example.com');
  expect(answer.status).toBe(401);
});
