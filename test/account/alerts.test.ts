import { afterAll, beforeAll, expect, it } from 'vitest';
import { addApp, addPasskey, addRecoveryCodes, createPerson } from '../interactions/factor-people.ts';
import {
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { mailsTo } from '../self-service/mail-links.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
});

afterAll(() => server.close());

async function textsTo(email: string): Promise<string[]> {
  return (await mailsTo(server, email)).map(({ text }) => text.replaceAll(/\s+/g, ' '));
}

it('tells that a recovery code was used, and of nothing when the code was wrong', async () => {
  const ada = await createPerson(tenant, 'recovery@example.com');
  await addApp(tenant, ada);
  const [code = ''] = await addRecoveryCodes(tenant, ada.id);
  const agent = server.userAgent();
  const page = await signIn(agent, tenant, 'recovery@example.com');
  const wrong = await agent.submitTo(page, 'recovery-code', { code: 'AAAA-AAAA-AAAA' });
  expect(wrong.status).toBe(401);
  expect(await textsTo('recovery@example.com')).toEqual([]);
  expect(textOf(await agent.submitTo(wrong, 'recovery-code', { code }))).toContain('asks for access');
  expect(await textsTo('recovery@example.com')).toEqual([
    expect.stringContaining('A recovery code of your account has been used'),
  ]);
});

it('tells that an expired password was replaced on the way in', async () => {
  const account = await createPerson(tenant, 'expired@example.com');
  const longAgo = { now: () => Date.now() - 400 * 86_400_000 };
  await tenant.accountsAt(longAgo).setPassword(account.id, password);
  const agent = server.userAgent({ 'X-Forwarded-For': '192.0.2.9' });
  const page = await signIn(agent, tenant, 'expired@example.com', { ui_locales: 'de' });
  const chosen = { password: 'Another horse 2!', confirmation: 'Another horse 2!' };
  expect((await agent.submit(page, { password, confirmation: password })).status).toBe(422);
  expect(await textsTo('expired@example.com')).toEqual([]);
  await agent.submit(page, chosen);
  const [text = '', ...others] = await textsTo('expired@example.com');
  expect(others).toEqual([]);
  expect(text).toContain('Das Passwort Ihres Kontos wurde geändert');
  expect(text).toContain('192.0.2.9');
});

it('tells of a factor that was taken away in the account area', async () => {
  const ada = await createPerson(tenant, 'removed@example.com');
  const app = await addApp(tenant, ada);
  await addPasskey(tenant, ada);
  await addRecoveryCodes(tenant, ada.id);
  const agent = server.userAgent();
  const first = await agent.open('/acme/account/factors');
  const second = await agent.submit(first, { email: 'removed@example.com', password });
  const page = await agent.submitTo(second, 'totp', { code: app.code() });
  expect(page.url.pathname).toBe('/acme/account/factors');
  for (const name of ['remove-app', 'remove-passkey', 'new-codes', 'rename-passkey', 'add-passkey']) {
    expect((await agent.submitTo(page, name, { csrf: 'x' })).status, name).toBe(400);
  }
  expect(await textsTo('removed@example.com')).toEqual([]);
  await agent.submitTo(page, 'remove-app');
  expect(await textsTo('removed@example.com')).toEqual([
    expect.stringContaining('A second factor has been removed from your account: authenticator app'),
  ]);
});

it('limits the mails that an account can have sent to other addresses', async () => {
  await createPerson(tenant, 'sender@example.com');
  const agent = server.userAgent();
  const first = await agent.open('/acme/account/email');
  let page = await agent.submit(first, { email: 'sender@example.com', password });
  let sent = 0;
  while (page.status !== 429 && sent < 100) {
    sent += 1;
    page = await agent.submit(page, { email: `target${sent}@example.com` });
  }
  expect(page.status).toBe(429);
  expect(page.headers.get('retry-after')).toMatch(/^\d+$/);
  const targets = (await server.mails()).filter(({ to }) => to.startsWith('target'));
  expect(targets.length).toBe(sent - 1);
});
