import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { openPeople } from '../../src/identity/people.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { addApp, addPasskey, addRecoveryCodes } from '../interactions/factor-people.ts';
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
import { totpCode } from '../support/totp-app.ts';
import type { Arrival } from '../support/user-agent.ts';
import { createAreaPeople, formOf } from './area-people.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});

afterAll(() => server.close());

const { person, enter } = createAreaPeople(() => server);

describe('every form', () => {
  const forms = [
    ['', '/save', { name: 'Eve' }],
    ['/email', '/change', { email: 'eve@example.com' }],
    [
      '/password',
      '/change',
      { present: password, password: 'Another horse 2!', confirmation: 'Another horse 2!' },
    ],
    ['/sessions', '/end-others', {}],
    ['/data', '/download', {}],
    ['/data', '/delete', { email: 'victim@example.com' }],
  ] as const;

  it('is refused without its token, with that of another form, session or page', async () => {
    const victim = await person('victim@example.com');
    await person('other@example.com');
    const { agent } = await enter('victim@example.com');
    const other = await enter('other@example.com');
    for (const [path, action, values] of forms) {
      const own = formOf(await agent.open(`/acme/account${path}`), action);
      const foreign = formOf(await other.agent.open(`/acme/account${path}`), action);
      const profile = formOf(await agent.open('/acme/account'), '/save');
      const tokenOf = (page: Arrival) =>
        page.document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
      const wrong = ['', tokenOf(foreign), ...(path === '' ? [] : [tokenOf(profile)])];
      for (const csrf of wrong) {
        const answer = await agent.submit(own, { ...values, csrf });
        expect(answer.status, `${path}${action}`).toBe(400);
      }
    }
    expect(await tenant.accounts.get(victim.id)).toMatchObject({ name: 'Ada', email: 'victim@example.com' });
    expect(await tenant.accounts.verifyPassword('victim@example.com', password)).toBeDefined();
    expect(await mailsTo(server, 'eve@example.com')).toEqual([]);
  });

  it('does nothing for somebody who is not signed in', async () => {
    const { page } = await enter('victim@example.com');
    const answer = await server.userAgent().submit(formOf(page, '/save'), { name: 'Eve' });
    expect(answer.url.pathname).toContain('/interaction/');
    expect((await tenant.accounts.findByEmail('default', 'victim@example.com'))?.name).toBe('Ada');
  });
});

describe('the profile', () => {
  it('saves a name, and prints it as text', async () => {
    const account = await person('name@example.com');
    const { agent, page } = await enter('name@example.com');
    const hostile = '"><script>alert(1)</script>';
    const saved = await agent.submit(formOf(page, '/save'), { name: hostile });
    expect(textOf(saved)).toContain('Your name is saved.');
    expect(saved.body).not.toContain('<script');
    expect((await tenant.accounts.get(account.id))?.name).toBe(hostile);
    const again = formOf(await agent.open('/acme/account'), '/save');
    for (const name of ['', '   ', 'a\nb', 'x'.repeat(101), '\u202Eevil']) {
      expect((await agent.submit(again, { name })).status, JSON.stringify(name)).toBe(422);
    }
  });
});

