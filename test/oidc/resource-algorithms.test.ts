import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiResource } from '../../src/clients/api-resources.ts';
import { createTenant, post, type TestTenant } from './tenant-fixture.ts';

let tenant: TestTenant;
let machine: { clientId: string; clientSecret?: string | undefined };
beforeAll(async () => {
  tenant = await createTenant({
    keys: [
      { alg: 'ES256', state: 'active' },
      { alg: 'PS256', state: 'active' },
      { alg: 'RS256', state: 'retiring' },
    ],
  });
  const { client, clientSecret } = await tenant.clients.create({
    name: 'Job',
    type: 'm2m',
    scopes: ['orders:read'],
  });
  machine = { clientId: client.clientId, clientSecret };
});
afterAll(() => tenant.close());

async function tokenFor(signingAlgorithm: ApiResource['signingAlgorithm']) {
  const indicator = `https://${signingAlgorithm ?? 'default'}.example`.toLowerCase();
  await tenant.resources.put({
    indicator,
    name: 'Orders',
    scopes: ['orders:read'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 300,
    ...(signingAlgorithm === undefined ? {} : { signingAlgorithm }),
  });
  return post(`${tenant.base}/token`, machine, {
    grant_type: 'client_credentials',
    resource: indicator,
    scope: 'orders:read',
  });
}

it.each([
  [undefined, 'ES256'],
  ['PS256', 'PS256'],
] as const)('a resource that wants %s gets tokens signed with %s', async (wish, alg) => {
  const { status, body } = await tokenFor(wish);
  expect(status).toBe(200);
  expect(decodeProtectedHeader(body.access_token).alg).toBe(alg);
});

it('a resource that wants what the tenant cannot sign with gets no token, rather than another', async () => {
  const { status, body } = await tokenFor('RS256');
  expect(status).toBe(503);
  expect(body).toEqual({ error: 'temporarily_unavailable', error_description: 'try again in a moment' });
});
