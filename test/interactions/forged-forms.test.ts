import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { latestLink, setSignUp } from '../self-service/mail-links.ts';
import { issueInvitation } from '../support/invitation.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import { totpCode } from '../support/totp-app.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import {
  type AskedOfPasskey,
  addApp,
  addPasskey,
  addRecoveryCodes,
  createPerson,
  passkeyOptions,
} from './factor-people.ts';
import { createFederatedBrowsers, person as upstreamPerson } from './federated-browsers.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
/** Asks for the address first. */
let globex: ServedTenant;
let upstream: Upstream;
let source: { id: string };
const { addSource, signInBy } = createFederatedBrowsers(() => ({ server, upstream }));

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  globex = server.tenants[1] as ServedTenant;
  upstream = await startOpenidProvider();
  await setSignUp(tenant, 'open');
  await tenant.clients.create({ clientId: 'tv', name: 'Television', type: 'device' });
  source = await addSource();
  await globex.sources.create(
    {
      kind: 'openid',
      name: 'Corp Login',
      domains: ['corp.example'],
      openid: { issuer: upstream.issuer, clientId: upstream.clientId },
    },
    undefined,
  );
  await globex.rebuild();
});
afterAll(async () => {
  await server?.close();
  upstream?.close();
});

type Person = Awaited<ReturnType<typeof createPerson>>;

/** A browser that has been shown the form, and what its person would fill in. */
interface Shown {
  agent: UserAgent;
  page: Arrival;
  values?: Record<string, string>;
}

interface FormCase {
  /** The end of the form's address. */
  action: RegExp;
  /** Shows the form to somebody of their own. */
  show(): Promise<Shown>;
  /** Of the hidden field; the provider's own forms call it otherwise. */
  field?: 'csrf' | 'xsrf';
  /** The status of a forged one; most links know no other answer than that there is nothing. */
  refused?: number;
}

let people = 0;
const freshEmail = () => {
  people += 1;
  return `person${people}@example.com`;
};
const newPerson = () => createPerson(tenant, freshEmail());
const chosen = (text = 'Another horse 2!') => ({ password: text, confirmation: text });

/** The latest sign-in page, and whoever may sign in on it. */
async function atSignIn(parameters: Record<string, string> = {}): Promise<Shown & { account: Person }> {
  const account = await newPerson();
  const agent = server.userAgent();
  return { agent, account, page: await agent.open(authorizationRequest(tenant, parameters).url) };
}

async function atAddress(): Promise<Shown & { account: Person }> {
  const account = await createPerson(globex, freshEmail());
  const agent = server.userAgent();
  return { agent, account, page: await agent.open(authorizationRequest(globex).url) };
}

async function behindAddress(): Promise<Shown> {
  const { agent, page, account } = await atAddress();
  return { agent, page: await agent.submit(page, { email: account.email }) };
}

/** After the password. */
async function behindPassword(
  prepare: (account: Person) => Promise<unknown> = async () => {},
  parameters: Record<string, string> = {},
): Promise<Shown & { account: Person }> {
  const account = await newPerson();
  await prepare(account);
  const agent = server.userAgent();
  return { agent, account, page: await signIn(agent, tenant, account.email, parameters) };
}

const multiFactor = { acr_values: 'urn:tenantry:acr:multi-factor' };
const secretOn = (page: Arrival) => page.document.querySelector('code.secret')?.textContent ?? '';
const codeOn = (page: Arrival) => totpCode(secretOn(page), Date.now());

async function atSecondFactor() {
  let codes: string[] = [];
  let app: Awaited<ReturnType<typeof addApp>> | undefined;
  let key: Awaited<ReturnType<typeof addPasskey>> | undefined;
  const shown = await behindPassword(async (account) => {
    app = await addApp(tenant, account);
    key = await addPasskey(tenant, account);
    codes = await addRecoveryCodes(tenant, account.id);
  });
  return { ...shown, codes, code: app?.code() ?? '', response: key?.get(passkeyOptions(shown.page)) ?? '' };
}

async function newKey(page: Arrival): Promise<{ response: string; name: string }> {
  const authenticator = createSoftwareAuthenticator({ origin: server.origin });
  const options = passkeyOptions<Parameters<typeof authenticator.create>[0]>(page);
  return { response: authenticator.create(options), name: 'Key' };
}

