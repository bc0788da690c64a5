import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Arrival } from '../support/user-agent.ts';
import { createTenantServer, password, type TenantServer, textOf } from './tenant-server.ts';

let server: TenantServer;
beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  for (const { clients, accounts } of server.tenants) {
    await clients.create({ clientId: 'tv', name: 'Television', type: 'device' });
    const { id } = await accounts.create({ email: 'ann@acme.example', name: 'Ann', roles: [] });
    await accounts.setPassword(id, password);
  }
});
afterAll(() => server.close());

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

async function ask(path: string, form: Record<string, string>, tenant = server.tenant) {
  const response = await fetch(`${tenant.issuer}${path}`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'tv', ...form }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

const begin = async () => (await ask('/device/auth', { scope: 'openid offline_access' })).body;
const poll = (code: string | undefined, tenant = server.tenant) =>
  ask('/token', { grant_type: grantType, device_code: code ?? '' }, tenant);

/** From the page of the code through confirmation and sign-in to what the person sees at last. */
async function connect(agent: ReturnType<TenantServer['userAgent']>, userCode: string): Promise<Arrival> {
  const page = await agent.open(`${server.tenant.issuer}/device`);
  const confirm = await agent.submit(page, { user_code: userCode });
  expect(textOf(confirm)).toContain(userCode);
  expect(textOf(confirm)).toContain('Television');
  let next = await agent.submit(confirm, {}, 'confirm=yes');
  if (next.document.querySelector('#password')) {
    next = await agent.submit(next, { email: 'ann@acme.example', password });
  }
  return next.url.pathname.includes('/interaction/') ? agent.submit(next) : next;
}

describe('a device', () => {
  it('is connected by somebody who compares its code, and gets its tokens once', async () => {
    const { device_code: code, user_code: userCode = '', verification_uri: uri } = await begin();
    expect(uri).toBe(`${server.tenant.issuer}/device`);
    expect(userCode).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
    expect((await poll(code)).body.error).toBe('authorization_pending');

    const done = await connect(server.userAgent(), userCode);
    expect(textOf(done)).toContain('Device connected');
    const answers = await Promise.all([poll(code), poll(code)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    const tokens = answers.find(({ status }) => status === 200)?.body;
    expect(tokens).toMatchObject({ id_token: expect.any(String), refresh_token: expect.any(String) });
    const again = await ask('/token', {
      grant_type: 'refresh_token',
      refresh_token: tokens?.refresh_token ?? '',
    });
    expect(again.status).toBe(200);
  });

  it('learns when the person refuses', async () => {
    const { device_code: code, user_code: userCode = '' } = await begin();
    const agent = server.userAgent();
    const page = await agent.open(`${server.tenant.issuer}/device`);
    const confirm = await agent.submit(page, { user_code: userCode });
    expect(textOf(await agent.submit(confirm, {}, 'abort=yes'))).toContain('Nothing was connected');
    expect((await poll(code)).body.error).toBe('access_denied');
  });

  it('is not connected at another tenant', async () => {
    const [, globex] = server.tenants;
    const { device_code: code, user_code: userCode = '' } = await begin();
    const agent = server.userAgent();
    const page = await agent.open(`${globex?.issuer}/device`);
    expect(textOf(await agent.submit(page, { user_code: userCode }))).toContain('There is no such code');
    expect((await poll(code, globex)).body.error).toBe('invalid_grant');
    expect((await poll(code)).body.error).toBe('authorization_pending');
  });

  it('has a code that counts for one person', async () => {
    const { user_code: userCode = '' } = await begin();
    await connect(server.userAgent(), userCode);
    const agent = server.userAgent();
    const page = await agent.open(`${server.tenant.issuer}/device`);
    expect(textOf(await agent.submit(page, { user_code: userCode }))).toContain('This code has been used');
  });

  it('cannot use another flow, nor another client this one', async () => {
    const { tenant } = server;
    const page = await fetch(
      `${tenant.issuer}/auth?client_id=tv&response_type=code&redirect_uri=https://a.example/&scope=openid`,
    );
    expect(page.status).toBe(400);
    await tenant.clients.create({
      clientId: 'phone',
      name: 'Phone',
      type: 'native',
      redirectUris: ['com.example.phone:/cb'],
    });
    expect((await ask('/device/auth', { client_id: 'phone', scope: 'openid' })).status).toBe(400);
  });
});

describe('the page for codes', () => {
  it('puts a code of its address into the field, runs no script, and asks again for a wrong one', async () => {
    const { verification_uri_complete: complete = '', user_code: userCode } = await begin();
    const agent = server.userAgent();
    const page = await agent.open(complete);
    expect(page.document.querySelector('#user_code')?.getAttribute('value')).toBe(userCode);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.body).not.toContain('<script');
    for (const wrong of ['BBBB-BBBB', '', '../../x', 'ä'.repeat(50)]) {
      expect(textOf(await agent.submit(page, { user_code: wrong }))).toMatch(
        /There is no such code|could not/,
      );
    }
  });

  it('takes no form of another page', async () => {
    const { device_code: code, user_code: userCode = '' } = await begin();
    const agent = server.userAgent();
    const page = await agent.open(`${server.tenant.issuer}/device`);
    await agent.submit(page, { user_code: userCode, confirm: 'yes', xsrf: 'forged' });
    expect((await poll(code)).body.error).toBe('authorization_pending');
  });

  it('lets nobody try out codes', async () => {
    const form = () =>
      fetch(`${server.tenant.issuer}/device`, {
        method: 'POST',
        headers: { 'x-forwarded-for': '203.0.113.9' },
        body: new URLSearchParams({ user_code: 'BBBB-BBBB' }),
      });
    let last = await form();
    for (let count = 0; count < 20; count += 1) last = await form();
    expect(last.status).toBe(429);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await last.text()).toContain('Too many attempts');
  });
});
