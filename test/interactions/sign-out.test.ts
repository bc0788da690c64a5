import { afterAll, beforeAll, expect, it } from 'vitest';
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

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
  const { id } = await tenant.accounts.create({ email: 'ada@example.com', name: 'Ada', roles: [] });
  await tenant.accounts.setPassword(id, password);
});

afterAll(() => server.close());

async function signedIn() {
  const agent = server.userAgent();
  const consent = await signIn(agent, tenant, 'ada@example.com');
  const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier: consent.verifier });
  return { agent, idToken: tokens.id_token ?? '' };
}

function endSession(parameters: Record<string, string>): string {
  return `${tenant.issuer}/session/end?${new URLSearchParams(parameters)}`;
}

it('asks, ends the session, and returns to the application', async () => {
  const { agent, idToken } = await signedIn();
  const page = await agent.open(
    endSession({
      id_token_hint: idToken,
      post_logout_redirect_uri: 'https://client.example/bye',
      state: 's',
    }),
  );
  expect(textOf(page)).toContain('Sign out?');
  expect(textOf(page)).toContain('Ledger');
  expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://client.example;");
  const arrival = await agent.submit(page, {}, 'logout=yes');
  expect(arrival.url.href).toBe('https://client.example/bye?state=s');
  expect(textOf(await agent.open(authorizationRequest(tenant).url))).toContain('Sign in');
});

it('shows its own page when there is nowhere to return to', async () => {
  const { agent } = await signedIn();
  const page = await agent.open(endSession({}));
  expect(textOf(page)).toContain('Sign out?');
  const done = await agent.submit(page, {}, 'logout=yes');
  expect(done.status).toBe(200);
  expect(textOf(done)).toContain('Your session has ended.');
});

it('is not done by a form without the session’s token', async () => {
  const { agent } = await signedIn();
  const page = await agent.open(endSession({}));
  const refused = await agent.submit(page, { xsrf: 'x' }, 'logout=yes');
  expect(refused.status).toBe(400);
  const still = await agent.open(authorizationRequest(tenant).url);
  expect(still.url.searchParams.get('code')).toBeTruthy();
});
