import { afterEach, describe, expect, it, vi } from 'vitest';
import { rulesMemoryMs } from '../../src/identity/application-rules.ts';
import type { ApplicationSettings } from '../../src/identity/application-tenant.ts';
import type { SecurityPolicyInput } from '../../src/identity/security-policy.ts';
import { applicationTenantsOf, latestLink } from '../self-service/mail-links.ts';
import { issueInvitation } from '../support/invitation.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import type { UserAgent } from '../support/user-agent.ts';
import { addPasskey, passkeyOptions } from './factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

/** Long enough for the tenant, and not for an application tenant that asks for more. */
const longer: SecurityPolicyInput = { passwordPolicy: { minLength: 24 } };
const longPassword = 'A much longer horse 12345!';

let server: TenantServer;
let tenant: ServedTenant;

afterEach(async () => {
  vi.useRealTimers();
  await server.close();
});

/** A tenant with two application tenants: `north`, with settings of its own, and `south`, without. */
async function serve(settings: Partial<ApplicationSettings>, policy: SecurityPolicyInput = {}) {
  server = await createTenantServer({ policy });
  tenant = server.tenant;
  const stores = applicationTenantsOf(tenant);
  const north = await stores.create({
    slug: 'north',
    name: 'North',
    settings: { signUp: 'open', ...settings },
  });
  const south = await stores.create({ slug: 'south', name: 'South', settings: { signUp: 'open' } });
  return { stores, north, south };
}

async function person(applicationTenantId: string, { chosen = password }: { chosen?: string } = {}) {
  const account = await tenant.accounts.create({
    applicationTenantId,
    email: 'ada@example.com',
    name: 'Ada',
    roles: [],
    emailVerified: true,
  });
  if (chosen !== '') await tenant.accounts.setPassword(account.id, chosen);
  return account;
}

const enter = (agent: UserAgent, organization: string, more: Record<string, string> = {}) =>
  signIn(agent, tenant, 'ada@example.com', { organization, ...more });

/** Through consent to the client. */
async function arrive(agent: UserAgent, organization: string, more: Record<string, string> = {}) {
  const page = await enter(agent, organization, more);
  const arrival = page.url.searchParams.has('code') ? page : await agent.submit(page);
  expect(arrival.url.searchParams.get('code')).not.toBeNull();
  return { ...arrival, verifier: page.verifier };
}

async function askSilently(agent: UserAgent, organization: string): Promise<string> {
  const { url } = await agent.open(authorizationRequest(tenant, { organization, prompt: 'none' }).url);
  return url.searchParams.get('error') ?? 'signed in';
}

async function refresh(token: string | undefined): Promise<number> {
  const response = await fetch(`${tenant.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`web-client:${tenant.clientSecret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token ?? '' }),
  });
  return response.status;
}

const later = (seconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 });

