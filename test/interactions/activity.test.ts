import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAreaPeople, formOf } from '../account/area-people.ts';
import { latestLink, setSignUp } from '../self-service/mail-links.ts';
import { issueInvitation } from '../support/invitation.ts';
import { startOpenidProvider } from '../support/openid-provider.ts';
import { addApp, addRecoveryCodes, createPerson } from './factor-people.ts';
import { createFederatedBrowsers, freshEmail, person as personOf } from './federated-browsers.ts';
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
beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'], freeFailures: 2 });
  tenant = server.tenant;
  await setSignUp(tenant, 'open');
});
afterAll(() => server.close());

const { enter } = createAreaPeople(() => server);
const chosen = { password, confirmation: password };

/** What was noted of somebody, the oldest first. */
async function activitiesOf(userId: string, at = tenant) {
  return (await at.activities()).filter((one) => one.userId === userId).reverse();
}
const kindsOf = async (userId: string) => (await activitiesOf(userId)).map(({ kind }) => kind);

async function attempt(email: string, typed: string, at = tenant) {
  const agent = server.userAgent();
  const page = await agent.open(authorizationRequest(at).url);
  return agent.submit(page, { email, password: typed });
}

describe('what is noted of a sign-in', () => {
  it('is one thing, with what proved it and for which application', async () => {
    const { id } = await createPerson(tenant, 'one@example.com');
    const agent = server.userAgent({ 'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Firefox/140.0' });
    await signIn(agent, tenant, 'one@example.com');
    expect(await activitiesOf(id)).toEqual([
      {
        id: expect.any(String),
        at: expect.any(String),
        kind: 'signed-in',
        applicationTenantId: 'default',
        userId: id,
        clientId: 'web-client',
        methods: ['pwd'],
        address: '127.0.0.1',
        device: 'Firefox on Windows',
      },
    ]);
  });

  it('is what was allowed, too, and that it ended', async () => {
    const { id } = await createPerson(tenant, 'ends@example.com');
    const agent = server.userAgent();
    await agent.submit(await signIn(agent, tenant, 'ends@example.com'));
    await agent.submit(await agent.open(`${tenant.issuer}/session/end`), {}, 'logout=yes');
    expect(await activitiesOf(id)).toMatchObject([
      { kind: 'signed-in' },
      { kind: 'application-allowed', clientId: 'web-client' },
      { kind: 'signed-out' },
    ]);
  });

  it('that fails is whose it would have been, and nothing of what was typed', async () => {
    const { id } = await createPerson(tenant, 'fails@example.com');
    await attempt('fails@example.com', 'Mistyped horse 1!');
    await attempt('fails@example.com', 'Mistyped horse 2!');
    await attempt('fails@example.com', 'Mistyped horse 3!');
    const kinds = (await kindsOf(id)).sort();
    expect(kinds.filter((kind) => kind === 'sign-in-failed').length).toBeGreaterThan(0);
    expect(kinds).toContain('lockout');
    await attempt('nobody-typed@example.com', 'Mistyped horse 1!');
    const ofNobody = (await tenant.activities()).filter(({ userId }) => userId === undefined);
    expect(ofNobody).toMatchObject([{ kind: 'sign-in-failed', reason: 'password' }]);
    for await (const item of tenant.table.scan()) {
      expect(JSON.stringify(item)).not.toMatch(/Mistyped|nobody-typed/);
    }
  });

  it('is the second step that was wrong', async () => {
    const account = await createPerson(tenant, 'steps@example.com');
    const app = await addApp(tenant, account);
    await addRecoveryCodes(tenant, account.id);
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, 'steps@example.com');
    const again = await agent.submit(page, { code: '000000' });
    expect(await activitiesOf(account.id)).toMatchObject([{ kind: 'sign-in-failed', reason: 'totp' }]);
    await agent.submit(again, { code: app.code() });
    expect((await activitiesOf(account.id)).at(-1)).toMatchObject({
      kind: 'signed-in',
      methods: ['pwd', 'otp', 'mfa'],
    });
  });

  it('stays with its tenant', async () => {
    const other = server.tenants[1] as ServedTenant;
    const here = await createPerson(tenant, 'both@example.com');
    const there = await createPerson(other, 'both@example.com');
    await attempt('both@example.com', password, other);
    await attempt('both@example.com', 'Mistyped horse 1!', other);
    expect(await activitiesOf(here.id)).toEqual([]);
    expect((await tenant.activities()).some(({ userId }) => userId === there.id)).toBe(false);
    expect((await activitiesOf(there.id, other)).map(({ kind }) => kind)).toEqual([
      'signed-in',
      'sign-in-failed',
    ]);
  });
});

