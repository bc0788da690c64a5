import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInTenant, findInvitation, onboardTenant, platformToken } from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { type RawResponse, sendRaw } from '../web/raw-request.ts';

let server: ProductServer;
let host: string;
/** What the server says of `alpha` when it is asked properly. */
let proper: RawResponse;

const discovery = '/.well-known/openid-configuration';

beforeAll(async () => {
  server = await startServer();
  host = new URL(server.origin).host;
  for (const slug of ['alpha', 'beta']) {
    await onboardTenant(server, { slug });
  }
  proper = await get(`/alpha${discovery}`);
  expect(proper.status).toBe(200);
});
afterAll(() => server.close());

function get(target: string, headers: readonly string[] = [`Host: ${host}`]): Promise<RawResponse> {
  return sendRaw(server.port, [`GET ${target} HTTP/1.1`, ...headers]);
}

describe('a path that is not spelled exactly finds no tenant', () => {
  it.each([
    // Dot segments, plain and encoded.
    `/alpha/../beta${discovery}`,
    `/alpha/./${discovery}`,
    `/./alpha${discovery}`,
    `/../alpha${discovery}`,
    `/alpha/%2e%2e/beta${discovery}`,
    `/alpha/..%2fbeta${discovery}`,
    `/alpha/.%2e/beta${discovery}`,
    `/alpha${discovery}/../../../beta${discovery}`,
    `/alpha${discovery}/..`,
    `/nobody/..;/alpha${discovery}`,
    // Encoded and doubled slashes, backslashes.
    `/alpha%2f.well-known%2fopenid-configuration`,
    `/alpha/.well-known%2fopenid-configuration`,
    `/alpha%2F${discovery}`,
    `/alpha%252f${discovery}`,
    `//alpha${discovery}`,
    `///alpha${discovery}`,
    `/alpha/${discovery}`,
    `//evil.example/alpha${discovery}`,
    `/alpha\\${discovery}`,
    `/alpha\\..\\beta${discovery}`,
    // Another spelling of the slug.
    `/ALPHA${discovery}`,
    `/Alpha${discovery}`,
    `/%61lpha${discovery}`,
    `/alph%61${discovery}`,
    `/alpha%00${discovery}`,
    `/alpha%20${discovery}`,
    `/alpha.${discovery}`,
    `/alpha;v=1${discovery}`,
    `/alpha${discovery};v=1`,
    `/alpha:${discovery}`,
    `/alpha@beta${discovery}`,
    `/alpha#/../beta${discovery}`,
    `/${encodeURIComponent('ａlpha')}${discovery}`,
    // Names that JavaScript objects have.
    `/__proto__${discovery}`,
    `/constructor${discovery}`,
    `/prototype${discovery}`,
    `/toString${discovery}`,
    `/hasOwnProperty${discovery}`,
    `/alpha/__proto__`,
    `/alpha/constructor/prototype`,
    // The well-known path in front (RFC 8414).
    `${discovery}/ALPHA`,
    `${discovery}/%61lpha`,
    `${discovery}/alpha/`,
    `${discovery}/alpha/beta`,
    `${discovery}/alpha%2fbeta`,
    `${discovery}/../alpha`,
    `${discovery}//alpha`,
    `${discovery}/__proto__`,
    `/.well-known/oauth-authorization-server/alpha%2f..%2fbeta`,
    `/.well-known%2fopenid-configuration/alpha`,
    // Ours by name, but not addresses of tenants.
    `/.well-known/alpha`,
    `/assets/../alpha${discovery}`,
    `/assets/..%2falpha${discovery}`,
    `/api/../alpha${discovery}`,
    `/api/tenants/alpha/../beta`,
    `/api/tenants/..%2f..%2falpha${discovery}`,
    `/healthz/../alpha${discovery}`,
  ])('%s', async (target) => {
    const { status, body } = await get(target);
    // Without a token the admin API refuses before it looks at what the path names.
    expect(target.startsWith('/api/tenants/') ? [401, 404] : [404]).toContain(status);
    expect(body).not.toContain('issuer');
    expect(body).not.toMatch(/alpha|beta/i);
  });

  it.each(['ａlpha', 'alph\u0430', 'alpha\u200b', 'alpha\u2215beta'])(
    'bytes beyond ASCII, as in %s, are no target at all',
    async (name) => {
      const { status, body } = await get(Buffer.from(`/${name}${discovery}`).toString('latin1'));
      expect(status).toBe(400);
      expect(body).toBe('');
    },
  );

  it('nor does a target in authority or asterisk form, or one too long', async () => {
    for (const target of ['*', `alpha${discovery}`, '?/alpha', `/alpha${discovery}?${'a'.repeat(20_000)}`]) {
      const { status, body } = await get(target);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(body).not.toContain('issuer');
    }
  });

  it('and hostile pages of a tenant stay pages that are not there', async () => {
    for (const path of [
      '/interaction/__proto__',
      '/interaction/..',
      '/interaction/a%2fsign-in',
      `/interaction/${'a'.repeat(65)}`,
      '/invitation/__proto__',
      '/invitation/%2e%2e',
      '/auth/__proto__',
      '/auth/constructor',
    ]) {
      const { status, body } = await get(`/alpha${path}`);
      expect([400, 404], `${path}: ${status}`).toContain(status);
      expect(body).not.toMatch(/TypeError|at \w+ \(|node_modules/);
    }
  });
});

describe('a host that is not ours reaches no tenant', () => {
  const wrong: Record<string, () => readonly string[]> = {
    'another host': () => ['Host: evil.example'],
    'another port': () => ['Host: 127.0.0.1:1'],
    'no port': () => ['Host: 127.0.0.1'],
    'a trailing dot': () => [`Host: ${host.replace(':', '.:')}`],
    'user information': () => [`Host: evil@${host}`],
    'a list': () => [`Host: ${host}, evil.example`],
    'a path': () => [`Host: ${host}/alpha`],
    'an empty host': () => ['Host: '],
    'two hosts': () => [`Host: ${host}`, 'Host: evil.example'],
    'two hosts, the wrong one first': () => ['Host: evil.example', `Host: ${host}`],
    'the same host twice': () => [`Host: ${host}`, `Host: ${host}`],
    'another host, forwarded for ours': () => ['Host: evil.example', `X-Forwarded-Host: ${host}`],
  };

  it.each(Object.entries(wrong))('%s', async (_name, headers) => {
    const { status, body } = await get(`/alpha${discovery}`, headers());
    expect([400, 421]).toContain(status);
    expect(body).not.toMatch(/issuer|evil\.example|alpha/);
  });

  it('nor does a target in absolute form that names another origin', async () => {
    for (const origin of [
      'http://evil.example',
      `https://${host}`,
      `http://evil@${host}`,
      `http://${host}@evil.example`,
      'http:///evil.example',
      `ftp://${host}`,
      `javascript://${host}`,
    ]) {
      const { status, body } = await get(`${origin}/alpha${discovery}`);
      expect([400, 404, 421], origin).toContain(status);
      expect(body).not.toMatch(/issuer|evil\.example/);
    }
    expect((await get(`${server.origin}/alpha${discovery}`)).body).toBe(proper.body);
    expect((await get(`${server.origin}/alpha/../beta${discovery}`)).status).toBe(404);
  });
});

describe('no header moves an address that we give out', () => {
  const forged = [
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 444',
    'X-Forwarded-Prefix: /beta',
    'X-Forwarded-Server: evil.example',
    'X-Forwarded-For: 203.0.113.1',
    'Forwarded: host=evil.example;proto=https',
    'X-Host: evil.example',
    'X-Original-Host: evil.example',
    'X-Original-URL: /beta/.well-known/openid-configuration',
    'X-Rewrite-URL: /beta/.well-known/openid-configuration',
    'X-HTTP-Method-Override: DELETE',
  ];

  it.each(forged)('%s', async (header) => {
    const answer = await get(`/alpha${discovery}`, [`Host: ${host}`, header]);
    expect(answer).toMatchObject({ status: 200, body: proper.body });
  });

  it('every address in a discovery document lies under the issuer', async () => {
    for (const target of [
      `/alpha${discovery}`,
      `${discovery}/alpha`,
      '/.well-known/oauth-authorization-server/alpha',
    ]) {
      const { body } = await get(target, [`Host: ${host}`, ...forged]);
      const document = JSON.parse(body) as Record<string, unknown>;
      const addresses = Object.entries(document).filter(([, value]) => /^https?:/.test(String(value)));
      expect(document.issuer).toBe(`${server.origin}/alpha`);
      expect(addresses.length).toBeGreaterThan(8);
      for (const [name, address] of addresses) {
        expect(`${address}/`, name).toContain(`${server.origin}/alpha/`);
      }
    }
  });

  it('redirects, forms and cookies of a sign-in stay where they are', async () => {
    const query = new URLSearchParams({
      client_id: 'alpha-web',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://web.example/callback',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    });
    const answer = await get(`/alpha/auth?${query}`, [`Host: ${host}`, ...forged]);
    expect(answer.status).toBe(303);
    const location = new URL(answer.headers.get('location') ?? '', server.origin);
    expect(location.href).toMatch(new RegExp(`^${server.origin}/alpha/interaction/[\\w-]+$`));
    expect(answer.headers.get('set-cookie')).toMatch(/path=\/alpha\//);
    expect(answer.headers.get('set-cookie')).not.toMatch(/domain=/i);

    const api = await get('/api/nothing', [`Host: ${host}`, ...forged]);
    expect(api.status).toBe(404);
    expect(api.body).not.toContain('evil.example');
  });

  it('links in mails name the public URL, whoever asked for the tenant under which name', async () => {
    const token = await platformToken(server, 'admin clients:write');
    const body = JSON.stringify({
      name: 'Gamma',
      slug: 'gamma',
      admin: { name: 'Eve', email: 'eve@gamma.example' },
    });
    const answer = await sendRaw(
      server.port,
      [
        'POST /api/tenants HTTP/1.1',
        `Host: ${host}`,
        ...forged,
        `Authorization: Bearer ${token}`,
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
      ],
      body,
    );
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`${server.origin}/api/tenants/gamma`);
    await expect
      .poll(() => findInvitation(server, 'gamma', 'eve@gamma.example').catch(() => ''), { timeout: 40_000 })
      .toMatch(new RegExp(`^${server.origin}/gamma/invitation/[\\w-]{43}$`));
    await expect
      .poll(
        () =>
          createInTenant(server, 'gamma', token, { clients: [{ name: 'R', type: 'm2m' }] }).catch(() => []),
        // The invitation goes out before the tenant is active.
        { timeout: 40_000 },
      )
      .toMatchObject([{ issuer: `${server.origin}/gamma` }]);
  });
});
