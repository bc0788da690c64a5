import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../../src/kernel/clock.ts';
import { testClock } from '../support/clock.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import {
  addApp,
  addPasskey,
  addRecoveryCodes,
  appWith,
  createPerson,
  passkeyOptions,
} from './factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  redirectUri,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let strict: TenantServer;
let tenant: ServedTenant;
let count = 0;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  strict = await createTenantServer({ policy: { requireMFA: true } });
  tenant = server.tenant;
});
afterAll(() => Promise.all([server.close(), strict.close()]));

function newEmail() {
  count += 1;
  return `ada${count}@example.com`;
}

const multiFactor = 'urn:tenantry:acr:multi-factor';
/** Past the sign-in: at the application, or asked whether it may know. */
const isSignedIn = (arrival: Arrival) =>
  arrival.url.href.startsWith(redirectUri) || textOf(arrival).includes('asks for access');

/** The claims of the ID token that the application gets once the person allows it. */
async function claimsOf(
  agent: UserAgent,
  arrival: Arrival,
  { verifier, at = tenant }: { verifier: string; at?: ServedTenant },
) {
  const allowed = await agent.submitTo(arrival, 'consent');
  const { id_token = '' } = await redeem(at, { ...allowed, verifier });
  return decodeJwt(id_token);
}

describe('an authenticator app', () => {
  async function personWithApp(at = tenant, clock?: Clock) {
    const email = newEmail();
    const account = await createPerson(at, email);
    const app = await addApp(at, account, clock);
    const codes = await addRecoveryCodes(at, account.id);
    return { email, account, app, codes };
  }

  it('is asked for after the password, and the tokens tell of both', async () => {
    const { email, app } = await personWithApp();
    const agent = server.userAgent();
    const { verifier, ...page } = await signIn(agent, tenant, email);
    expect(page.url.pathname).toMatch(/\/second-factor$/);
    expect(textOf(page)).toContain(email);
    expect(page.document.querySelector('#code')?.getAttribute('autocomplete')).toBe('one-time-code');
    const arrival = await agent.submitTo(page, 'totp', { code: app.code() });
    expect(await claimsOf(agent, arrival, { verifier })).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: multiFactor,
    });
  });

  it('is not asked of whoever has none, whose tokens do not claim it', async () => {
    const email = newEmail();
    await createPerson(tenant, email);
    const agent = server.userAgent();
    const arrival = await signIn(agent, tenant, email);
    expect(await claimsOf(agent, arrival, arrival)).toMatchObject({
      amr: ['pwd'],
      acr: 'urn:tenantry:acr:single-factor',
    });
  });

  it('refuses a wrong code, and one that was used in another sign-in', async () => {
    const { email, app } = await personWithApp();
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, email);
    const wrong = await agent.submitTo(page, 'totp', { code: '12345x' });
    expect(wrong.status).toBe(401);
    expect(textOf(wrong)).toContain('The code is not right.');
    const code = app.code();
    expect(isSignedIn(await agent.submitTo(wrong, 'totp', { code }))).toBe(true);

    const other = server.userAgent();
    const again = await other.submitTo(await signIn(other, tenant, email), 'totp', { code });
    expect(again.status).toBe(401);
    expect(textOf(again)).toContain('has been used');
    expect(isSignedIn(await other.submitTo(again, 'totp', { code: app.code(1) }))).toBe(true);
  });

  it('lets one of two in who send the same code at once', async () => {
    const { email, app } = await personWithApp();
    const agents = Array.from({ length: 4 }, () => server.userAgent());
    const pages = await Promise.all(agents.map((agent) => signIn(agent, tenant, email)));
    const code = app.code();
    const arrivals = await Promise.all(
      agents.map((agent, index) => agent.submitTo(pages[index] as never, 'totp', { code })),
    );
    expect(arrivals.filter(isSignedIn)).toHaveLength(1);
  });

  it('cannot be guessed: after a few wrong codes the next has to wait, right or not, in a new sign-in, too', async () => {
    const clock = testClock(Date.now());
    const limited = await createTenantServer({ freeFailures: 5, clock });
    onTestFinished(() => limited.close());
    const at = limited.tenant;
    const { email, account, app, codes } = await personWithApp(at, clock);
    const agent = limited.userAgent();
    let page = await signIn(agent, at, email);
    for (let tries = 0; tries < 5; tries += 1) {
      page = { ...page, ...(await agent.submitTo(page, 'totp', { code: '00000x' })) };
      expect(page.status).toBe(401);
    }
    const refused = await agent.submitTo(page, 'totp', { code: app.code() });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(textOf(refused)).toContain('Too many attempts');
    const other = limited.userAgent();
    const second = await signIn(other, at, email);
    expect((await other.submitTo(second, 'totp', { code: app.code() })).status).toBe(429);
    // Nobody else has to wait.
    const bystander = await personWithApp(at, clock);
    const third = limited.userAgent();
    const theirs = await signIn(third, at, bystander.email);
    expect(isSignedIn(await third.submitTo(theirs, 'totp', { code: bystander.app.code() }))).toBe(true);
    // What was guessed at was the app: the owner's other way in is open.
    expect(isSignedIn(await other.submitTo(refused, 'recovery-code', { code: codes[0] ?? '' }))).toBe(false);
    expect(isSignedIn(await agent.submitTo(refused, 'recovery-code', { code: codes[0] ?? '' }))).toBe(true);
    expect((await at.factorsAt(clock).factors.of(account.id)).recoveryCodesLeft).toBe(9);
  });

  it('of one tenant is nothing at another', async () => {
    const globex = server.tenants[1] as ServedTenant;
    const { email } = await personWithApp();
    const there = await createPerson(globex, email);
    const theirApp = await addApp(globex, there);
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, email);
    expect((await agent.submitTo(page, 'totp', { code: theirApp.code() })).status).toBe(401);
  });
});

