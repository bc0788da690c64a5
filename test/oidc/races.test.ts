import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactKey } from '../../src/oidc/storage/artifact.ts';
import {
  createTenant,
  obtainCode,
  post,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

describe('parallel redemption', () => {
  let tenant: TestTenant;
  let bases: string[];
  let client: { clientId: string; clientSecret: string };

  beforeAll(async () => {
    tenant = await createTenant();
    bases = [tenant.base, await tenant.another()];
    client = await registerWebClient(tenant);
  });
  afterAll(() => tenant.close());

  async function postToBoth(form: Record<string, string>) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post(`${bases[index % 2]}/token`, client, form)),
    );
    return {
      winners: answers.filter(({ status }) => status === 200),
      losers: answers.filter(({ status }) => status !== 200),
    };
  }

  it.each([1, 2, 3])('redeems a code once over two runtimes (round %i)', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });

    const { winners, losers } = await postToBoth(redemption(code));

    expect(winners).toHaveLength(1);
    expect(losers.map(({ status, body }) => `${status} ${body.error}`)).toEqual(
      Array(19).fill('400 invalid_grant'),
    );
  });

  it.each([1, 2, 3])('rotates a refresh token once over two runtimes (round %i)', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    const { body: tokens } = await post(`${tenant.base}/token`, client, redemption(code));

    const { winners, losers } = await postToBoth({
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });

    expect(winners).toHaveLength(1);
    expect(losers.map(({ status, body }) => `${status} ${body.error}`)).toEqual(
      Array(19).fill('400 invalid_grant'),
    );
  });

  it('leaves nothing behind of the requests that lost', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    const issued = await tenant.table.get(artifactKey('AuthorizationCode', code.code));

    const { winners } = await postToBoth(redemption(code));

    const { items } = await tenant.table.query({ index: 'gsi1', pk: String(issued?.gsi1pk) });
    const tokens = items.map(({ pk }) => pk).filter((pk) => /^(AccessToken|RefreshToken)#/.test(pk));
    const winner = winners[0]?.body;
    // A straggler that came after the winner is a replay, and takes the winner's tokens with it.
    expect([
      artifactKey('AccessToken', winner.access_token).pk,
      artifactKey('RefreshToken', winner.refresh_token).pk,
    ]).toEqual(expect.arrayContaining(tokens));
  });
});

describe('replay', () => {
  let tenant: TestTenant;
  let client: { clientId: string; clientSecret: string };

  beforeAll(async () => {
    tenant = await createTenant();
    client = await registerWebClient(tenant);
  });
  afterAll(() => tenant.close());

  const refresh = (token: string) =>
    post(`${tenant.base}/token`, client, { grant_type: 'refresh_token', refresh_token: token });
  const userinfo = (token: string) =>
    fetch(`${tenant.base}/me`, { headers: { authorization: `Bearer ${token}` } });

  it('of a code revokes everything that it gave', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    const first = await post(`${tenant.base}/token`, client, redemption(code));
    expect((await userinfo(first.body.access_token)).status).toBe(200);

    const second = await post(`${tenant.base}/token`, client, redemption(code));

    expect(second).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await userinfo(first.body.access_token)).status).toBe(401);
    expect(await refresh(first.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('of a rotated refresh token revokes its successors', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    const first = await post(`${tenant.base}/token`, client, redemption(code));
    const second = await refresh(first.body.refresh_token);
    const third = await refresh(second.body.refresh_token);
    expect(third.status).toBe(200);

    expect(await refresh(first.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });

    expect((await refresh(third.body.refresh_token)).status).toBe(400);
    expect((await userinfo(third.body.access_token)).status).toBe(401);
  });

  it('of a pushed authorization request is refused', async () => {
    const pushed = await post(`${tenant.base}/request`, client, {
      client_id: client.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      login_hint: 'sub-1',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    });
    expect(pushed).toMatchObject({ status: 201 });
    const url = `${tenant.issuer}/auth?${new URLSearchParams({ client_id: client.clientId, request_uri: pushed.body.request_uri })}`;
    const agent = tenant.userAgent();
    // Signs in beforehand, so that all requests reach the consumption together.
    await obtainCode(tenant, agent, { client_id: client.clientId });

    const arrivals = await Promise.all(Array.from({ length: 10 }, () => agent.open(url)));

    expect(arrivals.filter((arrival) => arrival.url.searchParams.has('code'))).toHaveLength(1);
    expect(arrivals.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

describe('requests that overlap', () => {
  it('use a DPoP proof once over two runtimes', async () => {
    const tenant = await createTenant();
    const { client, clientSecret } = await tenant.clients.create({ name: 'Service', type: 'm2m' });
    const credentials = { clientId: client.clientId, clientSecret };
    const bases = [tenant.base, await tenant.another()];
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const proof = await new SignJWT({ htm: 'POST', htu: `${tenant.issuer}/token`, jti: 'proof-1' })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        post(`${bases[index % 2]}/token`, credentials, { grant_type: 'client_credentials' }, { dpop: proof }),
      ),
    );

    const accepted = answers.filter(({ status }) => status === 200);
    expect(accepted.map(({ body }) => body.token_type)).toEqual(['DPoP']);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(9);
    await tenant.close();
  });

  it('do not bring a session back that was ended meanwhile', async () => {
    let endSession = false;
    const tenant = await createTenant({
      wrapTables: (tables) => ({
        ...tables,
        open(name) {
          const table = tables.open(name);
          return {
            ...table,
            async get(key) {
              const item = await table.get(key);
              if (endSession && key.pk.startsWith('Session#')) await table.delete(key);
              return item;
            },
          };
        },
      }),
    });
    const client = await registerWebClient(tenant);
    const agent = tenant.userAgent();
    await obtainCode(tenant, agent, { client_id: client.clientId });
    const cookies = await agent.jar.getCookies(`${tenant.issuer}/auth`);
    const session = cookies.find(({ key }) => key === '_session')?.value;
    const key = artifactKey('Session', String(session));
    expect(await tenant.table.get(key)).toBeDefined();

    endSession = true;
    await obtainCode(tenant, agent, { client_id: client.clientId });

    expect(await tenant.table.get(key)).toBeUndefined();
    await tenant.close();
  });
});

async function registerWebClient(tenant: TestTenant) {
  const { client, clientSecret } = await tenant.clients.create({
    name: 'Web',
    type: 'web',
    redirectUris: [redirectUri],
  });
  return { clientId: client.clientId, clientSecret: String(clientSecret) };
}