describe('the password rules of an application tenant (E2, B4)', () => {
  /** Chooses both passwords on the page that is shown, the tenant's first; answers with what came of each. */
  async function choose(agent: UserAgent, page: Awaited<ReturnType<UserAgent['open']>>, rest = {}) {
    expect(textOf(page)).toContain('24');
    const refused = await agent.submit(page, { ...rest, password, confirmation: password });
    const taken = await agent.submit(refused, {
      ...rest,
      password: longPassword,
      confirmation: longPassword,
    });
    return [refused.status, taken.status];
  }

  it('hold for who signs up', async () => {
    await serve({ securityPolicy: longer });
    const agent = server.userAgent();
    const link = async (organization: string) => {
      const form = await agent.open(`/acme/sign-up?organization=${organization}`);
      await agent.submit(form, { email: 'ada@example.com' });
      return agent.open(await latestLink(server, 'ada@example.com'));
    };
    expect(await choose(agent, await link('north'), { name: 'Ada' })).toEqual([422, 200]);
    const inSouth = await link('south');
    const chosen = { name: 'Ada', password, confirmation: password };
    expect((await agent.submit(inSouth, chosen)).status).toBe(200);
  });

  it('hold for who is invited', async () => {
    const { north } = await serve({ securityPolicy: longer });
    const token = await issueInvitation(tenant, await person(north.id, { chosen: '' }));
    const agent = server.userAgent();
    expect(await choose(agent, await agent.open(`/acme/invitation/${token}`))).toEqual([422, 200]);
  });

  it('hold for who has forgotten a password', async () => {
    const { north } = await serve({ securityPolicy: longer });
    await person(north.id, { chosen: 'Something else 123!' });
    const agent = server.userAgent();
    const form = await agent.open('/acme/forgotten-password?organization=north');
    await agent.submit(form, { email: 'ada@example.com' });
    const page = await agent.open(await latestLink(server, 'ada@example.com'));
    expect(await choose(agent, page)).toEqual([422, 200]);
  });

  it('hold in the account area', async () => {
    const { north } = await serve({ securityPolicy: longer });
    await person(north.id);
    const agent = server.userAgent();
    const page = await agent.submit(await agent.open('/acme/account/password?organization=north'), {
      email: 'ada@example.com',
      password,
    });
    expect(textOf(page)).toContain('24');
    const change = { present: password, password: 'Another horse 12!', confirmation: 'Another horse 12!' };
    const refused = await agent.submit(page, change);
    expect(refused.status).toBe(422);
    const right = { present: password, password: longPassword, confirmation: longPassword };
    expect((await agent.submit(refused, right)).url.search).toBe('?done=password');
  });

  it('say when a password has expired, and what the next one must be', async () => {
    const { north, south } = await serve({
      securityPolicy: { passwordPolicy: { minLength: 24, expiryDays: 30 } },
    });
    for (const { id } of [north, south]) await person(id);
    later(31 * 86_400);
    const agent = server.userAgent();
    const page = await enter(agent, 'north');
    expect(textOf(page)).toContain('30');
    expect(await choose(agent, page)).toEqual([422, 200]);
    expect(textOf(await enter(server.userAgent(), 'south'))).toContain('asks for access');
  });
});

describe('a second factor that an application tenant asks for', () => {
  it('is set up on the way by its people, and by nobody else', async () => {
    const { north, south } = await serve({ securityPolicy: { requireMFA: true } });
    for (const { id } of [north, south]) await person(id);
    const page = await enter(server.userAgent(), 'north');
    expect(page.url.pathname).toMatch(/\/enrol-factor$/);
    expect(textOf(await enter(server.userAgent(), 'south'))).toContain('asks for access');
  });

  it('is asked for where the domain of the address leads there', async () => {
    const { stores, north } = await serve({ securityPolicy: { requireMFA: true } });
    await person(north.id);
    const at = new Date().toISOString();
    const domains = [{ domain: 'example.com', challenge: 'x', addedAt: at, verifiedAt: at }];
    await stores.update(north.id, north.version, { domains });
    await tenant.table.put({
      pk: 'ApplicationTenantDomain#example.com',
      sk: 'pointer',
      applicationTenantId: north.id,
    });
    const page = await signIn(server.userAgent(), tenant, 'ada@example.com');
    expect(page.url.pathname).toMatch(/\/enrol-factor$/);
  });

  it('is asked of a session that began before it was', async () => {
    const { stores, north } = await serve({});
    await person(north.id);
    const agent = server.userAgent();
    await arrive(agent, 'north');
    expect(await askSilently(agent, 'north')).toBe('signed in');
    await stores.update(north.id, north.version, {
      settings: { signUp: 'open', securityPolicy: { requireMFA: true } },
    });
    later(rulesMemoryMs / 1_000);
    expect(await askSilently(agent, 'north')).toBe('login_required');
  });
});

