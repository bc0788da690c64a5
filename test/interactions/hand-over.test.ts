import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Arrival } from '../support/user-agent.ts';
import { createPerson } from './factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  redeem,
  redirectUri,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
  await createPerson(tenant, 'ada@example.com');
});
afterAll(() => server.close());

function formOn({ document }: Arrival): { action: string; fields: Record<string, string> } {
  const form = document.querySelector('form[data-hand-over]');
  const inputs = form?.querySelectorAll('input') ?? [];
  return {
    action: form?.getAttribute('action') ?? '',
    fields: Object.fromEntries(
      inputs.map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
    ),
  };
}

const state = `"'><script>alert(1)</script>&amp;`;

it('gives the answer to a client by a page of the tenant’s, in the person’s language', async () => {
  const agent = server.userAgent();
  const parameters = { response_mode: 'form_post', ui_locales: 'ar', state };
  const { verifier, ...consent } = await signIn(agent, tenant, 'ada@example.com', parameters);
  const page = await agent.submit(consent);
  expect(page.status).toBe(200);
  expect(page.document.querySelector('html')?.attributes).toMatchObject({ lang: 'ar', dir: 'rtl' });
  expect(page.body).not.toContain('<script>alert');
  const { action, fields } = formOn(page);
  expect(action).toBe(redirectUri);
  expect(fields).toMatchObject({ state, iss: tenant.issuer });
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("form-action 'self' https://client.example");
  expect(policy).not.toContain('sha256');
  const url = new URL(`${redirectUri}?code=${fields.code}`);
  expect(await redeem(tenant, { url, verifier })).toHaveProperty('id_token');
});

it('gives an error in the same way, with its status', async () => {
  const asked = authorizationRequest(tenant, { response_mode: 'form_post', prompt: 'none', state });
  const page = await server.userAgent().open(asked.url);
  expect(page.status).toBe(400);
  expect(page.document.querySelector('html')?.getAttribute('lang')).toBe('en');
  expect(formOn(page).fields).toMatchObject({ error: 'login_required', state });
});

it('signs out nobody, and goes back to the application', async () => {
  const agent = server.userAgent();
  const query = new URLSearchParams({
    client_id: 'web-client',
    post_logout_redirect_uri: 'https://client.example/bye',
    ui_locales: 'de',
  });
  const page = await agent.open(`/acme/session/end?${query}`);
  expect(page.document.querySelector('html')?.getAttribute('lang')).toBe('de');
  expect(formOn(page).action).toBe(`${tenant.issuer}/session/end/confirm`);
  const back = await agent.submit(page);
  expect(back.url.href).toContain('https://client.example/bye');
});
