import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createOutboundGuard } from '../../src/cloud/http/outbound-guard.ts';
import { createOpenidConnector } from '../../src/cloud/openid/openid-client.ts';
import type { OpenidChecks, OpenidProvider, OpenidSource } from '../../src/cloud/openid/port.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { testClock } from '../support/clock.ts';
import { type Misbehaviour, startOpenidProvider, type Upstream } from '../support/openid-provider.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await startOpenidProvider();
  upstream.user = { sub: 'ada', email: 'ada@corp.example', email_verified: true };
});
afterEach(() => upstream.close());

const clock = testClock(Date.now());

function sourceWith(changes: Partial<OpenidSource> = {}): OpenidSource {
  return {
    issuer: upstream.issuer,
    clientId: upstream.clientId,
    clientSecret: new Secret(upstream.clientSecret),
    clientAuthentication: 'client_secret_basic',
    scopes: ['openid', 'email'],
    readUserinfo: false,
    prompts: undefined,
    certificateAuthority: undefined,
    ...changes,
  };
}

function connect(changes: Partial<OpenidSource> = {}, timeoutMs = 5_000): OpenidProvider {
  const guard = createOutboundGuard({ allowedHosts: [upstream.host] });
  return createOpenidConnector({ guard, clock, timeoutMs })(sourceWith(changes));
}

const checks: OpenidChecks = {
  redirectUri: 'https://id.example/acme/federation/src_1/callback',
  state: 'state-of-this-browser',
  nonce: 'nonce-of-this-request',
  codeVerifier: 'v'.repeat(43),
};

/** As a browser: goes there and comes back. */
async function visit(url: URL): Promise<URLSearchParams> {
  const response = await fetch(url, { redirect: 'manual' });
  return new URL(response.headers.get('location') ?? '').searchParams;
}

async function signIn(provider: OpenidProvider, changes: Partial<OpenidChecks> = {}) {
  const asked = { ...checks, ...changes };
  const callback = await visit(await provider.authorizationUrl({ ...asked, parameters: {} }));
  return provider.redeem(callback, asked);
}

describe('an OpenID provider', () => {
  it('is asked with PKCE, state, nonce and what the sign-in wants of it', async () => {
    const url = await connect().authorizationUrl({
      ...checks,
      parameters: { prompt: 'login', max_age: '60', login_hint: 'ada@corp.example', acr_values: 'gold' },
    });
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'tenantry',
      redirect_uri: checks.redirectUri,
      scope: 'openid email',
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      max_age: '60',
      prompt: 'login',
      login_hint: 'ada@corp.example',
      acr_values: 'gold',
    });
  });

  it('takes the prompts that its discovery document names, else those that are known of it, else the standard’s', async () => {
    expect(await connect().prompts()).toEqual(['none', 'login', 'consent', 'select_account']);
    expect(await connect({ prompts: ['none'] }).prompts()).toEqual(['none']);
    upstream.misbehave({ discovery: { prompt_values_supported: ['none', 'consent'] } });
    expect(await connect({ prompts: ['none'] }).prompts()).toEqual(['none', 'consent']);
    upstream.misbehave({ discovery: { prompt_values_supported: 'login' } });
    expect(await connect().prompts()).toContain('login');
  });

  it('tells who came back', async () => {
    expect(await signIn(connect())).toMatchObject({ sub: 'ada', email: 'ada@corp.example' });
  });

  it('is discovered once an hour', async () => {
    const provider = connect();
    await signIn(provider);
    await signIn(provider);
    const discoveries = () => upstream.paths.filter((path) => path.startsWith('/.well-known')).length;
    expect(discoveries()).toBe(1);
    clock.advance(3_600_000);
    await provider.authorizationUrl({ ...checks, parameters: {} });
    expect(discoveries()).toBe(2);
  });

  it('is discovered again after a failure', async () => {
    const provider = connect();
    upstream.misbehave({
      answer(context) {
        context.status = 503;
        return true;
      },
    });
    await expect(signIn(provider)).rejects.toMatchObject({ kind: 'unavailable' });
    upstream.misbehave({});
    expect(await signIn(provider)).toMatchObject({ sub: 'ada' });
  });

  it('adds claims of userinfo, which the ID token overrules', async () => {
    upstream.userinfo = { name: 'Ada Lovelace', email: 'evil@corp.example' };
    expect(await signIn(connect({ readUserinfo: true }))).toMatchObject({
      name: 'Ada Lovelace',
      email: 'ada@corp.example',
    });
  });

  it('is not believed when userinfo speaks of somebody else', async () => {
    upstream.userinfo = { sub: 'bob' };
    await expect(signIn(connect({ readUserinfo: true }))).rejects.toMatchObject({ kind: 'untrusted' });
  });

  it('is refused a wrong client secret, and the failure does not say it', async () => {
    const failure = await signIn(connect({ clientSecret: new Secret('pa55') })).catch((error) => error);
    expect(failure).toMatchObject({
      kind: 'misconfigured',
      message: expect.stringContaining('invalid_client'),
    });
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('pa55');
  });

  it('may say no', async () => {
    upstream.misbehave({ callback: { code: undefined, error: 'access_denied' } });
    await expect(signIn(connect())).rejects.toMatchObject({ kind: 'denied' });
  });

  it('is tested without what was read before', async () => {
    const provider = connect();
    await expect(provider.probe()).resolves.toBeUndefined();
    upstream.misbehave({ discovery: { issuer: 'https://other.example' } });
    await expect(provider.probe()).rejects.toMatchObject({ kind: 'untrusted' });
    upstream.misbehave({ discovery: { jwks_uri: `${upstream.issuer}/nothing` } });
    await expect(provider.probe()).rejects.toMatchObject({ kind: 'misconfigured' });
  });
});

