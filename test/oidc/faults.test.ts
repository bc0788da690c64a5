import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createTestTables, testDynamodb } from '../support/services.ts';
import { createUserAgent } from '../support/user-agent.ts';
import {
  createTenant,
  obtainCode,
  post,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

interface Client {
  clientId: string;
  clientSecret?: string | undefined;
}

const orders = 'https://orders.example/';

async function register(tenant: TestTenant, input: Parameters<TestTenant['clients']['create']>[0]) {
  const { client, clientSecret } = await tenant.clients.create(input);
  return { clientId: client.clientId, clientSecret };
}

const registerWebClient = (tenant: TestTenant): Promise<Client> =>
  register(tenant, { name: 'Web', type: 'web', redirectUris: [redirectUri], scopes: ['orders:read'] });

describe('a failing key store', () => {
  let tenant: TestTenant;
  let web: Client;
  /** How many more signatures succeed; the one after them fails. */
  let signaturesLeft = Number.POSITIVE_INFINITY;

  beforeAll(async () => {
    tenant = await createTenant({
      wrapKeys: (keys) => ({
        ...keys,
        async sign(reference, alg, data) {
          if (signaturesLeft === 0) {
            signaturesLeft = Number.POSITIVE_INFINITY;
            throw new AppError('temporarily_unavailable', 'The key store does not answer.');
          }
          signaturesLeft -= 1;
          return keys.sign(reference, alg, data);
        },
      }),
    });
    await tenant.resources.put({
      indicator: orders,
      name: 'Orders',
      scopes: ['orders:read'],
      accessTokenFormat: 'jwt',
      accessTokenTtlSeconds: 300,
    });
    web = await registerWebClient(tenant);
  });
  afterAll(() => tenant.close());

  const ask = (form: Record<string, string>, client = web, headers: Record<string, string> = {}) =>
    post(`${tenant.base}/token`, client, form, headers);

  function expectUnavailable(answer: Awaited<ReturnType<typeof ask>>): void {
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  }

  it.each([
    { failing: 'its only signature', succeeding: 0, wish: { scope: 'openid' }, form: {} },
    ...[0, 1].map((succeeding) => ({
      failing: `signature ${succeeding + 1} of two`,
      succeeding,
      wish: { scope: 'openid orders:read', resource: orders },
      form: { resource: orders },
    })),
  ])('consumes no code when $failing fails', async ({ succeeding, wish, form }) => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: web.clientId, ...wish });
    const redeem = () => ask({ ...redemption(code), ...form });
    signaturesLeft = succeeding;

    expectUnavailable(await redeem());
    const retry = await redeem();

    expect(retry.status).toBe(200);
    expect(decodeProtectedHeader(retry.body.id_token).alg).toBe('ES256');
    expect(await redeem()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('rotates no refresh token, and leaves no successor', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), {
      client_id: web.clientId,
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    const { body: tokens } = await ask(redemption(code));
    const refresh = () => ask({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
    const kept = async () => {
      const items = await Array.fromAsync(tenant.table.scan());
      return items.filter(({ pk }) => /^(Access|Refresh)Token#/.test(pk)).length;
    };
    const before = await kept();
    signaturesLeft = 0;

    expectUnavailable(await refresh());
    expect(await kept()).toBe(before);
    const retry = await refresh();

    expect(retry.status).toBe(200);
    expect(retry.body.refresh_token).not.toBe(tokens.refresh_token);
    expect(await refresh()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('spends neither the assertion of a client nor its proof', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'client-key', alg: 'ES256', use: 'sig' };
    const { clientId } = await register(tenant, {
      name: 'Job',
      type: 'm2m',
      scopes: ['orders:read'],
      tokenEndpointAuthMethod: 'private_key_jwt',
      jwks: { keys: [jwk] },
    });
    const assertion = await new SignJWT({ jti: 'assertion-1' })
      .setProtectedHeader({ alg: 'ES256', kid: 'client-key' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(tenant.issuer)
      .setIssuedAt()
      .setExpirationTime('1 minute')
      .sign(privateKey);
    const dpop = await new SignJWT({ htm: 'POST', htu: `${tenant.issuer}/token`, jti: 'proof-1' })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);
    const form = {
      grant_type: 'client_credentials',
      resource: orders,
      scope: 'orders:read',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };
    const present = () => ask(form, { clientId }, { dpop });
    signaturesLeft = 0;

    expectUnavailable(await present());
    const answers = await Promise.all(Array.from({ length: 5 }, present));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    // Who looks for the assertion before the winner has written it, and for the proof after, is refused for the proof.
    const refused = answers
      .map(({ status, body }) => `${status} ${body.error}`)
      .toSorted()
      .slice(1);
    expect(['400 invalid_grant', '401 invalid_client']).toEqual(expect.arrayContaining(refused));
    expect(await present()).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});

describe('a failing table', () => {
  let proxy: FaultProxy;
  let tenant: TestTenant;
  let web: Client;

  beforeAll(async () => {
    proxy = await startFaultProxy(testDynamodb().endpoint);
    const tables = createTestTables({ endpoint: proxy.endpoint });
    tenant = await createTenant({ wrapTables: () => tables });
    web = await registerWebClient(tenant);
  });
  afterAll(async () => {
    await tenant.close();
    await proxy.close();
  });

  it('takes a consumption whose reply was lost as its own', async () => {
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: web.clientId });
    const lost = proxy.inject({
      fault: { kind: 'lost-reply' },
      when: ({ operation }) => operation === 'UpdateItem',
      times: 1,
    });

    expect((await post(`${tenant.base}/token`, web, redemption(code))).status).toBe(200);
    expect(lost.struck()).toBe(1);
    expect((await post(`${tenant.base}/token`, web, redemption(code))).status).toBe(400);
  });

  /** Of a code, of a session in either of its items, and of the pushed request's own consumption. */
  const writes = ['AuthorizationCode#', 'Session#', 'SessionUid#', 'PushedAuthorizationRequest#'];

  async function pushed(prompt: Record<string, string>): Promise<string> {
    const { body } = await post(`${tenant.base}/request`, web, {
      client_id: web.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      login_hint: 'sub-1',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...prompt,
    });
    return `${tenant.issuer}/auth?${new URLSearchParams({ client_id: web.clientId, request_uri: body.request_uri })}`;
  }

  describe.each([
    { way: 'at once', prompt: {} },
    { way: 'after a sign-in', prompt: { prompt: 'login' } },
  ])('burns no pushed request that is answered $way', ({ prompt }) => {
    it.each(writes)('when it fails to write %s', async (prefix) => {
      let isPast = true;
      const agent = createUserAgent(new URL(tenant.issuer).origin, {
        stopAt: ({ pathname }) => !isPast && pathname.includes('/interaction/'),
      });
      await obtainCode(tenant, agent, { client_id: web.clientId });
      const url = await pushed(prompt);
      let next: string | URL = url;
      if ('prompt' in prompt) {
        isPast = false;
        next = (await agent.open(url)).url;
        isPast = true;
      }
      const fault = proxy.inject({
        fault: { kind: 'refuse', error: 'InternalServerError' },
        when: ({ operation, input }) =>
          /^(Put|Update)Item$/.test(operation) && JSON.stringify(input).includes(`"${prefix}`),
      });

      const failed = await agent.open(next);
      fault.stop();
      const arrival = await agent.open(failed.url);

      expect(fault.struck()).toBeGreaterThan(0);
      expect(failed.status).toBe(503);
      expect(failed.url.pathname).toMatch('prompt' in prompt ? /\/auth\/.+/ : /\/auth$/);
      expect(arrival.url.searchParams.has('code'), arrival.body).toBe(true);
      expect((await agent.open(url)).url.searchParams.has('code')).toBe(false);
    });
  });
});
