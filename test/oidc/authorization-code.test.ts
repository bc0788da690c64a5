import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
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

describe('authorization code', () => {
  let tenant: TestTenant;
  let web: { clientId: string; clientSecret: string };
  let spa: { clientId: string };

  beforeAll(async () => {
    tenant = await createTenant();
    const registered = await tenant.clients.create({
      name: 'Web',
      type: 'web',
      redirectUris: [redirectUri],
      postLogoutRedirectUris: ['https://client.example/bye'],
    });
    web = { clientId: registered.client.clientId, clientSecret: String(registered.clientSecret) };
    const { client } = await tenant.clients.create({ name: 'Spa', type: 'spa', redirectUris: [redirectUri] });
    spa = { clientId: client.clientId };
  });
  afterAll(() => tenant.close());

  const authorize = (parameters: Record<string, string>) =>
    tenant.userAgent().open(
      `${tenant.issuer}/auth?${new URLSearchParams({
        client_id: web.clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        login_hint: 'sub-1',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        ...parameters,
      })}`,
    );

  it('gives a verifiable ID token and names the issuer in the answer (RFC 9207)', async () => {
    const arrival = await authorize({ state: 'abc' });
    expect(arrival.url.searchParams.get('iss')).toBe(tenant.issuer);
    expect(arrival.url.searchParams.get('state')).toBe('abc');

    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: web.clientId, nonce: 'n-1' });
    const { status, body } = await post(`${tenant.base}/token`, web, redemption(code));

    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'openid' });
    const jwks = createLocalJWKSet(await readJwks(tenant));
    const { payload } = await jwtVerify(body.id_token, jwks, {
      issuer: tenant.issuer,
      audience: web.clientId,
    });
    expect(payload).toMatchObject({ sub: 'sub-1', nonce: 'n-1' });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(600);
    expect(decodeProtectedHeader(body.id_token)).toMatchObject({ alg: 'ES256', kid: 'key-0' });
  });

  it.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['implicit', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['hybrid', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['an unknown resource', { resource: 'https://nowhere.example' }, 'invalid_target'],
    ['an endless resource', { resource: `https://nowhere.example/${'a'.repeat(3000)}` }, 'invalid_target'],
  ])('refuses %s', async (_what, parameters, error) => {
    const arrival = await authorize(parameters);
    const answer = new URLSearchParams(arrival.url.search || arrival.url.hash.slice(1));
    expect(answer.get('error')).toBe(error);
    expect(answer.get('code')).toBeNull();
  });

  it.each([
    `${redirectUri}/`,
    `${redirectUri}?x=1`,
    'https://client.example:8443/callback',
    'https://evil.example',
  ])('sends nobody to the unregistered %s', async (uri) => {
    const arrival = await authorize({ redirect_uri: uri });
    expect(arrival.url.origin).toBe(new URL(tenant.issuer).origin);
    expect(arrival.status).toBe(400);
  });

  it('refuses a wrong verifier, and another client', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: web.clientId });
    const wrong = { ...code, verifier: 'x'.repeat(43) };
    expect(await post(`${tenant.base}/token`, web, redemption(wrong))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await post(`${tenant.base}/token`, spa, redemption(code))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await post(`${tenant.base}/token`, web, redemption(code))).status).toBe(200);
  });

  it('takes a secret in the header or in the body, and no wrong one', async () => {
    const form = { grant_type: 'authorization_code', code: 'none', redirect_uri: redirectUri };
    const wrong = await post(`${tenant.base}/token`, { ...web, clientSecret: 'wrong' }, form);
    const unhashed = (await tenant.table.get({ pk: 'Client', sk: web.clientId }))?.clientSecretHash;
    const hash = await post(`${tenant.base}/token`, { ...web, clientSecret: String(unhashed) }, form);
    const none = await post(`${tenant.base}/token`, { clientId: web.clientId }, form);
    const body = await post(
      `${tenant.base}/token`,
      { clientId: web.clientId },
      { ...form, client_secret: web.clientSecret },
    );
    const header = await post(`${tenant.base}/token`, web, form);

    for (const answer of [wrong, hash, none]) {
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    }
    for (const answer of [body, header]) expect(answer.body.error).toBe('invalid_grant');
  });

  it('signs out, and ends the refresh tokens that depend on the session', async () => {
    const agent = tenant.userAgent();
    const bound = await obtainCode(tenant, agent, { client_id: web.clientId });
    const online = await post(`${tenant.base}/token`, web, redemption(bound));
    const offlineCode = await obtainCode(tenant, tenant.userAgent(), {
      client_id: web.clientId,
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    const offline = await post(`${tenant.base}/token`, web, redemption(offlineCode));
    const refresh = (token: string) =>
      post(`${tenant.base}/token`, web, { grant_type: 'refresh_token', refresh_token: token });
    const second = await refresh(online.body.refresh_token);
    expect(second.status).toBe(200);

    const page = await agent.open(
      `${tenant.issuer}/session/end?${new URLSearchParams({
        id_token_hint: online.body.id_token,
        post_logout_redirect_uri: 'https://client.example/bye',
      })}`,
    );
    const after = await agent.submit(page, {}, 'logout=yes');

    expect(after.url.href).toBe('https://client.example/bye');
    expect(await refresh(second.body.refresh_token)).toMatchObject({ body: { error: 'invalid_grant' } });
    expect((await refresh(offline.body.refresh_token)).status).toBe(200);
  });

  it('keeps the session cookie in its tenant, out of reach of scripts', async () => {
    const agent = tenant.userAgent();
    await obtainCode(tenant, agent, { client_id: web.clientId });
    const [session] = (await agent.jar.getCookies(`${tenant.issuer}/auth`)).filter(
      ({ key }) => key === '_session',
    );
    expect(session).toMatchObject({ path: '/acme', httpOnly: true, sameSite: 'lax' });
    expect(await agent.jar.getCookies(`${tenant.issuer}-2/auth`)).toEqual([]);
  });

  it.each(['x'.repeat(5000), '../x', '__proto__', 'a#b', '%00', ''])(
    'answers 400 to the code %o',
    async (code) => {
      const answer = await post(`${tenant.base}/token`, web, redemption({ code, verifier: 'x'.repeat(43) }));
      expect(answer.status).toBe(400);
    },
  );

  it('lets scripts call from the origins of the client only', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'none' };
    const own = await post(`${tenant.base}/token`, spa, form, { origin: 'https://client.example' });
    const other = await post(`${tenant.base}/token`, spa, form, { origin: 'https://evil.example' });
    const confidential = await post(`${tenant.base}/token`, web, form, { origin: 'https://client.example' });
    const sandboxed = await post(`${tenant.base}/token`, spa, form, { origin: 'null' });

    expect(own.headers.get('access-control-allow-origin')).toBe('https://client.example');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect(confidential.headers.get('access-control-allow-origin')).toBeNull();
    expect(sandboxed.headers.get('access-control-allow-origin')).toBeNull();
  });
});
