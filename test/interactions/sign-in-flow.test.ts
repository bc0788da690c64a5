import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testClock } from '../support/clock.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
});
afterAll(() => server.close());

const next = { password: 'Another horse 2!', confirmation: 'Another horse 2!' };

/** Somebody whose password has expired: sign-in stops at the page for a new one. */
async function personWithOldPassword(email: string) {
  const { id } = await tenant.accounts.create({ email, name: 'Ada', roles: [], emailVerified: true });
  const longAgo = testClock(Date.now() - 91 * 86_400_000);
  await tenant.accountsAt(longAgo).setPassword(id, password);
  return id;
}

describe('a sign-in half done (B4)', () => {
  it('is at an address of its own, which a reload shows again', async () => {
    await personWithOldPassword('reload@example.com');
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, 'reload@example.com');
    expect(page.url.pathname).toMatch(/^\/acme\/interaction\/[\w-]+\/new-password$/);
    expect(textOf(await agent.open(page.url))).toContain('Choose a new password');
  });

  it('cannot be skipped', async () => {
    await personWithOldPassword('skip@example.com');
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, 'skip@example.com');
    const interaction = page.url.href.replace('/new-password', '');
    expect(textOf(await agent.open(new URL(interaction)))).toContain('Sign in');
    const resumed = await agent.open(new URL(interaction.replace('/interaction/', '/auth/')));
    expect(resumed.url.searchParams.get('code')).toBeNull();
    const silent = await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url);
    expect(silent.url.searchParams.get('error')).toBe('login_required');
  });

  it('belongs to the browser that began it', async () => {
    await personWithOldPassword('browser@example.com');
    const page = await signIn(server.userAgent(), tenant, 'browser@example.com');
    const stranger = server.userAgent();
    expect((await stranger.open(page.url)).status).toBe(400);
    expect((await stranger.submit(page, next)).status).toBe(400);
    expect(await tenant.accounts.verifyPassword('browser@example.com', password)).toBeDefined();
  });

  it('has no page before anything is proved', async () => {
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant).url);
    const early = await agent.open(new URL(`${page.url.href}/new-password`));
    expect(early.url.href).toBe(page.url.href);
    expect(textOf(early)).toContain('Sign in');
  });

  it('is over when the password is changed elsewhere', async () => {
    const id = await personWithOldPassword('elsewhere@example.com');
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, 'elsewhere@example.com');
    await tenant.accountsAt(testClock(Date.now() + 2_000)).setPassword(id, 'Changed horse 3!');
    expect(textOf(await agent.submit(page, next))).toContain('Sign in');
    expect(await tenant.accounts.verifyPassword('elsewhere@example.com', next.password)).toBeUndefined();
  });

  it('is over when the account is disabled', async () => {
    const id = await personWithOldPassword('gone@example.com');
    const agent = server.userAgent();
    const page = await signIn(agent, tenant, 'gone@example.com');
    await tenant.accounts.setDisabled(id, true);
    expect(textOf(await agent.submit(page, next))).toContain('Sign in');
  });
});