describe('a recovery code', () => {
  it('stands in for the app once', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    await addApp(tenant, account);
    const [code = '', other = ''] = await addRecoveryCodes(tenant, account.id);
    const agent = server.userAgent();
    const { verifier, ...page } = await signIn(agent, tenant, email);
    const arrival = await agent.submitTo(page, 'recovery-code', { code: code.toUpperCase() });
    expect(await claimsOf(agent, arrival, { verifier })).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: multiFactor,
    });

    const second = server.userAgent();
    const again = await second.submitTo(await signIn(second, tenant, email), 'recovery-code', { code });
    expect(again.status).toBe(401);
    expect(isSignedIn(await second.submitTo(again, 'recovery-code', { code: other }))).toBe(true);
  });

  it('lets one of many in who send it at once', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    await addApp(tenant, account);
    const [code = ''] = await addRecoveryCodes(tenant, account.id);
    const agents = Array.from({ length: 4 }, () => server.userAgent());
    const pages = await Promise.all(agents.map((agent) => signIn(agent, tenant, email)));
    const arrivals = await Promise.all(
      agents.map((agent, index) => agent.submitTo(pages[index] as never, 'recovery-code', { code })),
    );
    expect(arrivals.filter(isSignedIn)).toHaveLength(1);
  });

  it('gives way to new ones when the last is used', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    await addApp(tenant, account);
    const codes = await addRecoveryCodes(tenant, account.id);
    for (const code of codes.slice(1)) {
      await tenant.factorsAt(Date).recoveryCodes.use(account.id, code);
    }
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, email);
    const shown = await agent.submitTo(page, 'recovery-code', { code: codes[0] ?? '' });
    expect(shown.url.pathname).toMatch(/\/recovery-codes$/);
    expect(shown.document.querySelectorAll('.codes li')).toHaveLength(10);
    expect(isSignedIn(await agent.submit(shown))).toBe(true);
    expect((await tenant.factorsAt(Date).factors.of(account.id)).recoveryCodesLeft).toBe(10);
  });
});