const unproved = ({ id }: Person) => tenant.accounts.update(id, { emailVerified: false });

/** A page of the account area, of somebody who is signed in. */
async function inArea(
  path: string,
  prepare: (account: Person) => Promise<unknown> = async () => {},
): Promise<Shown & { account: Person }> {
  const account = await newPerson();
  await prepare(account);
  const agent = server.userAgent();
  const page = await agent.open(`/acme/account${path}`);
  return { agent, account, page: await agent.submit(page, { email: account.email, password }) };
}

/** The page of second factors of somebody who has both kinds, and codes. */
async function atFactors(): Promise<Shown> {
  let app: Awaited<ReturnType<typeof addApp>> | undefined;
  const { agent, page } = await inArea('/factors', async (account) => {
    app = await addApp(tenant, account);
    await addPasskey(tenant, account);
    await addRecoveryCodes(tenant, account.id);
  });
  return { agent, page: await agent.submitTo(page, 'totp', { code: app?.code() ?? '' }) };
}

/** Somebody of the source whose address has an account. */
async function atLinking(prepare: (account: Person) => Promise<unknown> = async () => {}) {
  const account = await newPerson();
  await prepare(account);
  upstream.user = upstreamPerson(account.email);
  const agent = server.userAgent();
  return { agent, account, page: await signInBy(source, { agent }) };
}

async function byMail(path: string): Promise<Shown & { email: string }> {
  const { email } = path === '/sign-up' ? { email: freshEmail() } : await newPerson();
  const agent = server.userAgent();
  await agent.submit(await agent.open(`/acme${path}`), { email });
  return { agent, email, page: await agent.open(await latestLink(server, email)) };
}

async function atDevice(): Promise<Shown & { userCode: string }> {
  const response = await fetch(`${tenant.issuer}/device/auth`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'tv', scope: 'openid' }),
  });
  const { user_code: userCode } = (await response.json()) as { user_code: string };
  const agent = server.userAgent();
  return { agent, userCode, page: await agent.open('/acme/device') };
}

const values = async <S extends Shown>(
  shown: Promise<S>,
  fill: (shown: S) => Record<string, string> | Promise<Record<string, string>>,
): Promise<Shown> => {
  const found = await shown;
  return { ...found, values: await fill(found) };
};