describe('the address', () => {
  it('changes when the new one is proved, once, and the old one is told', async () => {
    const account = await person('old@example.com');
    const { agent, page } = await enter('old@example.com', '/email');
    const asked = await agent.submit(formOf(page, '/change'), { email: 'Moved@example.com' });
    expect(textOf(asked)).toContain('A mail is on its way');
    expect((await tenant.accounts.get(account.id))?.email).toBe('old@example.com');
    const link = await latestLink(server, 'moved@example.com');
    const reader = server.userAgent();
    const confirm = await reader.open(link);
    expect((await tenant.accounts.get(account.id))?.email).toBe('old@example.com');
    expect((await reader.submit(confirm, { csrf: 'x' })).status).toBe(404);
    const parallel = await Promise.all([reader.submit(confirm), reader.submit(confirm)]);
    expect(parallel.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(await tenant.accounts.get(account.id)).toMatchObject({
      email: 'moved@example.com',
      emailVerified: true,
    });
    expect((await mailsTo(server, 'old@example.com')).at(-1)?.text).toContain(
      'address of your account has been changed',
    );
    expect((await reader.open(link)).status).toBe(404);
  });

  it('of somebody else is not taken, and whether there is somebody is not told', async () => {
    const mine = await person('mine@example.com');
    await person('taken@example.com');
    const { agent, page } = await enter('mine@example.com', '/email');
    const taken = await agent.submit(formOf(page, '/change'), { email: 'taken@example.com' });
    const again = formOf(await agent.open('/acme/account/email'), '/change');
    const free = await agent.submit(again, { email: 'free@example.com' });
    expect(textOf(taken)).toBe(textOf(free));
    expect(await mailsTo(server, 'taken@example.com')).toEqual([]);
    // Somebody else is faster.
    const link = await latestLink(server, 'free@example.com');
    await person('free@example.com');
    const reader = server.userAgent();
    expect((await reader.submit(await reader.open(link))).status).toBe(404);
    expect((await tenant.accounts.get(mine.id))?.email).toBe('mine@example.com');
  });

  it('is not changed by a link that somebody asked for before the owner took the account back', async () => {
    const ends: Record<string, (id: string) => Promise<unknown>> = {
      recovery: async () => {
        const agent = server.userAgent();
        await agent.submit(await agent.open('/acme/forgotten-password'), { email: 'robbed@example.com' });
        const chosen = { password: 'Another horse 2!', confirmation: 'Another horse 2!' };
        const done = await agent.submit(
          await agent.open(await latestLink(server, 'robbed@example.com')),
          chosen,
        );
        expect(done.status).toBe(200);
      },
      'end of all access': (id) => tenant.access.end(id),
    };
    for (const [name, end] of Object.entries(ends)) {
      const account = await person('robbed@example.com');
      const thief = await enter('robbed@example.com', '/email');
      await thief.agent.submit(formOf(thief.page, '/change'), { email: 'thief@example.com' });
      const link = await latestLink(server, 'thief@example.com');
      const reader = server.userAgent();
      const page = await reader.open(link);
      expect(page.status, name).toBe(200);
      await end(account.id);
      expect((await reader.submit(page)).status, name).toBe(404);
      expect((await reader.open(link)).status, name).toBe(404);
      expect((await tenant.accounts.get(account.id))?.email, name).toBe('robbed@example.com');
      await tenant.accounts.remove(account.id);
    }
  });

  it('is not changed by a link of another tenant, or after it has changed otherwise', async () => {
    const account = await person('late@example.com');
    const { agent, page } = await enter('late@example.com', '/email');
    await agent.submit(formOf(page, '/change'), { email: 'next@example.com' });
    const link = await latestLink(server, 'next@example.com');
    expect((await server.userAgent().open(link.replace('/acme/', '/globex/'))).status).toBe(404);
    await tenant.accounts.update(account.id, { email: 'admin-set@example.com' });
    expect((await server.userAgent().open(link)).status).toBe(404);
  });
});

describe('the second factors', () => {
  it('are added with an app, and then a session without one no longer changes them', async () => {
    await person('factors@example.com');
    const { agent, page } = await enter('factors@example.com', '/factors');
    expect(page.document.querySelector('[aria-current=page]')?.textContent).toBe('Second steps and passkeys');
    const add = await agent.open(page.document.querySelectorAll('main a').at(-1)?.getAttribute('href') ?? '');
    const secret = (add.document.querySelector('code.secret')?.textContent ?? '').replaceAll(/\s/g, '');
    const form = formOf(add, '/add-app');
    expect((await agent.submit(form, { code: '000000', csrf: 'x' })).status).toBe(400);
    const codes = await agent.submit(form, { code: totpCode(secret, Date.now()) });
    expect(codes.document.querySelectorAll('.codes li')).toHaveLength(10);
    // The session is of one factor still: whoever finds it open must not take the second one away.
    const signInPage = await agent.submit(formOf(codes, '/saved'));
    expect(signInPage.url.pathname).toContain('/interaction/');
    const second = await agent.submit(signInPage, { email: 'factors@example.com', password });
    expect(second.url.pathname).toMatch(/\/second-factor$/);
    expect((await agent.open('/acme/account/factors')).url.pathname).toContain('/interaction/');
    expect((await mailsTo(server, 'factors@example.com')).at(-1)?.text).toContain(
      'second factor has been added',
    );
  });
});

describe('the sessions', () => {
  it('are listed and ended one by one, one’s own only', async () => {
    await person('many@example.com');
    await person('stranger@example.com');
    const here = await enter('many@example.com', '/sessions');
    const there = await enter('many@example.com');
    const stranger = await enter('stranger@example.com', '/sessions');
    const page = await here.agent.open('/acme/account/sessions');
    expect(page.document.querySelectorAll('.entries li')).toHaveLength(2);
    const uid = page.document.querySelector('input[name=uid]')?.getAttribute('value') ?? '';
    const forged = formOf(await stranger.agent.open('/acme/account/sessions'), '/end-others');
    forged.document.querySelector('form')?.setAttribute('action', '/acme/account/sessions/end');
    expect((await stranger.agent.submit(forged, { uid })).status).toBe(400);
    expect((await there.agent.open('/acme/account')).url.pathname).toBe('/acme/account');
    const after = await here.agent.submit(formOf(page, '/end'));
    expect(textOf(after)).toContain('The session has ended.');
    expect((await there.agent.open('/acme/account')).url.pathname).toContain('/interaction/');
    expect((await stranger.agent.open('/acme/account')).url.pathname).toBe('/acme/account');
  });
});

describe('the applications', () => {
  it('lose what they were allowed, and their tokens with it', async () => {
    await person('apps@example.com');
    const agent = server.userAgent();
    const consent = await signIn(agent, tenant, 'apps@example.com', { scope: 'openid email' });
    const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier: consent.verifier });
    const userinfo = () =>
      fetch(`${tenant.issuer}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect((await userinfo()).status).toBe(200);
    expect(decodeJwt(tokens.id_token ?? '').sub).toBeTruthy();
    const page = await agent.open('/acme/account/applications');
    expect(textOf(page)).toContain('Ledger "Online"');
    expect(textOf(page)).toContain('See your e-mail address');
    expect(page.document.querySelectorAll('.entries > li')).toHaveLength(1);
    const stranger = await enter('stranger@example.com', '/applications');
    const grant = page.document.querySelector('input[name=grant]')?.getAttribute('value') ?? '';
    expect(stranger.page.body).not.toContain(grant);
    const after = await agent.submit(formOf(page, '/revoke'));
    expect(textOf(after)).toContain('may not do this any more');
    expect((await userinfo()).status).toBe(401);
    expect(after.document.querySelectorAll('.entries > li')).toHaveLength(0);
  });
});

describe('the data', () => {
  it('are given as a file, without anything secret', async () => {
    const account = await person('data@example.com');
    const { agent, page } = await enter('data@example.com', '/data');
    const stores = { table: tenant.table, clock: systemClock, random: systemRandom };
    const { groups, memberships } = openPeople(stores);
    const group = await groups.create({ name: 'Clerks', description: 'Of the office', roles: ['Viewer'] });
    await memberships.add(account, group);
    await addApp(tenant, account);
    const key = await addPasskey(tenant, account);
    const codes = await addRecoveryCodes(tenant, account.id);
    const identity = { sourceId: 'src_gone', applicationTenantId: 'default', subject: 'subject-elsewhere' };
    await createFederatedIdentities(stores).link(identity, account.id, 'data@corp.example');
    const file = await agent.submit(formOf(page, '/download'));
    expect(file.headers.get('content-disposition')).toBe('attachment; filename="account.json"');
    expect(JSON.parse(file.body)).toMatchObject({
      account: { email: 'data@example.com', name: 'Ada' },
      roles: ['Viewer'],
      groups: [{ name: 'Clerks', description: 'Of the office' }],
      secondFactors: {
        authenticatorApp: { addedAt: expect.any(String) },
        passkeys: [{ name: 'Phone', addedAt: expect.any(String) }],
        recoveryCodesLeft: codes.length,
      },
      linkedAccounts: [{ label: 'data@corp.example', linkedAt: expect.any(String) }],
      sessions: [{ network: expect.any(String) }],
    });
    expect(file.body).not.toMatch(/argon2|passwordHash|sealed|secret|publicKey|standing/i);
    for (const secret of [...codes, key.credentials[0]?.id ?? '-']) {
      expect(file.body).not.toContain(secret);
    }
  });

  it('go with the account when its owner says so, and says who that is', async () => {
    const account = await person('bye@example.com');
    const { agent, page } = await enter('bye@example.com', '/data');
    const wrong = await agent.submit(formOf(page, '/delete'), { email: 'else@example.com' });
    expect(wrong.status).toBe(422);
    const gone = await agent.submit(wrong.status === 422 ? formOf(wrong, '/delete') : wrong, {
      email: 'Bye@example.com',
    });
    expect(textOf(gone)).toContain('Your account is deleted');
    expect(await tenant.accounts.get(account.id)).toBeUndefined();
    expect(await tenant.accounts.findByEmail('default', 'bye@example.com')).toBeUndefined();
    expect((await agent.open('/acme/account')).url.pathname).toContain('/interaction/');
  });

  it('stay as long as somebody administers the tenant', async () => {
    const account = await person('admin@example.com');
    await tenant.accounts.setRoles(account.id, ['Admin']);
    const { agent, page } = await enter('admin@example.com', '/data');
    const refused = await agent.submit(formOf(page, '/delete'), { email: 'admin@example.com' });
    expect(refused.status).toBe(422);
    expect(textOf(refused)).toContain('You administer this tenant');
    expect(await tenant.accounts.get(account.id)).toBeDefined();
  });
});
