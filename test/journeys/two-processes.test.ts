import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import type { TenantStatus } from '../../src/kernel/tenant.ts';
import { testClock } from '../support/clock.ts';
import {
  basic,
  callApi,
  createInTenant,
  followOrder,
  isActive,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
  registrationOf,
} from '../support/onboarding.ts';
import { authorize, discover } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { sendRaw } from '../web/raw-request.ts';

const revalidateMs = 15_000;
const negativeMs = 5_000;
const clock = testClock(Date.now());

/** Does everything. */
let first: ProductServer;
/** Another process on the same storage, behind the same public URL; it only answers requests. */
let second: ProductServer;
let tenant: OnboardedTenant;
let robotSecret: string;

beforeAll(async () => {
  first = await startServer();
  second = await startServer({ beside: first, env: { MODE: 'serve' }, overrides: { clock } });
  tenant = await onboardTenant(first, { slug: 'acme' });
  const [robot] = await createInTenant(first, 'acme', await platformToken(first), {
    clients: [{ clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['orders:read'] }],
  });
  robotSecret = robot.clientSecret;
});
afterAll(async () => {
  await second.close();
  await first.close();
});

/** Asks the second process, which a load balancer would reach by the public URL. */
async function askSecond(
  path: string,
  { form, headers = [] }: { form?: Record<string, string>; headers?: string[] } = {},
) {
  const body = form === undefined ? '' : new URLSearchParams(form).toString();
  const answer = await sendRaw(
    second.port,
    [
      `${form === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
      `Host: ${new URL(first.origin).host}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      ...headers,
    ],
    body,
  );
  return { status: answer.status, body: JSON.parse(answer.body) as Record<string, string> };
}

const discovery = (slug: string) => `/${slug}/.well-known/openid-configuration`;

it('a code given by one process is redeemed at another, and its token is good at both', async () => {
  const { issuer, clientId, clientSecret = '', redirectUri, admin } = tenant;
  const application = await discover(issuer, clientId, clientSecret);
  const { arrival, checks } = await authorize(application, { redirectUri, user: admin });
  const { status, body } = await askSecond('/acme/token', {
    headers: [`Authorization: ${basic(clientId, clientSecret)}`],
    form: {
      grant_type: 'authorization_code',
      code: arrival.url.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: checks.pkceCodeVerifier,
    },
  });
  expect(status).toBe(200);

  const authorization = `Bearer ${body.access_token}`;
  const here = await fetch(`${issuer}/me`, { headers: { authorization } });
  const there = await askSecond('/acme/me', { headers: [`Authorization: ${authorization}`] });
  expect(there).toEqual({ status: 200, body: await here.json() });
});

it('an API resource that one process creates is known to the other within the bound', async () => {
  const ask = () =>
    askSecond('/acme/token', {
      headers: [`Authorization: ${basic('robot', robotSecret)}`],
      form: {
        grant_type: 'client_credentials',
        resource: 'https://orders.example/',
        scope: 'orders:read',
      },
    });
  expect(await ask()).toMatchObject({ status: 400, body: { error: 'invalid_target' } });

  await createInTenant(first, 'acme', await platformToken(first), {
    resources: [
      {
        indicator: 'https://orders.example/',
        name: 'Orders',
        scopes: ['orders:read'],
        accessTokenFormat: 'opaque',
        accessTokenTtlSeconds: 300,
      },
    ],
  });
  clock.advance(revalidateMs);
  expect(await ask()).toMatchObject({ status: 200, body: { scope: 'orders:read', expires_in: 300 } });
});

it('a suspension reaches the other process within the bound, and so does its end', async () => {
  const setStatus = async (status: TenantStatus) => {
    const record = await first.directory.get('acme' as Slug);
    if (!record) {
      throw new Error('the tenant is gone');
    }
    await first.directory.update(record.slug, record.id, (current) => ({ ...current, status }));
  };
  const statusAtSecond = async () => (await askSecond(discovery('acme'))).status;
  clock.advance(revalidateMs);
  expect(await statusAtSecond()).toBe(200);

  // Whoever waits for the directory for long goes on with what was known, so on a slow machine it takes more than one request.
  const eventually = { timeout: 40_000 };
  await setStatus('suspended');
  clock.advance(revalidateMs);
  await expect.poll(statusAtSecond, eventually).toBe(404);

  await setStatus('active');
  expect(await statusAtSecond()).toBe(404);
  clock.advance(negativeMs);
  await expect.poll(statusAtSecond, eventually).toBe(200);
});

it('a registration taken by one process is provisioned by the other, and answers at both', async () => {
  expect((await askSecond(discovery('late'))).status).toBe(404);
  const body = JSON.stringify(registrationOf({ slug: 'late' }));
  const answer = await sendRaw(
    second.port,
    [
      'POST /api/registrations HTTP/1.1',
      `Host: ${new URL(first.origin).host}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ],
    body,
  );
  expect(answer.status).toBe(202);
  const { orderId } = JSON.parse(answer.body) as { orderId: string };
  await followOrder(first, orderId, ({ status }) => status === 'In-Process');
  const token = await platformToken(first, 'registrations:decide');
  await callApi(first, 'POST', `/api/registrations/${orderId}/approve`, { token, body: {} });
  await followOrder(first, orderId, isActive);

  expect((await callApi(first, 'GET', discovery('late'))).status).toBe(200);
  clock.advance(negativeMs);
  expect((await askSecond(discovery('late'))).body.issuer).toBe(`${first.origin}/late`);
});