describe('what is noted of an account', () => {
  it('is how it came to be', async () => {
    const agent = server.userAgent();
    await agent.submit(await agent.open('/acme/sign-up'), { email: 'new@example.com' });
    await agent.submit(await agent.open(await latestLink(server, 'new@example.com')), {
      name: 'New',
      ...chosen,
    });
    const signedUp = await tenant.accounts.findByEmail('default', 'new@example.com');
    expect(await kindsOf(signedUp?.id ?? '')).toEqual(['signed-up']);

    const invited = await tenant.accounts.create({ email: 'guest@example.com', name: 'Guest', roles: [] });
    const token = await issueInvitation(tenant, invited);
    await agent.submit(await agent.open(`/acme/invitation/${token}`), chosen);
    expect(await kindsOf(invited.id)).toEqual(['invitation-accepted']);
  });

  it('is who came by a sign-in source for the first time, and whom it did not vouch for', async () => {
    const upstream = await startOpenidProvider();
    try {
      const { addSource, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));
      const source = await addSource();
      const email = freshEmail();
      upstream.user = personOf(email);
      const { sub } = await claimsAt(await signInBy(source));
      await claimsAt(await signInBy(source));
      const noted = await activitiesOf(String(sub));
      expect(noted.filter(({ kind }) => kind === 'signed-up')).toMatchObject([{ factor: 'Corp Login' }]);
      expect(noted.filter(({ kind }) => kind === 'signed-in')).toMatchObject([
        { methods: ['fed'] },
        { methods: ['fed'] },
      ]);
      upstream.user = personOf(freshEmail(), { email_verified: false });
      await signInBy(source);
      expect(await tenant.activities()).toContainEqual(
        expect.objectContaining({ kind: 'sign-in-failed', reason: 'source', factor: 'Corp Login' }),
      );
    } finally {
      await upstream.close();
    }
  });

  it('is what its owner changes, and that they took their data; the data have it', async () => {
    const { id } = await createPerson(tenant, 'owner@example.com');
    const { agent, page } = await enter('owner@example.com');
    await enter('owner@example.com');
    await agent.submit(formOf(page, '/save'), { name: 'Ada L.' });
    const form = formOf(await agent.open('/acme/account/password'), '/change');
    await agent.submit(form, { present: 'Mistyped horse 1!', ...chosen });
    const next = { password: 'Another horse 2!', confirmation: 'Another horse 2!' };
    await agent.submit(form, { present: password, ...next });
    await agent.submit(formOf(await agent.open('/acme/account/sessions'), '/end-others'));
    const data = await agent.submit(formOf(await agent.open('/acme/account/data'), '/download'));
    expect(await kindsOf(id)).toEqual([
      'signed-in',
      'signed-in',
      'profile-changed',
      'password-refused',
      'password-changed',
      'sessions-ended',
      'data-downloaded',
    ]);
    const kinds = JSON.parse(data.body).activity.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toContain('password-changed');
    expect(kinds).toContain('signed-in');
  });

  it('goes with it, except that it is gone', async () => {
    const { id } = await createPerson(tenant, 'leaves@example.com');
    const { agent, page } = await enter('leaves@example.com', '/data');
    await agent.submit(formOf(page, '/delete'), { email: 'leaves@example.com' });
    expect(await kindsOf(id)).toEqual(['account-deleted']);
  });
});