describe('sessions of people of an application tenant', () => {
  it('end as it says, and others as the tenant says', async () => {
    const { north, south } = await serve({ securityPolicy: { sessionTimeout: 120 } });
    for (const { id } of [north, south]) await person(id);
    const [inNorth, inSouth] = [server.userAgent(), server.userAgent()];
    await arrive(inNorth, 'north');
    await arrive(inSouth, 'south');
    later(100);
    expect(await askSilently(inNorth, 'north')).toBe('signed in');
    later(130);
    expect(await askSilently(inNorth, 'north')).toBe('login_required');
    expect(await askSilently(inSouth, 'south')).toBe('signed in');
  });

  it('end after its absolute time, whatever the activity', async () => {
    const { north } = await serve({
      securityPolicy: { sessionTimeout: 120, absoluteSessionTimeout: 200 },
    });
    await person(north.id);
    const agent = server.userAgent();
    await arrive(agent, 'north');
    for (const seconds of [90, 90]) {
      later(seconds);
      expect(await askSilently(agent, 'north')).toBe('signed in');
    }
    later(90);
    expect(await askSilently(agent, 'north')).toBe('login_required');
  });

  it('are as many as it allows', async () => {
    const { north, south } = await serve({ securityPolicy: { maxConcurrentSessions: 1 } });
    const people = [await person(north.id), await person(south.id)];
    for (const organization of ['north', 'north', 'south', 'south']) {
      await arrive(server.userAgent(), organization);
      later(1);
    }
    const counts = await Promise.all(people.map(async ({ id }) => (await tenant.sessions.list(id)).length));
    expect(counts).toEqual([1, 2]);
  });
});

describe('networks of an application tenant', () => {
  const from = (address: string) => server.userAgent({ 'X-Forwarded-For': address });
  const ours = '192.0.2.7';
  const elsewhere = '198.51.100.7';

  it('are the only ones where its people sign in, with a password and with a passkey', async () => {
    const { north, south } = await serve({ securityPolicy: { ipRestrictions: ['192.0.2.0/24'] } });
    const ada = await person(north.id);
    await person(south.id);
    expect((await enter(from(elsewhere), 'north')).status).toBe(403);
    expect((await enter(from(elsewhere), 'south')).status).toBe(200);
    expect((await enter(from(ours), 'north')).status).toBe(200);

    const passkey = await addPasskey(tenant, ada);
    for (const [address, status] of [
      [elsewhere, 403],
      [ours, 200],
    ] as const) {
      const agent = from(address);
      const page = await agent.open(authorizationRequest(tenant).url);
      const response = passkey.get(passkeyOptions(page));
      expect((await agent.submitTo(page, 'passkey', { response })).status).toBe(status);
    }
  });

  it('hold for sessions, the account area and the forms that send mails', async () => {
    const { north } = await serve({ securityPolicy: { ipDenyList: ['198.51.100.0/24'] } });
    await person(north.id);
    const agent = from(ours);
    await arrive(agent, 'north');
    const moved = server.userAgent({ 'X-Forwarded-For': elsewhere });
    for (const cookie of await agent.jar.getCookies(`${server.origin}/acme/`)) {
      await moved.jar.setCookie(cookie, `${server.origin}/acme/`);
    }
    expect(await askSilently(moved, 'north')).toBe('login_required');
    expect((await moved.open('/acme/account')).status).toBe(403);
    for (const page of ['sign-up', 'forgotten-password']) {
      const form = await moved.open(`/acme/${page}?organization=north`);
      expect((await moved.submit(form, { email: 'ada@example.com' })).status, page).toBe(403);
    }
    expect(await server.mails()).toEqual([]);
  });
});

describe('an application tenant whose people come by a sign-in source alone', () => {
  it('takes no password and no passkey of theirs, and offers neither', async () => {
    const { north } = await serve({ signInSources: ['src_corporate'] });
    const ada = await person(north.id);
    const passkey = await addPasskey(tenant, ada);
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant, { organization: 'north' }).url);
    expect(page.document.querySelector('#password')).toBeNull();
    expect(page.document.querySelector('form[data-passkey]')).toBeNull();
    expect(textOf(page)).not.toContain('Forgotten');
    for (const path of ['sign-up', 'forgotten-password']) {
      expect((await agent.open(`/acme/${path}?organization=north`)).status, path).toBe(404);
    }

    // By forms of a request that names nobody, sent back as if the address led there.
    const at = new Date().toISOString();
    const stores = applicationTenantsOf(tenant);
    const domains = [{ domain: 'example.com', challenge: 'x', addedAt: at, verifiedAt: at }];
    await stores.update(north.id, north.version, { domains });
    const pointer = { pk: 'ApplicationTenantDomain#example.com', sk: 'pointer' };
    await tenant.table.put({ ...pointer, applicationTenantId: north.id });
    expect((await signIn(server.userAgent(), tenant, 'ada@example.com')).status).toBe(401);
    const other = server.userAgent();
    const open = await other.open(authorizationRequest(tenant).url);
    const response = passkey.get(passkeyOptions(open));
    expect((await other.submitTo(open, 'passkey', { response })).status).toBe(401);
    const form = await other.open('/acme/forgotten-password');
    expect((await other.submit(form, { email: 'ada@example.com' })).status).toBe(200);
    expect(await server.mails()).toEqual([]);
  });
});

