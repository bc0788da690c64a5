import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toClientDocument } from '../../src/clients/client-item.ts';
import { createTenant, post, type TestTenant } from './tenant-fixture.ts';

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await createTenant();
});
afterAll(() => tenant.close());

const { privateKey, publicKey } = await generateKeyPair('ES256');
const jwk = { ...(await exportJWK(publicKey)), kid: 'client-key', alg: 'ES256', use: 'sig' };

async function assertion(clientId: string, { key = privateKey, audience = tenant.issuer } = {}) {
  return new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'client-key' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1 minute')
    .sign(key);
}

function ask(clientId: string, clientAssertion: string) {
  return post(
    `${tenant.base}/token`,
    { clientId },
    {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: clientAssertion,
    },
  );
}

describe('private_key_jwt', () => {
  const wish = { name: 'Job', type: 'm2m', tokenEndpointAuthMethod: 'private_key_jwt' } as const;

  it('lets in who signs with a registered key, once', async () => {
    const { client, clientSecret } = await tenant.clients.create({ ...wish, jwks: { keys: [jwk] } });
    expect(clientSecret).toBeUndefined();
    const signed = await assertion(client.clientId);
    expect((await ask(client.clientId, signed)).status).toBe(200);
    expect(await ask(client.clientId, signed)).toMatchObject({ status: 401 });
  });

  it('takes the one algorithm that the client names, and no other', async () => {
    const { client } = await tenant.clients.create({
      ...wish,
      tokenEndpointAuthSigningAlg: 'PS256',
      jwks: { keys: [jwk] },
    });
    expect((await ask(client.clientId, await assertion(client.clientId))).status).toBe(401);
    await tenant.clients.change(client.clientId, (before) => ({
      ...toClientDocument(before),
      tokenEndpointAuthSigningAlg: 'ES256',
    }));
    expect((await ask(client.clientId, await assertion(client.clientId))).status).toBe(200);
  });

  it('refuses another key, another audience and another client', async () => {
    const { client } = await tenant.clients.create({ ...wish, jwks: { keys: [jwk] } });
    const { privateKey: foreign } = await generateKeyPair('ES256');
    for (const wrong of [
      await assertion(client.clientId, { key: foreign }),
      await assertion(client.clientId, { audience: 'https://elsewhere.example/acme' }),
      await assertion('somebody-else'),
    ]) {
      expect((await ask(client.clientId, wrong)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it('takes keys from where the client says they are, through the guard', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.setHeader('cache-control', 'max-age=31536000');
      response.end(JSON.stringify({ keys: [jwk] }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const at = (host: string) => tenant.clients.create({ ...wish, jwksUri: `http://${host}:${port}/jwks` });

    const { client } = await at('127.0.0.1');
    expect((await ask(client.clientId, await assertion(client.clientId))).status).toBe(200);
    expect(asked).toBe(1);
    // Not among the hosts that this deployment lets its tenants call.
    const { client: inner } = await at('localhost');
    expect((await ask(inner.clientId, await assertion(inner.clientId))).status).toBe(401);
    expect(asked).toBe(1);
    server.close();
  });
});

describe('two secrets', () => {
  it('count while the former one has its grace, and one afterwards', async () => {
    const { client, clientSecret: first = '' } = await tenant.clients.create({ name: 'Job', type: 'm2m' });
    const { clientId } = client;
    const statusWith = async (clientSecret: string) =>
      (await post(`${tenant.base}/token`, { clientId, clientSecret }, { grant_type: 'client_credentials' }))
        .status;
    const { clientSecret: second } = await tenant.clients.setNewSecret(clientId, { graceSeconds: 60 });
    expect([await statusWith(first), await statusWith(second)]).toEqual([200, 200]);
    expect(await statusWith(`${first} ${second}`)).toBe(401);
    await tenant.clients.endFormerSecret(clientId);
    expect([await statusWith(first), await statusWith(second)]).toEqual([401, 200]);
  });
});

describe('a disabled client', () => {
  it('is refused like an unknown one, and its tokens are not active', async () => {
    const api = await tenant.clients.create({ name: 'Api', type: 'm2m', clientId: 'the-api' });
    await tenant.resources.put({
      indicator: 'https://orders.example',
      name: 'Orders',
      scopes: ['orders:read'],
      accessTokenFormat: 'opaque',
      accessTokenTtlSeconds: 300,
      introspectionClientIds: ['the-api'],
    });
    const { client, clientSecret } = await tenant.clients.create({
      name: 'Job',
      type: 'm2m',
      scopes: ['orders:read'],
    });
    const job = { clientId: client.clientId, clientSecret };
    const issue = () =>
      post(`${tenant.base}/token`, job, {
        grant_type: 'client_credentials',
        resource: 'https://orders.example',
        scope: 'orders:read',
      });
    const isActive = async (token: string) =>
      (
        await post(
          `${tenant.base}/token/introspection`,
          { clientId: 'the-api', clientSecret: api.clientSecret },
          { token },
        )
      ).body.active;
    const { access_token: token } = (await issue()).body;
    expect(await isActive(token)).toBe(true);

    const setEnabled = (enabled: boolean) =>
      tenant.clients.change(job.clientId, (before) => ({ ...toClientDocument(before), enabled }));
    await setEnabled(false);
    const disabled = await issue();
    const unknown = await post(
      `${tenant.base}/token`,
      { clientId: 'nobody', clientSecret: 'x' },
      { grant_type: 'client_credentials' },
    );
    expect([disabled.status, disabled.body]).toEqual([unknown.status, unknown.body]);
    expect(await isActive(token)).toBe(false);
    const page = await fetch(`${tenant.base}/auth?client_id=${job.clientId}&response_type=code`);
    const unknownPage = await fetch(`${tenant.base}/auth?client_id=nobody&response_type=code`);
    expect([page.status, await page.text()]).toEqual([unknownPage.status, await unknownPage.text()]);

    await setEnabled(true);
    expect(await isActive(token)).toBe(true);
    await tenant.clients.remove(job.clientId);
    expect(await isActive(token)).toBe(false);
  });
});