describe('a passkey', () => {
  it('is a second factor, without a PIN as well', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    const authenticator = await addPasskey(tenant, account, { userVerified: false, synced: false });
    await addRecoveryCodes(tenant, account.id);
    const agent = server.userAgent();
    const { verifier, ...page } = await signIn(agent, tenant, email);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(page.document.querySelector('#code')).toBeNull();
    const response = authenticator.get(passkeyOptions(page));
    const arrival = await agent.submitTo(page, 'passkey-factor', { response });
    expect(await claimsOf(agent, arrival, { verifier })).toMatchObject({
      amr: ['pwd', 'hwk', 'user', 'mfa'],
      acr: 'phr',
    });
  });

  it('of somebody else, or for another browser’s page, is refused', async () => {
    const [one, other] = [newEmail(), newEmail()];
    const account = await createPerson(tenant, one);
    const authenticator = await addPasskey(tenant, account);
    const eve = await createPerson(tenant, other);
    await addPasskey(tenant, eve);
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, other);
    const response = authenticator.get({ ...passkeyOptions(page), allowCredentials: [] });
    expect((await agent.submitTo(page, 'passkey-factor', { response })).status).toBe(401);

    const ada = server.userAgent();
    const adasPage = await signIn(ada, tenant, one);
    const elsewhere = server.userAgent();
    const copied = authenticator.get(passkeyOptions(await signIn(elsewhere, tenant, one)));
    expect((await ada.submitTo(adasPage, 'passkey-factor', { response: copied })).status).toBe(401);
  });
});

describe('where a second factor is required', () => {
  async function begun() {
    const email = newEmail();
    const account = await createPerson(strict.tenant, email);
    const agent = strict.userAgent();
    return { email, account, agent, page: await signIn(agent, strict.tenant, email) };
  }

  it('sets up an app on the way, hands out recovery codes, and asks for the app from then on', async () => {
    const { email, agent, page } = await begun();
    expect(page.url.pathname).toMatch(/\/enrol-factor$/);
    const picture = page.document.querySelector('svg.qr path:last-child')?.getAttribute('d') ?? '';
    expect(picture).toMatch(/^(M\d+ \d+h1v1h-1z){200,}$/);
    const secret = page.document.querySelector('code.secret')?.textContent ?? '';
    const reloaded = await agent.open(page.url);
    expect(reloaded.document.querySelector('code.secret')?.textContent).toBe(secret);
    const wrong = await agent.submitTo(page, 'enrol-totp', { code: '00000x' });
    expect(wrong.status).toBe(422);
    const app = appWith(secret);
    const codesPage = await agent.submitTo(wrong, 'enrol-totp', { code: app.code() });
    expect(codesPage.url.pathname).toMatch(/\/recovery-codes$/);
    const codes = codesPage.document.querySelectorAll('.codes code').map(({ textContent }) => textContent);
    expect(codes).toHaveLength(10);
    const arrival = await agent.submit(codesPage);
    const { verifier } = page;
    expect(await claimsOf(agent, arrival, { verifier, at: strict.tenant })).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: multiFactor,
    });

    const next = strict.userAgent();
    const asked = await signIn(next, strict.tenant, email);
    expect(asked.url.pathname).toMatch(/\/second-factor$/);
    expect(isSignedIn(await next.submitTo(asked, 'recovery-code', { code: codes[7] ?? '' }))).toBe(true);
  });

  it('shows other codes when the page is shown again, and only those count', async () => {
    const { account, agent, page } = await begun();
    const secret = page.document.querySelector('code.secret')?.textContent ?? '';
    const first = await agent.submitTo(page, 'enrol-totp', { code: appWith(secret).code() });
    const second = await agent.open(first.url);
    const stale = await agent.submit(first);
    expect(stale.url.pathname).toMatch(/\/recovery-codes$/);
    expect(isSignedIn(await agent.submit(stale))).toBe(true);
    const { recoveryCodes } = strict.tenant.factorsAt(Date);
    const codeOf = (shown: typeof first) => shown.document.querySelector('.codes code')?.textContent ?? '';
    expect(await recoveryCodes.use(account.id, codeOf(first))).toBe(false);
    expect(await recoveryCodes.use(account.id, codeOf(second))).toBe(false);
    expect(await recoveryCodes.use(account.id, codeOf(stale))).toBe(true);
  });

  it('sets up a passkey on the way', async () => {
    const { account, agent, page } = await begun();
    const authenticator = createSoftwareAuthenticator({ origin: strict.origin });
    const options = passkeyOptions<Parameters<typeof authenticator.create>[0]>(page);
    const forged = authenticator.create(options, { origin: 'https://evil.example' });
    const refused = await agent.submitTo(page, 'enrol-passkey', { response: forged, name: 'x' });
    expect(refused.status).toBe(422);
    const response = authenticator.create(
      passkeyOptions<Parameters<typeof authenticator.create>[0]>(refused),
    );
    const codesPage = await agent.submitTo(refused, 'enrol-passkey', { response, name: 'My <b>phone' });
    const arrival = await agent.submit(codesPage);
    const { verifier } = page;
    expect(await claimsOf(agent, arrival, { verifier, at: strict.tenant })).toMatchObject({
      amr: ['pwd', 'swk', 'user', 'mfa'],
      acr: 'phr',
    });
    expect((await strict.tenant.factorsAt(Date).factors.of(account.id)).passkeys).toMatchObject([
      { name: 'My <b>phone' },
    ]);
  });

  it('never lets somebody who knows the password alone set up another factor', async () => {
    const { account, agent, page } = await begun();
    const secret = page.document.querySelector('code.secret')?.textContent ?? '';
    // The owner is faster, elsewhere.
    await addApp(strict.tenant, account);
    const late = await agent.submitTo(page, 'enrol-totp', { code: appWith(secret).code() });
    expect(isSignedIn(late)).toBe(false);
    expect((await agent.open(page.url)).url.pathname).toMatch(/\/second-factor$/);
    const codes = await agent.open(page.url.href.replace('enrol-factor', 'recovery-codes'));
    expect(codes.url.pathname).toMatch(/\/second-factor$/);
  });

  it('ends with nothing but a password nowhere', async () => {
    const { agent, page } = await begun();
    const interaction = page.url.href.replace('/enrol-factor', '');
    for (const address of [
      interaction.replace('/interaction/', '/auth/'),
      authorizationRequest(strict.tenant, { prompt: 'none' }).url.href,
      `${interaction}/recovery-codes`,
      `${interaction}/second-factor`,
    ]) {
      const arrival = await agent.open(address);
      expect(arrival.url.searchParams.get('code')).toBeNull();
    }
  });
});

