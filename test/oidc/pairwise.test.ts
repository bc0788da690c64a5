import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTenant,
  obtainCode,
  post,
  readJwks,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

const orders = 'https://orders.example/';
let tenant: TestTenant;
let other: TestTenant;
beforeAll(async () => {
  [tenant, other] = await Promise.all([createTenant(), createTenant({ slug: 'globex' })]);
});
afterAll(() => Promise.all([tenant.close(), other.close()]));

async function register(at: TestTenant, input: object = {}) {
  const { client, clientSecret } = await at.clients.create({
    name: 'Web',
    type: 'web',
    redirectUris: [redirectUri],
    subjectType: 'pairwise',
    ...input,
  });
  return { clientId: client.clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
}
type Client = Awaited<ReturnType<typeof register>>;

/** Signs `person` in and redeems the code, at another process if told so. */
async function signIn(
  at: TestTenant,
  client: Client,
  {
    person = 'sub-1',
    base = at.base,
    ...parameters
  }: { person?: string; base?: string; resource?: string } = {},
) {
  const issued = await obtainCode(at, at.userAgent(), {
    client_id: client.clientId,
    login_hint: person,
    ...parameters,
  });
  const { status, body } = await post(`${base}/token`, client, redemption(issued));
  expect(status, JSON.stringify(body)).toBe(200);
  return body as { id_token: string; access_token: string };
}
const subjectOf = async (...question: Parameters<typeof signIn>) =>
  decodeJwt((await signIn(...question)).id_token).sub;

describe('a client with pairwise subjects', () => {
  it('knows its people by a name that no other sector has, nor another tenant, and always the same', async () => {
    const one = await register(tenant);
    const sameHost = await register(tenant);
    const sector = { sectorIdentifierUri: 'https://elsewhere.example/sector.json' };
    const otherSector = await register(tenant, sector);
    const subject = await subjectOf(tenant, one);
    expect(subject).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await subjectOf(tenant, one)).toBe(subject);
    expect(await subjectOf(tenant, one, { base: await tenant.another() })).toBe(subject);
    expect(await subjectOf(tenant, sameHost)).toBe(subject);
    expect(await subjectOf(tenant, one, { person: 'sub-2' })).not.toBe(subject);
    expect(await subjectOf(tenant, otherSector)).not.toBe(subject);
    expect(await subjectOf(other, await register(other))).not.toBe(subject);
    expect(await subjectOf(tenant, await register(tenant, { subjectType: 'public' }))).toBe('sub-1');
  });

  it('is told no other name, wherever it asks', async () => {
    const api = await register(tenant, { type: 'm2m', redirectUris: [], subjectType: undefined });
    await tenant.resources.put({
      indicator: orders,
      name: 'Orders',
      scopes: [],
      accessTokenFormat: 'jwt',
      accessTokenTtlSeconds: 120,
    });
    await tenant.resources.put({
      indicator: `${orders}opaque`,
      name: 'Orders',
      scopes: [],
      accessTokenFormat: 'opaque',
      accessTokenTtlSeconds: 120,
      introspectionClientIds: [api.clientId],
    });
    const client = await register(tenant);
    const { id_token: idToken, access_token: token } = await signIn(tenant, client);
    const { sub } = decodeJwt(idToken);
    const userinfo = await fetch(`${tenant.base}/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(await userinfo.json()).toEqual({ sub });
    const introspect = async (by: Client, about: string) =>
      (await post(`${tenant.base}/token/introspection`, by, { token: about })).body;
    expect(await introspect(client, token)).toMatchObject({ active: true, sub });
    const jwt = await signIn(tenant, client, { resource: orders });
    expect(decodeJwt(jwt.access_token)).toMatchObject({ sub, aud: orders });
    const opaque = await signIn(tenant, client, { resource: `${orders}opaque` });
    expect(await introspect(api, opaque.access_token)).toMatchObject({ active: true, sub });
  });

  it('gets no tokens for the admin API, which knows nobody by such a name', async () => {
    const client = await register(tenant, { scopes: ['clients:read'] });
    const asked = { client_id: client.clientId, resource: tenant.adminApi, scope: 'openid clients:read' };
    await expect(obtainCode(tenant, tenant.userAgent(), asked)).rejects.toThrow('invalid_target');
  });
});

describe('userinfo', () => {
  it('is signed by the tenant for whoever wants it so', async () => {
    const client = await register(tenant, { subjectType: 'public', userinfoSignedResponseAlg: 'ES256' });
    const { access_token: token } = await signIn(tenant, client);
    const answer = await fetch(`${tenant.base}/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.headers.get('content-type')).toContain('application/jwt');
    const jwks = createLocalJWKSet(await readJwks(tenant));
    const { payload } = await jwtVerify(await answer.text(), jwks, {
      issuer: tenant.issuer,
      audience: client.clientId,
    });
    expect(payload).toMatchObject({ sub: 'sub-1' });
  });
});
