import type { Context } from 'koa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHost, createWorkerHost } from '../../src/host.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Directory } from '../../src/tenancy/directory.ts';
import { createTenantHost } from '../../src/tenancy/tenant-host.ts';
import { createTenantPool, type TenantPool } from '../../src/tenancy/tenant-pool.ts';
import { nameRoute } from '../../src/web/access-log.ts';
import { createClientIpReader } from '../../src/web/client-ip.ts';
import { testClock } from '../support/clock.ts';
import { tenantRecord } from '../tenancy/tenant-record.ts';
import { createTestDirectory } from '../tenancy/test-directory.ts';
import { type RawResponse, sendRaw } from './raw-request.ts';
import { type Served, serve } from './serve.ts';

const clock = testClock();
const publicUrl = new URL('http://id.example.test');
const logged: Record<string, unknown>[] = [];
let directory: Directory;
let pool: TenantPool;
let server: Served;
/** Of a process that takes jobs and no requests. */
let worker: Served;
let isReady: () => Promise<boolean>;
let answerAsTenant: (context: Context, record: TenantRecord) => Promise<void>;

beforeAll(async () => {
  directory = await createTestDirectory(clock);
  for (const record of [
    tenantRecord('acme'),
    tenantRecord('globex'),
    tenantRecord('dormant', { status: 'suspended' }),
    tenantRecord('barred', { status: 'blocked' }),
    tenantRecord('removed', { status: 'deleted' }),
    tenantRecord('unborn', { status: 'provisioning' }),
  ]) {
    await directory.reserve(record);
  }
  const log = createLog({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line)) });
  pool = createTenantPool({
    directory,
    build: async (record) => ({ record, handle: (context) => answerAsTenant(context, record) }),
    clock,
    log,
    max: 10,
    revalidateSeconds: 10,
    negativeSeconds: 5,
  });
  const probed = {
    publicUrl,
    log,
    clock,
    random: systemRandom,
    readClientIp: createClientIpReader({ trustedProxyHops: 1 }),
    ready: () => isReady(),
    pages: { home: () => '<h1>Home</h1>', error: ({ title }: { title: string }) => `<h1>${title}</h1>` },
  };
  const app = createHost({
    ...probed,
    async adminApp(context) {
      nameRoute(context, '/api/orders/{orderId}');
      context.body = { api: context.url };
    },
    tenantHost: createTenantHost({ pool }),
    async assets(_context, next) {
      return next();
    },
  });
  server = await serve(app.callback());
  worker = await serve(createWorkerHost(probed).callback());
});

afterAll(() => Promise.all([server.close(), worker.close()]));

beforeEach(() => {
  logged.length = 0;
  isReady = async () => true;
  answerAsTenant = async (context, record) => {
    context.body = { tenant: record.slug, url: context.req.url, originalUrl: context.originalUrl };
  };
});

function get(target: string, ...headers: string[]): Promise<RawResponse> {
  return sendRaw(server.port, [`GET ${target} HTTP/1.1`, 'Host: id.example.test', ...headers]);
}

const bodyOf = (response: RawResponse) => JSON.parse(response.body) as Record<string, unknown>;