describe('a suspended application tenant', () => {
  async function suspend(id: string) {
    const stores = applicationTenantsOf(tenant);
    const present = await stores.get(id);
    await stores.update(id, present?.version ?? '', { status: 'suspended' });
  }

  it('answers the right password, and a passkey, as it answers wrong ones', async () => {
    const { north } = await serve({});
    const ada = await person(north.id);
    const passkey = await addPasskey(tenant, ada);
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant, { organization: 'north' }).url);
    const wrong = await agent.submit(page, { email: 'ada@example.com', password: 'Wrong horse 1!' });
    await suspend(north.id);
    const right = await agent.submit(wrong, { email: 'ada@example.com', password });
    expect([right.status, textOf(right)]).toEqual([401, textOf(wrong)]);

    const unknown = createSoftwareAuthenticator({ origin: server.origin });
    unknown.create(await tenant.factorsAt(Date).passkeys.registrationOptions(ada, 'nowhere'));
    const answers = [];
    for (const authenticator of [unknown, passkey]) {
      const other = server.userAgent();
      const opened = await other.open(authorizationRequest(tenant).url);
      const response = authenticator.get(passkeyOptions(opened));
      const answer = await other.submitTo(opened, 'passkey', { response });
      answers.push([answer.status, textOf(answer)]);
    }
    expect(answers[1]).toEqual(answers[0]);
  });

  it('ends a sign-in that was half done, without sending the browser in circles', async () => {
    const { north } = await serve({ securityPolicy: { requireMFA: true } });
    await person(north.id);
    const agent = server.userAgent();
    const half = await enter(agent, 'north');
    expect(half.url.pathname).toMatch(/\/enrol-factor$/);
    await suspend(north.id);
    const again = await agent.open(half.url);
    expect(again.document.querySelector('#password')).not.toBeNull();
    expect((await agent.submit(again, { email: 'ada@example.com', password })).status).toBe(401);
  });

  it('ends sessions, refresh tokens and the account area, until it is active again', async () => {
    const { north } = await serve({});
    await person(north.id);
    const agent = server.userAgent();
    const tokens = await redeem(tenant, await arrive(agent, 'north'));
    const offline = await redeem(
      tenant,
      await arrive(agent, 'north', { scope: 'openid offline_access', prompt: 'login consent' }),
    );
    await suspend(north.id);
    // Nobody can ask for it any more, and who asks for nobody is nobody.
    const silent = await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url);
    expect(silent.url.searchParams.get('error')).toBe('login_required');
    expect(await askSilently(agent, 'north')).toBe('invalid_request');
    expect(await refresh(tokens.refresh_token)).toBe(400);
    expect(await refresh(offline.refresh_token)).toBe(400);
    const userinfo = await fetch(`${tenant.issuer}/me`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(userinfo.status).toBe(401);
    expect((await agent.open('/acme/account')).url.pathname).toContain('/interaction/');
  });

  it('takes no invitation and no link to a new password', async () => {
    const { north } = await serve({});
    await person(north.id);
    const agent = server.userAgent();
    const form = await agent.open('/acme/forgotten-password?organization=north');
    await agent.submit(form, { email: 'ada@example.com' });
    const link = await latestLink(server, 'ada@example.com');
    const invited = await tenant.accounts.create({
      applicationTenantId: north.id,
      email: 'bob@example.com',
      name: 'Bob',
      roles: [],
    });
    const token = await issueInvitation(tenant, invited);
    await suspend(north.id);
    expect((await agent.open(link)).status).toBe(404);
    expect((await agent.open(`/acme/invitation/${token}`)).status).toBe(404);
  });
});