/** By the view and its address of the form; where several pages use a view, which one it is. */
const cases: Readonly<Record<string, FormCase>> = {
  'sign-in it.action (all at once)': {
    action: /\/sign-in$/,
    show: () => values(atSignIn(), ({ account }) => ({ email: account.email, password })),
  },
  'sign-in it.action (address first)': {
    action: /\/address$/,
    show: () => values(atAddress(), ({ account }) => ({ email: account.email })),
  },
  'sign-in it.action (then password)': {
    action: /\/sign-in$/,
    show: () => values(behindAddress(), () => ({ password })),
  },
  'sign-in it.cancelAction': { action: /\/cancel$/, show: () => atSignIn() },
  'sign-in it.offers.passkey': {
    action: /\/passkey$/,
    show: () =>
      values(atSignIn(), async ({ account, page }) => ({
        response: (await addPasskey(tenant, account)).get(passkeyOptions<AskedOfPasskey>(page)),
      })),
  },
  'consent it.action': { action: /\/consent$/, show: () => behindPassword() },
  'consent it.cancelAction': { action: /\/cancel$/, show: () => behindPassword() },
  'second-factor it.totp': {
    action: /\/totp$/,
    show: () => values(atSecondFactor(), ({ code }) => ({ code })),
  },
  'second-factor it.recovery': {
    action: /\/recovery-code$/,
    show: () => values(atSecondFactor(), ({ codes: [code = ''] }) => ({ code })),
  },
  'second-factor it.passkey': {
    action: /\/passkey-factor$/,
    show: () => values(atSecondFactor(), ({ response }) => ({ response })),
  },
  'second-factor it.cancelAction': { action: /\/cancel$/, show: () => atSecondFactor() },
  'enrol-factor it.totp (sign-in)': {
    action: /\/enrol-totp$/,
    show: () => values(behindPassword(undefined, multiFactor), ({ page }) => ({ code: codeOn(page) })),
  },
  'enrol-factor it.passkey': {
    action: /\/enrol-passkey$/,
    show: () => values(behindPassword(undefined, multiFactor), ({ page }) => newKey(page)),
  },
  'enrol-factor it.cancel': { action: /\/cancel$/, show: () => behindPassword(undefined, multiFactor) },
  'enrol-factor it.totp (account)': {
    action: /\/account\/factors\/app\/add-app$/,
    show: () => values(inArea('/factors/app'), ({ page }) => ({ code: codeOn(page) })),
  },
  'enrol-factor it.totp (account, in place of another)': {
    action: /\/account\/factors\/new-app\/replace-app$/,
    async show() {
      const { agent } = await atFactors();
      const page = await agent.open('/acme/account/factors/new-app');
      return { agent, page, values: { code: codeOn(page) } };
    },
  },
  'recovery-codes it.action (sign-in)': {
    action: /\/recovery-codes$/,
    async show() {
      const { agent, page } = await behindPassword(undefined, multiFactor);
      return { agent, page: await agent.submitTo(page, 'enrol-totp', { code: codeOn(page) }) };
    },
  },
  'recovery-codes it.action (account)': {
    action: /\/account\/factors\/saved$/,
    async show() {
      const { agent, page } = await atFactors();
      return { agent, page: await agent.submitTo(page, 'new-codes') };
    },
  },
  'new-password it.action (expired)': {
    action: /\/new-password$/,
    async show() {
      const longAgo = { now: () => Date.now() - 400 * 86_400_000 };
      const shown = await behindPassword(({ id }) => tenant.accountsAt(longAgo).setPassword(id, password));
      return { ...shown, values: chosen() };
    },
  },
  'new-password it.action (invitation)': {
    action: /\/invitation\/[^/]+$/,
    refused: 404,
    async show() {
      const account = await tenant.accounts.create({ email: freshEmail(), name: 'Ada', roles: [] });
      const agent = server.userAgent();
      const token = await issueInvitation(tenant, account);
      return { agent, page: await agent.open(`/acme/invitation/${token}`), values: chosen() };
    },
  },
  'new-password it.action (forgotten)': {
    action: /\/reset-password\/[^/]+$/,
    refused: 404,
    show: () => values(byMail('/forgotten-password'), () => chosen()),
  },
  'new-password it.action (account)': {
    action: /\/account\/password\/change$/,
    show: () => values(inArea('/password'), () => ({ present: password, ...chosen() })),
  },
  'link-account it.password': {
    action: /\/link-account$/,
    show: () => values(atLinking(), () => ({ password })),
  },
  'link-account it.passkey': {
    action: /\/link-passkey$/,
    async show() {
      let key: Awaited<ReturnType<typeof addPasskey>> | undefined;
      const shown = await atLinking(async (account) => {
        key = await addPasskey(tenant, account);
      });
      return { ...shown, values: { response: key?.get(passkeyOptions(shown.page)) ?? '' } };
    },
  },
  'link-account it.mail': { action: /\/link-mail$/, show: () => atLinking() },
  'confirm it.action (of a link)': {
    action: /\/link-proof$/,
    refused: 400,
    async show() {
      const { agent, page, account } = await atLinking();
      await agent.submitTo(page, 'link-mail');
      return { agent, page: await agent.open(await latestLink(server, account.email)) };
    },
  },
  'address-form it.action (sign-up)': {
    action: /\/sign-up$/,
    async show() {
      const agent = server.userAgent();
      return { agent, page: await agent.open('/acme/sign-up'), values: { email: freshEmail() } };
    },
  },
  'address-form it.action (forgotten)': {
    action: /\/forgotten-password$/,
    async show() {
      const { email } = await newPerson();
      const agent = server.userAgent();
      return { agent, page: await agent.open('/acme/forgotten-password'), values: { email } };
    },
  },
  'finish-sign-up it.action': {
    action: /\/verify-email\/[^/]+$/,
    refused: 404,
    show: () => values(byMail('/sign-up'), () => ({ name: 'Ada', ...chosen() })),
  },
  'confirm it.action (another address)': {
    action: /\/confirm-email\/[^/]+$/,
    refused: 404,
    async show() {
      const { agent, page } = await inArea('/email');
      const email = freshEmail();
      await agent.submit(page, { email });
      return { agent, page: await agent.open(await latestLink(server, email)) };
    },
  },
  'confirm it.action (the address that it has)': {
    action: /\/verify-address\/[^/]+$/,
    refused: 404,
    async show() {
      const { agent, page, account } = await inArea('/email', unproved);
      await agent.submitTo(page, 'verify');
      return { agent, page: await agent.open(await latestLink(server, account.email)) };
    },
  },
  'account-email it.verify': {
    action: /\/account\/email\/verify$/,
    show: () => inArea('/email', unproved),
  },
  'verify-address it.send': {
    action: /\/send-verification$/,
    show: () => behindPassword(unproved, { scope: 'openid email' }),
  },
  'verify-address it.goOn': {
    action: /\/go-on$/,
    show: () => behindPassword(unproved, { scope: 'openid email' }),
  },
  'account-profile it.action': {
    action: /\/account\/save$/,
    show: () => values(inArea(''), () => ({ name: 'Eve' })),
  },
  'account-email it.action': {
    action: /\/account\/email\/change$/,
    show: () => values(inArea('/email'), () => ({ email: freshEmail() })),
  },
  'account-sessions it.endAction': {
    action: /\/account\/sessions\/end$/,
    async show() {
      const { agent, account } = await inArea('/sessions');
      await signIn(server.userAgent(), tenant, account.email);
      return { agent, page: await agent.open('/acme/account/sessions') };
    },
  },
  'account-sessions it.endOthersAction': {
    action: /\/account\/sessions\/end-others$/,
    show: () => inArea('/sessions'),
  },
  'account-applications it.action': {
    action: /\/account\/applications\/revoke$/,
    async show() {
      const { agent, page } = await behindPassword();
      await agent.submit(page);
      return { agent, page: await agent.open('/acme/account/applications') };
    },
  },
  'account-linked it.action': {
    action: /\/account\/linked\/unlink$/,
    show: () =>
      inArea('/linked', async ({ id, email }) => {
        const identity = { sourceId: source.id, applicationTenantId: 'default', subject: email };
        const identities = createFederatedIdentities({ table: tenant.table, clock: systemClock });
        await identities.link(identity, id, email);
      }),
  },
  'account-data it.downloadAction': {
    action: /\/account\/data\/download$/,
    show: () => inArea('/data'),
  },
  'account-data it.deleteAction': {
    action: /\/account\/data\/delete$/,
    show: () => values(inArea('/data'), ({ account }) => ({ email: account.email })),
  },
  'factors it.app.remove': { action: /\/account\/factors\/remove-app$/, show: atFactors },
  'factors it.rename': {
    action: /\/account\/factors\/rename-passkey$/,
    show: () => values(atFactors(), () => ({ name: 'Eve’s' })),
  },
  'factors it.removePasskey': { action: /\/account\/factors\/remove-passkey$/, show: atFactors },
  'factors it.codes': { action: /\/account\/factors\/new-codes$/, show: atFactors },
  'factors it.addPasskey': {
    action: /\/account\/factors\/add-passkey$/,
    show: () => values(inArea('/factors'), ({ page }) => newKey(page)),
  },
  'device-code it.action': {
    action: /\/device$/,
    field: 'xsrf',
    show: () => values(atDevice(), ({ userCode }) => ({ user_code: userCode })),
  },
  'device-confirm it.action': {
    action: /\/device$/,
    field: 'xsrf',
    async show() {
      const { agent, page, userCode } = await atDevice();
      return {
        agent,
        page: await agent.submit(page, { user_code: userCode }),
        values: { confirm: 'yes' },
      };
    },
  },
  'sign-out it.action': {
    action: /\/session\/end\/confirm$/,
    field: 'xsrf',
    async show() {
      const { agent } = await inArea('');
      return { agent, page: await agent.open('/acme/session/end'), values: { logout: 'yes' } };
    },
  },
  'hand-over it.action': {
    action: /\/session\/end\/confirm$/,
    field: 'xsrf',
    async show() {
      const agent = server.userAgent();
      return { agent, page: await agent.open('/acme/session/end') };
    },
  },
};