describe('the page of the second step', () => {
  it('is that of the browser that proved the password', async () => {
    const email = newEmail();
    const app = await addApp(tenant, await createPerson(tenant, email));
    const page = await signIn(server.userAgent(), tenant, email);
    const stranger = server.userAgent();
    expect((await stranger.open(page.url)).status).toBe(400);
    expect((await stranger.submitTo(page, 'totp', { code: app.code() })).status).toBe(400);
    const own = await stranger.open(authorizationRequest(tenant).url);
    const mixed = await stranger.open(`${own.url.href}/second-factor`);
    expect(mixed.url.href).toBe(own.url.href);
  });

  it('takes no form without its token, nor with that of another form', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    const app = await addApp(tenant, account);
    await addRecoveryCodes(tenant, account.id);
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, email);
    const otherToken = page.document
      .querySelector('form[action$="/cancel"] input[name=csrf]')
      ?.getAttribute('value');
    for (const csrf of ['', otherToken ?? '']) {
      expect((await agent.submitTo(page, 'totp', { code: app.code(), csrf })).status).toBe(400);
    }
    expect(isSignedIn(await agent.submitTo(page, 'totp', { code: app.code() }))).toBe(true);
  });

  it('cannot be skipped on the way to a new password', async () => {
    const email = newEmail();
    const account = await createPerson(tenant, email);
    await addApp(tenant, account);
    const longAgo = { now: () => Date.now() - 91 * 86_400_000 };
    await tenant.accountsAt(longAgo).setPassword(account.id, password);
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, email);
    expect(page.url.pathname).toMatch(/\/second-factor$/);
    const skipped = await agent.open(page.url.href.replace('second-factor', 'new-password'));
    expect(skipped.url.pathname).toMatch(/\/second-factor$/);
  });
});
