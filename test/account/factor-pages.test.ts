import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccounts } from '../../src/identity/accounts.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createFactorPages, type FactorVisitor } from '../../src/oidc/account/factor-pages.ts';
import { createWaysInOf } from '../../src/oidc/account/ways-in.ts';
import type { LinkedSource } from '../../src/oidc/interactions/federation/linked-sources.ts';
import { createAssets } from '../../src/web/assets.ts';
import { readFormBody } from '../../src/web/body.ts';
import { createTexts } from '../../src/web/i18n/texts.ts';
import { createRenderer } from '../../src/web/render.ts';
import { createFactorStores, type FactorStores } from '../identity/factor-stores.ts';
import { passkeyOptions } from '../interactions/factor-people.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import { totpCode } from '../support/totp-app.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

let stores: FactorStores;
let visit: FactorVisitor;
let agent: UserAgent;
let origin: string;
let told: string[] = [];
let ended: string[] = [];
let secondFactorRequired = false;
let links: LinkedSource[] = [];
let admitsOwn = true;
let count = 0;
const server = createServer();

beforeAll(async () => {
  stores = await createFactorStores();
  const assets = createAssets({ directory: 'views/assets' });
  const render = createRenderer({ viewsDirectory: 'views', assets });
  const app = new Koa();
  app.use(async (context) => {
    const pages = createFactorPages({
      ...stores,
      guard: { tell: (_context, _account, kind, factor) => told.push(`${kind} ${factor}`) },
      isSecondFactorRequired: async () => secondFactorRequired,
      waysInOf: createWaysInOf({
        ...stores,
        linkedSources: { listOf: async () => links },
        admitsOwnCredentials: async () => admitsOwn,
      }),
      askForSecondFactor: (asked) => {
        asked.body = 'sign in again';
      },
      endOtherSessions: async (accountId, uid) => {
        ended.push(`${accountId} ${uid}`);
      },
      render,
    });
    const path = context.path.slice('/account/'.length);
    const form = context.method === 'POST' ? path.split('/').at(-1) : undefined;
    const page = pages.find(
      (candidate) =>
        [path, path.slice(0, path.lastIndexOf('/'))].includes(candidate.path) &&
        (form === undefined ? candidate.path === path : form in candidate.forms),
    );
    const visitor = { ...visit, actionUrl: (name: string) => `/account/${page?.path}/${name}` };
    if (form === undefined) {
      await page?.show(context, visitor);
    } else {
      await page?.forms[form]?.(context, visitor, await readFormBody(context));
    }
  });
  server.on('request', app.callback()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

beforeEach(async () => {
  count += 1;
  told = [];
  ended = [];
  secondFactorRequired = false;
  links = [];
  admitsOwn = true;
  const accounts = createAccounts({ table: stores.table, clock: stores.clock, random: systemRandom });
  const { id } = await accounts.create({ email: `ada${count}@example.com`, name: 'Ada', roles: [] });
  await accounts.setFirstPassword(id, 'Correct horse 1!', `ada${count}@example.com`);
  visit = {
    account: (await accounts.get(id)) as FactorVisitor['account'],
    look: { texts: createTexts('en'), brand: { name: 'Acme' } },
    session: { uid: 'session-1', methods: ['pwd', 'otp'] },
    nav: [],
    pageUrl: (path) => `/account/${path}`,
    actionUrl: (name) => name,
    csrf: (form) => `token of ${form} ${count}`,
  };
  agent = createUserAgent(origin);
});

const open = (name = 'factors') => agent.open(`/account/${name}`);
const owned = () => stores.factors.of(visit.account.id);

async function addApp() {
  const page = await open('factors/app');
  const secret = page.document.querySelector('code.secret')?.textContent ?? '';
  return agent.submitTo(page, 'add-app', { code: totpCode(secret, stores.clock.now()) });
}

async function addPasskey(name = 'Phone') {
  const page = await open();
  const authenticator = createSoftwareAuthenticator({ origin: 'https://id.example' });
  const options = passkeyOptions<Parameters<typeof authenticator.create>[0]>(page);
  return agent.submitTo(page, 'add-passkey', { response: authenticator.create(options), name });
}

describe('adding', () => {
  it('an app leads to recovery codes, once, and tells the owner', async () => {
    const codesPage = await addApp();
    expect(codesPage.document.querySelectorAll('.codes li')).toHaveLength(10);
    const list = await agent.submit(codesPage);
    expect(list.document.querySelector('form[action$="/remove-app"]')).not.toBeNull();
    expect(await owned()).toMatchObject({ recoveryCodesSaved: true, recoveryCodesLeft: 10 });
    expect(told).toEqual(['factor-added totp']);
    expect((await addPasskey()).document.querySelector('.codes')).toBeNull();
    expect(told).toEqual(['factor-added totp', 'factor-added passkey']);
  });

  it('refuses a wrong code and a second app', async () => {
    const page = await open('factors/app');
    expect((await agent.submitTo(page, 'add-app', { code: 'x' })).status).toBe(422);
    expect(await owned()).not.toHaveProperty('totpSince');
    await addApp();
    const second = await addApp();
    expect(second.status).toBe(422);
    expect(second.body).toContain('has an authenticator app already');
    expect(told).toEqual(['factor-added totp']);
  });

  it('refuses an answer that does not hold', async () => {
    const refused = await agent.submitTo(await open(), 'add-passkey', { response: '{}' });
    expect(refused.status).toBe(422);
    expect((await owned()).passkeys).toEqual([]);
  });
});

describe('passkeys', () => {
  it('can be renamed and removed, by their owner', async () => {
    await addPasskey('<i>Phone</i>');
    const list = await open();
    expect(list.body).toContain('&lt;i&gt;Phone');
    const renamed = await agent.submitTo(list, 'rename-passkey', { name: ' Old\nphone ' });
    expect(renamed.body).toContain('Old phone');
    const { account } = visit;
    const eve = { ...visit, account: { ...account, id: 'acc_eve' as typeof account.id } };
    const own = visit;
    visit = eve;
    await agent.submitTo(renamed, 'rename-passkey', { name: 'Eve’s' });
    await agent.submitTo(renamed, 'remove-passkey');
    visit = own;
    expect((await owned()).passkeys).toMatchObject([{ name: 'Old phone' }]);
    const removed = await agent.submitTo(renamed, 'remove-passkey');
    expect(removed.document.querySelector('form[action$="/remove-passkey"]')).toBeNull();
    expect(told).toEqual(['factor-added passkey', 'factor-removed passkey']);
    expect(await owned()).toMatchObject({ passkeys: [], recoveryCodesLeft: 0 });
  });
});

describe('the last factor', () => {
  it('stays where one is required', async () => {
    await agent.submit(await addApp());
    secondFactorRequired = true;
    const refused = await agent.submitTo(await open(), 'remove-app');
    expect(refused.status).toBe(409);
    expect(refused.body).toContain('A second step is required here.');
    await addPasskey();
    await agent.submitTo(await open(), 'remove-app');
    expect(await owned()).not.toHaveProperty('totpSince');
    expect(told.at(-1)).toBe('factor-removed totp');
  });

  it('stays when nothing else is left to sign in with', async () => {
    await addPasskey();
    const { passwordSetAt: _none, ...account } = visit.account;
    visit = { ...visit, account };
    expect((await agent.submitTo(await open(), 'remove-passkey')).status).toBe(409);
    expect((await owned()).passkeys).toHaveLength(1);
  });
});

describe('somebody without a password', () => {
  const link = { id: 'l1', sourceName: 'Corp', label: 'ada', linkedAt: '2026-01-01', isUsable: true };

  beforeEach(() => {
    const { passwordSetAt: _none, ...account } = visit.account;
    visit = { ...visit, account };
  });

  it('takes the app away, which leads nowhere by itself, and the last passkey beside a sign-in source', async () => {
    links = [link];
    await agent.submit(await addApp());
    expect((await agent.submitTo(await open(), 'remove-app')).status).toBe(200);
    expect(await owned()).not.toHaveProperty('totpSince');
    await agent.submit(await addPasskey());
    expect((await agent.submitTo(await open(), 'remove-passkey')).status).toBe(200);
    expect((await owned()).passkeys).toEqual([]);
  });

  it('keeps the last passkey beside a source that leads here no more', async () => {
    links = [{ ...link, isUsable: false }];
    await agent.submit(await addPasskey());
    expect((await agent.submitTo(await open(), 'remove-passkey')).status).toBe(409);
    expect((await owned()).passkeys).toHaveLength(1);
  });

  it('takes passkeys away where they lead nowhere', async () => {
    links = [link];
    await agent.submit(await addPasskey());
    admitsOwn = false;
    expect((await agent.submitTo(await open(), 'remove-passkey')).status).toBe(200);
    expect((await owned()).passkeys).toEqual([]);
  });
});

describe('a new phone', () => {
  const replacePage = async () => open('factors/new-app');
  const secretOn = (page: Awaited<ReturnType<typeof open>>) =>
    page.document.querySelector('code.secret')?.textContent ?? '';

  it('takes the place of the old one with its first code, and not before', async () => {
    const first = await open('factors/app');
    const old = secretOn(first);
    await agent.submit(await agent.submitTo(first, 'add-app', { code: totpCode(old, stores.clock.now()) }));
    secondFactorRequired = true;
    const [codesBefore, page] = [(await owned()).recoveryCodesLeft, await replacePage()];
    const fresh = secretOn(page);
    expect(fresh).not.toBe(old);
    expect((await agent.submitTo(page, 'replace-app', { code: 'x' })).status).toBe(422);
    stores.clock.advance(30_000);
    const code = (secret: string) => totpCode(secret, stores.clock.now());
    expect(await stores.totpCodes.verify(visit.account.id, code(old))).toBe('accepted');
    const list = await agent.submitTo(page, 'replace-app', { code: code(fresh) });
    expect(list.url.pathname).toBe('/account/factors');
    stores.clock.advance(30_000);
    expect(await stores.totpCodes.verify(visit.account.id, code(old))).toBe('wrong');
    expect(await stores.totpCodes.verify(visit.account.id, code(fresh))).toBe('accepted');
    expect((await owned()).recoveryCodesLeft).toBe(codesBefore);
    expect(told).toEqual(['factor-added totp', 'factor-replaced totp']);
    expect(ended).toHaveLength(1);
  });
});

it('makes new recovery codes in place of the former', async () => {
  const first = await addApp();
  const former = first.document.querySelector('.codes code')?.textContent ?? '';
  const list = await agent.submit(first);
  const second = await agent.submitTo(list, 'new-codes');
  expect(second.document.querySelectorAll('.codes li')).toHaveLength(10);
  expect(await stores.recoveryCodes.use(visit.account.id, former)).toBe(false);
});

describe('a session without the second factor that the account has', () => {
  it.each([
    ['factors', ['add-passkey', 'remove-passkey', 'remove-app', 'rename-passkey', 'new-codes']],
    ['factors/app', ['add-app']],
    ['factors/new-app', ['replace-app']],
  ])('gets no further than %s', async (path, forms) => {
    await agent.submit(await addApp());
    const before = await owned();
    visit = { ...visit, session: { uid: 'session-1', methods: ['pwd'] } };
    told = [];
    expect((await open(path)).body).toBe('sign in again');
    for (const form of forms) {
      const response = await fetch(`${origin}/account/${path}/${form}`, {
        method: 'POST',
        body: new URLSearchParams({ code: '000000', passkey: 'x' }),
      });
      expect(await response.text()).toBe('sign in again');
    }
    expect(await owned()).toEqual(before);
    expect(told).toEqual([]);
  });
});

it('ends the sessions that were begun without it with the first factor, not with the next', async () => {
  await agent.submit(await addApp());
  expect(ended).toEqual([`${visit.account.id} session-1`]);
  await addPasskey();
  expect(ended).toHaveLength(1);
});