/** Everything that the tenant has stored, but for the sessions that the provider saves with each of its pages. */
async function everything(): Promise<string[]> {
  const items: string[] = [];
  for (const { table } of server.tenants) {
    for await (const item of table.scan()) {
      if (!/^(Session|SessionUid)#/.test(item.pk)) items.push(JSON.stringify(item));
    }
  }
  return items.sort();
}

function tokenOf(page: Arrival, { action, field = 'csrf' }: Pick<FormCase, 'action' | 'field'>): string {
  const form = page.document
    .querySelectorAll('form')
    .find((candidate) => action.test(new URL(candidate.getAttribute('action') ?? '', page.url).pathname));
  const token = form?.querySelector(`input[name=${field}]`)?.getAttribute('value');
  if (!token) throw new Error(`no ${action} with a ${field} on ${page.url.pathname} (${page.status})`);
  return token;
}

/** Leaves the one form on the page that the case is about. */
function onlyForm(page: Arrival, { action }: Pick<FormCase, 'action'>): Arrival {
  const forms = page.document.querySelectorAll('form');
  const wanted = forms.find((form) =>
    action.test(new URL(form.getAttribute('action') ?? '', page.url).pathname),
  );
  for (const form of forms) {
    if (form !== wanted) form.remove();
  }
  wanted?.removeAttribute('hidden');
  return page;
}

const seenActions = new Map<string, string>();

function noteForms(page: Arrival): void {
  for (const form of page.document.querySelectorAll('form')) {
    const { pathname } = new URL(form.getAttribute('action') ?? '', page.url);
    seenActions.set(pathname, page.document.querySelector('main')?.getAttribute('data-view') ?? '');
  }
}

describe.each(Object.entries(cases))('%s', (name, form) => {
  it('does nothing without its token, and with that of another browser or another form', async () => {
    const { field = 'csrf', refused = 400 } = form;
    const [own, other] = [await form.show(), await form.show()];
    expect(own.page.document.querySelector('main')?.getAttribute('data-view')).toBe(name.split(' ')[0]);
    noteForms(own.page);
    const right = tokenOf(own.page, form);
    const foreign = tokenOf(other.page, form);
    const others = own.page.document
      .querySelectorAll(`input[name=${field}]`)
      .map((input) => input.getAttribute('value') ?? '')
      .filter((token) => token !== right);
    const page = onlyForm(own.page, form);
    // What is still done in the background about the pages so far.
    await server.mails();
    const before = await everything();
    for (const token of ['', 'x', foreign, ...others]) {
      const answer = await own.agent.submit(page, { ...own.values, [field]: token });
      expect(answer.status, token).toBe(refused);
    }
    await server.mails();
    expect(await everything()).toEqual(before);
    // It is the token that was wrong: with its own the form works.
    const answer = await other.agent.submit(onlyForm(other.page, form), { ...other.values });
    expect(answer.status).not.toBe(refused);
  });
});

describe('the table', () => {
  const form = /<form [^>]*action="<%= (it\.[\w.]+?)(?:\.action)? %>"/g;
  const passkeyForm = /include\('@passkey-form', \{[^}]*\bform: (it\.[\w.]+)/g;

  it('has every form of every view', () => {
    const written = readdirSync('views')
      .filter((file) => file.endsWith('.eta') && file !== 'passkey-form.eta')
      .flatMap((file) => {
        const text = readFileSync(`views/${file}`, 'utf8');
        const found = [...text.matchAll(form), ...text.matchAll(passkeyForm)];
        const all = text.match(/<form |include\('@passkey-form'/g) ?? [];
        expect(found.length, file).toBe(all.length);
        return found.map(([, address]) => `${file.slice(0, -'.eta'.length)} ${address}`);
      });
    const inTable = Object.keys(cases).map((name) => name.replace(/ \(.*\)$/, ''));
    expect([...new Set(inTable)].sort()).toEqual([...new Set(written)].sort());
  });

  it('has every form that was on one of these pages', () => {
    const unknown = [...seenActions].filter(
      ([path, view]) =>
        !Object.entries(cases).some(([name, { action }]) => name.startsWith(`${view} `) && action.test(path)),
    );
    expect(unknown).toEqual([]);
  });
});