describe('the host check', () => {
  test.each([
    ['another host', ['Host: evil.example']],
    ['another port', ['Host: id.example.test:8080']],
    ['a suffix', ['Host: id.example.test.evil.example']],
    ['user information', ['Host: evil@id.example.test']],
    ['a trailing dot', ['Host: id.example.test.']],
    ['an empty host', ['Host:']],
    ['two hosts', ['Host: id.example.test', 'Host: evil.example']],
    ['two hosts, the right one last', ['Host: evil.example', 'Host: id.example.test']],
    ['a list', ['Host: id.example.test, evil.example']],
    ['a forwarded host beside another', ['Host: evil.example', 'X-Forwarded-Host: id.example.test']],
  ])('%s is 421 everywhere', async (_name, hosts) => {
    for (const path of ['/', '/acme/token', '/api', '/nothing']) {
      const response = await sendRaw(server.port, [`GET ${path} HTTP/1.1`, ...hosts]);
      expect(response.status, path).toBe(421);
      expect(bodyOf(response)).toMatchObject({
        code: 'misdirected_request',
        detail: 'This server answers at http://id.example.test only.',
      });
    }
  });

  test('HTTP/1.0 without a host is 421', async () => {
    expect((await sendRaw(server.port, ['GET /acme HTTP/1.0'])).status).toBe(421);
  });

  test.each(['id.example.test', 'ID.Example.Test', 'id.example.test:80'])('%s is ours', async (host) => {
    const response = await sendRaw(server.port, ['GET /acme/token HTTP/1.1', `Host: ${host}`]);
    expect(response.status).toBe(200);
  });

  test('a forwarded host changes nothing', async () => {
    expect((await get('/acme/token', 'X-Forwarded-Host: evil.example')).status).toBe(200);
  });

  test('an absolute target of our own origin is served as its path, byte for byte', async () => {
    const response = await get('http://id.example.test/acme/token?x=%2F../y');
    expect(bodyOf(response)).toEqual({
      tenant: 'acme',
      url: '/acme/token?x=%2F../y',
      originalUrl: '/acme/token?x=%2F../y',
    });
  });

  test.each([
    'http://evil.example/acme/token',
    'https://id.example.test/acme/token',
    'http://id.example.test:8080/acme/token',
    'http://evil@id.example.test/acme/token',
    'http://id.example.test@evil.example/acme/token',
    'ftp://id.example.test/acme/token',
    '*',
  ])('the target %s is 421', async (target) => {
    expect((await get(target)).status).toBe(421);
  });

  test.each([
    'http://id.example.test/../acme/token',
    'http://id.example.test//acme',
    'http://id.example.test/%61cme',
  ])('the odd path of %s is not made even', async (target) => {
    expect((await get(target)).status).toBe(404);
  });
});

describe('paths', () => {
  test.each([
    ['/acme/token', 'acme'],
    ['/acme', 'acme'],
    ['/globex/auth?client_id=/acme/', 'globex'],
    ['/.well-known/oauth-authorization-server/acme', 'acme'],
  ])('%s reaches %s', async (path, tenant) => {
    expect(bodyOf(await get(path))).toMatchObject({ tenant, url: path });
  });

  test.each([
    '/%61cme/token',
    '/acme%2Ftoken',
    '/ACME/token',
    '//acme/token',
    '/acme/../globex/token',
    '/globex/%2e%2e/acme/token',
    '/./acme/token',
    '/acme\\token',
    '/__proto__/token',
    '/constructor',
    '/%c0%ae%c0%ae/acme',
    '/acme%00/token',
    '/acme%',
    '/assets/../acme/token',
    '/assets/x.css',
    '/apix',
    '/API/orders',
  ])('%s is 404', async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(bodyOf(response)).toMatchObject({ code: 'not_found' });
  });

  test.each(['/api', '/api/orders/x', '/api/../acme', '/api?x=1'])(
    '%s goes to the admin API',
    async (path) => {
      expect(bodyOf(await get(path))).toEqual({ api: path });
    },
  );
});

describe('outsiders see one 404 (E3)', () => {
  const absent = ['nobody', 'dormant', 'barred', 'removed', 'unborn'];

  test.each([
    ['an API client', 'Accept: application/json'],
    ['a browser', 'Accept: text/html,*/*;q=0.8'],
  ])('%s gets the same answer for every tenant that is not there', async (_name, accept) => {
    for (const path of ['', '/.well-known/openid-configuration', '/auth?client_id=x']) {
      const answers = await Promise.all(
        [...absent, 'no/tenant%20at/all'].map(async (slug) => {
          const response = await get(`/${slug}${path}`, accept);
          const requestId = response.headers.get('x-request-id') ?? '';
          const headers = [...response.headers].filter(
            ([name]) => name !== 'date' && name !== 'x-request-id',
          );
          return { status: response.status, headers, body: response.body.replace(requestId, '') };
        }),
      );
      expect(answers[0]?.status).toBe(404);
      for (const answer of answers) {
        expect(answer).toEqual(answers[0]);
      }
    }
  });

  test('nor does the log name them as tenants', async () => {
    for (const slug of absent) {
      await get(`/${slug}/token`);
    }
    expect(logged.map(({ route, tenant }) => ({ route, tenant }))).toEqual(
      absent.map(() => ({ route: '*', tenant: undefined })),
    );
  });
});