describe('an answer is not believed', () => {
  const hour = 3_600;
  const now = Math.floor(Date.now() / 1000);
  it.each<[string, Misbehaviour]>([
    ['with a nonce of another request', { claims: { nonce: 'other' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['for another client', { claims: { aud: 'somebody-else' } }],
    ['for several clients without saying which', { claims: { aud: ['tenantry', 'somebody-else'] } }],
    ['that was made out to another party', { claims: { aud: ['tenantry', 'x'], azp: 'x' } }],
    ['that has expired', { claims: { iat: now - 2 * hour, exp: now - hour } }],
    ['that is not valid yet', { claims: { nbf: now + hour } }],
    ['without an end', { claims: { exp: undefined } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['that nobody signed', { signature: 'none' }],
    [
      'that nobody signed, from a provider that offers such',
      { signature: 'none', discovery: { id_token_signing_alg_values_supported: ['none', 'ES256'] } },
    ],
    ['signed by an unknown key', { signature: 'other-key' }],
    ['signed by the client secret', { signature: 'hmac' }],
    [
      'signed by the client secret, from a provider that offers such',
      { signature: 'hmac', discovery: { id_token_signing_alg_values_supported: ['HS256'] } },
    ],
    ['that says it comes from another provider (mix-up)', { callback: { iss: 'https://evil.example' } }],
    ['that does not say where it comes from although it should', { callback: { iss: undefined } }],
    ['with another state', { callback: { state: 'other' } }],
    ['without a state', { callback: { state: undefined } }],
    ['with tokens in the address', { callback: { id_token: 'x', access_token: 'y' } }],
    ['by a provider that names another issuer', { discovery: { issuer: 'https://evil.example' } }],
  ])('%s', async (_, how) => {
    upstream.misbehave(how);
    await expect(signIn(connect())).rejects.toMatchObject({ kind: 'untrusted' });
  });

  it('for a code that belongs to another request', async () => {
    const provider = connect();
    const stolen = await visit(
      await provider.authorizationUrl({ ...checks, codeVerifier: 'w'.repeat(43), parameters: {} }),
    );
    await expect(provider.redeem(stolen, checks)).rejects.toMatchObject({
      kind: 'untrusted',
      message: expect.stringContaining('invalid_grant'),
    });
  });

  it('for a code that was used', async () => {
    const provider = connect();
    const callback = await visit(await provider.authorizationUrl({ ...checks, parameters: {} }));
    await provider.redeem(callback, checks);
    await expect(provider.redeem(callback, checks)).rejects.toMatchObject({ kind: 'untrusted' });
  });
});

describe('an address in a discovery document', () => {
  async function serveInside() {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests += 1;
      response.setHeader('content-type', 'application/json');
      response.end('{"keys":[]}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/inside`, requests: () => requests };
  }

  it.each(['jwks_uri', 'token_endpoint', 'userinfo_endpoint'])(
    'that leads inside is not asked: %s',
    async (name) => {
      const inside = await serveInside();
      for (const target of [inside.url, 'http://169.254.169.254/latest/meta-data', 'https://10.0.0.1/x']) {
        upstream.misbehave({ discovery: { [name]: target } });
        await expect(signIn(connect({ readUserinfo: true }))).rejects.toMatchObject({
          kind: 'misconfigured',
        });
      }
      expect(inside.requests()).toBe(0);
    },
  );

  it.each(['javascript:alert(1)', 'http://evil.example/authorize', 'data:text/html,x'])(
    'is no place to send a browser to: %s',
    async (target) => {
      upstream.misbehave({ discovery: { authorization_endpoint: target } });
      await expect(connect().authorizationUrl({ ...checks, parameters: {} })).rejects.toMatchObject({
        name: 'UpstreamFailure',
      });
    },
  );

  it('is not followed where it redirects', async () => {
    const inside = await serveInside();
    upstream.misbehave({
      answer(context) {
        if (context.path !== '/keys') return false;
        context.redirect(inside.url);
        return true;
      },
    });
    await expect(signIn(connect())).rejects.toMatchObject({ name: 'UpstreamFailure' });
    expect(inside.requests()).toBe(0);
  });
});

describe('a provider that is a nuisance', () => {
  it('by huge answers is cut off', async () => {
    let sent = 0;
    upstream.misbehave({
      answer(context) {
        if (context.path !== '/keys') return false;
        context.respond = false;
        context.res.setHeader('content-type', 'application/json');
        const write = (): void => {
          while (!context.res.destroyed && context.res.write('x'.repeat(64 * 1024))) sent += 64 * 1024;
          context.res.once('drain', write);
        };
        write();
        return true;
      },
    });
    await expect(signIn(connect())).rejects.toMatchObject({ kind: 'untrusted' });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it('by slow answers is given up', async () => {
    upstream.misbehave({
      answer(context) {
        context.respond = false;
        context.res.writeHead(200, { 'content-type': 'application/json' });
        context.res.write('{');
        return true;
      },
    });
    await expect(signIn(connect({}, 200))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('too long'),
    });
  });

  it('by not being there is unavailable', async () => {
    const provider = connect();
    upstream.close();
    await expect(signIn(provider)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