describe('a tenant request', () => {
  test('that fails before it answers becomes a problem, and its lease ends', async () => {
    answerAsTenant = async (context) => {
      context.respond = false;
      throw new Error('hunter2');
    };
    const response = await get('/acme/token');
    expect(response.status).toBe(500);
    expect(response.body).not.toContain('hunter2');
    // Only closing waits for leases, so a pool of its own shows that none is left.
    const own = createTenantPool({
      directory,
      build: async (record) => ({
        record,
        handle: async () => {
          throw new Error('fails');
        },
      }),
      clock,
      log: createLog({ level: 'silent' }),
      max: 1,
      revalidateSeconds: 10,
      negativeSeconds: 5,
    });
    const middleware = createTenantHost({ pool: own });
    const context = { req: { url: '/acme/token' }, state: {} } as unknown as Context;
    await expect(middleware(context as never, async () => {})).rejects.toThrow('fails');
    await own.close();
  });
});

describe('security headers', () => {
  test('are on every kind of answer', async () => {
    for (const path of ['/', '/api', '/acme/token', '/nothing', '/healthz']) {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('referrer-policy'), path).toBe('no-referrer');
      expect(headers.get('cache-control'), path).toBe('no-store');
      expect(headers.has('strict-transport-security'), path).toBe(false);
    }
  });
});

describe('the access log', () => {
  test('holds the pattern of the route, never the path or the query', async () => {
    await get('/api/orders/ord_secret?code=secret', 'X-Forwarded-For: 203.0.113.9');
    await get('/acme/invitation/secret-link-token?x=secret');
    await get('/acme/secretsecretsecretsecretsecretsecret');
    await get('/.well-known/openid-configuration/acme');
    await get('/secret-path/of/nobody');
    expect(logged.map(({ route, tenant, status }) => [route, tenant, status])).toEqual([
      ['/api/orders/{orderId}', undefined, 200],
      ['/{tenant}/invitation/*', 'acme', 200],
      ['/{tenant}/*', 'acme', 200],
      ['/.well-known/openid-configuration/{tenant}', 'acme', 200],
      ['*', undefined, 404],
    ]);
    expect(logged[0]).toMatchObject({ method: 'GET', clientIp: '203.0.113.9', ms: 0 });
    expect(JSON.stringify(logged)).not.toContain('secret');
  });
});

describe('health', () => {
  test('is answered under any host name', async () => {
    for (const { port } of [server, worker]) {
      for (const path of ['/healthz', '/readyz']) {
        const response = await sendRaw(port, [`GET ${path} HTTP/1.1`, 'Host: 10.0.0.7:3000']);
        expect([response.status, response.body]).toEqual([200, '{"status":"ok"}']);
      }
    }
  });

  test('is all that a worker answers', async () => {
    for (const path of ['/', '/acme/jwks', '/api/registrations', '/assets/site.css']) {
      const response = await sendRaw(worker.port, [`GET ${path} HTTP/1.1`, 'Host: id.example.test']);
      expect(response.status).toBe(404);
    }
  });

  test.each([
    ['says no', async () => false],
    ['fails', () => Promise.reject(new Error('db.internal'))],
  ])('readiness is 503 when a dependency %s; liveness stays', async (_name, ready) => {
    isReady = ready;
    const response = await get('/readyz');
    expect([response.status, response.body]).toEqual([503, '{"status":"unavailable"}']);
    expect((await get('/healthz')).status).toBe(200);
  });

  test('only reads', async () => {
    const response = await sendRaw(server.port, ['POST /healthz HTTP/1.1', 'Host: x', 'Content-Length: 0']);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});

test('the landing page is at / alone', async () => {
  const response = await get('/?x=1');
  expect([response.status, response.body]).toEqual([200, '<h1>Home</h1>']);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
});
