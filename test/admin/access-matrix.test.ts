import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessNeeds } from '../../src/admin/access.ts';
import { pathParameters } from '../../src/admin/path-parameters.ts';
import type { Route } from '../../src/admin/route.ts';
import { type AdminScope, adminScopes, tenantScopes } from '../../src/identity/admin-scopes.ts';
import { createApiKeys } from '../../src/identity/api-keys.ts';
import { type ErrorCode, statusOf } from '../../src/kernel/errors.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { type Api, createApi } from './api-fixture.ts';
import { createThings, noThings, nothingToName, trespass, trespasses } from './trespasses.ts';

/** Everything that anybody may use. A route that is neither here nor needs a scope fails. */
const publicRoutes = [
  'GET /api',
  'GET /api/docs',
  'GET /api/openapi.json',
  'GET /api/evidence/jwks',
  'GET /api/registrations/{orderId}',
  'POST /api/registrations',
];

type Protected = Route & { needs: Exclude<AccessNeeds, { who: 'anyone' }> };

interface Visitor {
  name: string;
  /** The token that this visitor brings to the route; `undefined`: none. */
  token(route: Protected): Promise<string | undefined>;
  /** What the visitor is told; `undefined`: the visitor has no business at such a route, nor against it. */
  expected(route: Protected): ErrorCode | undefined;
}

/** Thousands of requests: not each on a connection of its own. */
const connections = new Agent({ keepAlive: true });

let api: Api;
let routes: Route[];
let visitors: Visitor[];

beforeAll(async () => {
  api = await createApi();
  routes = api.groups.flatMap((group) => group.routes);
  visitors = await createVisitors(api);
});
afterAll(async () => {
  connections.destroy();
  await api?.close();
});

const nameOf = ({ method, path }: Route) => `${method} ${path}`;
const isProtected = (route: Route): route is Protected => route.needs.who !== 'anyone';

/** A request that everybody who is let in is told to be wrong: so whatever else is answered was decided before. */
async function visit(
  route: Route,
  token: string | undefined,
  { slug = 'acme', ...ids }: Readonly<Record<string, string>> = {},
) {
  const values: Readonly<Record<string, string>> = { slug, ...ids };
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name) => values[name] ?? unknown(name));
  const method = route.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete';
  const query = 'query' in route.takes ? '?nobody-knows=1' : '';
  const request = api.http[method](`${path}${query}`).agent(connections).set('If-Match', '*');
  if (token !== undefined) {
    request.set('Authorization', `Bearer ${token}`);
  }
  return 'query' in route.takes ? await request : await request.send({ 'nobody-knows': 1 });
}

/** Something that may be there by its form, and is not. */
function unknown(name: string): string {
  const { form, example } = pathParameters[name] ?? { form: /^/, example: '' };
  return form.test(`no-${name}`) ? `no-${name}` : example;
}

describe('the access matrix', () => {
  it('covers every route', () => {
    expect(
      routes
        .filter((route) => !isProtected(route))
        .map(nameOf)
        .sort(),
    ).toEqual(publicRoutes.sort());
    expect(routes.filter(isProtected).length).toBeGreaterThan(30);
    for (const route of routes) {
      expect(route.path.includes('{slug}') || !isProtected(route) || route.needs.who === 'platform').toBe(
        true,
      );
      expect(route.path.startsWith('/api/tenants/{slug}') && route.needs.who === 'platform').toBe(false);
    }
  });

  it('refuses everybody who must not use a route, whatever they send', async () => {
    const rows: string[][] = [];
    const wrong: string[] = [];
    for (const route of routes.filter(isProtected)) {
      const cells = visitors.map(async (visitor) => {
        const expected = visitor.expected(route);
        if (expected === undefined) {
          return '·';
        }
        const { status, body } = await visit(route, await visitor.token(route));
        // SCIM tells errors in a form of its own (RFC 7644 §3.12).
        if (status !== statusOf(expected) || codeOf(body) !== expected) {
          wrong.push(`${visitor.name} at ${nameOf(route)}: ${status} ${codeOf(body)}, not ${expected}`);
        }
        return String(status);
      });
      rows.push([nameOf(route), ...(await Promise.all(cells))]);
    }
    process.stdout.write(formatMatrix(rows));
    expect(wrong).toEqual([]);
  }, 120_000);

  it('lets in whoever has the one scope that a route needs, and nothing else', async () => {
    const robots = new Map<string, string>();
    const robot = async (issuer: string, scope: AdminScope): Promise<string> => {
      const name = `${issuer} ${scope}`;
      const token = robots.get(name) ?? (await api.robot(issuer, [scope]));
      robots.set(name, token);
      return token;
    };
    const admitted = async (route: Protected, issuer: string) => {
      const { status, body } = await visit(route, await robot(issuer, route.needs.scope));
      expect([400, 404], `${nameOf(route)} for ${issuer}: ${JSON.stringify(body)}`).toContain(status);
      expect(body.detail).not.toBe('There is no such tenant.');
    };
    for (const route of routes.filter(isProtected)) {
      await admitted(route, 'platform');
      if (route.needs.who === 'tenant' || route.needs.who === 'application-tenant') {
        await admitted(route, 'acme');
      }
    }
  });

  it('shows another tenant, at every address, neither that there is one nor that there is none', async () => {
    const foreign = await api.robot('globex');
    for (const route of routes.filter(({ path }) => path.includes('{slug}'))) {
      const answers = [];
      for (const slug of ['acme', 'nobody', 'platform', 'Not-A-Slug']) {
        const { status, headers, body } = await visit(route, foreign, { slug });
        const { requestId: _, ...problem } = body;
        const { date: __, 'x-request-id': ___, ...shown } = headers;
        answers.push({ status, code: codeOf(body), problem, shown });
      }
      expect(answers[0], nameOf(route)).toMatchObject({ status: 404, code: 'not_found' });
      for (const answer of answers) {
        expect(answer, nameOf(route)).toEqual(answers[0]);
      }
    }
  });

  it('has a request for each way to name another application tenant', () => {
    const covered = [...new Set(trespasses.map(({ operation }) => operation))];
    const heldTo = routes.filter(({ needs }) => needs.who === 'application-tenant');
    expect([...covered, ...Object.keys(nothingToName)].sort()).toEqual(
      heldTo.map(({ operation }) => operation).sort(),
    );
  });

  it('shows the admin of an application tenant nothing of the others, not even that they exist', async () => {
    const { id, admin } = await createCustomer(api, 'insider');
    const outsider = await createCustomer(api, 'outsider');
    const own = await createThings(api, id);
    const staff = await api.robot('acme');
    const [foreign, tenants] = [await createThings(api, outsider.id), await createThings(api, 'default')];
    for (const request of trespasses) {
      const route = routes.find(({ operation }) => operation === request.operation) as Route;
      const unknown = await trespass(api, route, request, { token: admin, things: noThings, own });
      expect(unknown.status, nameOf(route)).toBeGreaterThanOrEqual(400);
      const { requestId: _, ...expected } = unknown.body;
      for (const things of request.sharedByDefault ? [foreign] : [foreign, tenants]) {
        const { status, body } = await trespass(api, route, request, { token: admin, things, own });
        const { requestId: __, ...problem } = body;
        expect({ status, problem }, nameOf(route)).toEqual({ status: unknown.status, problem: expected });
      }
      // That was for who asked: of whoever looks after the whole tenant the same is taken, and nothing has happened to what it names.
      const answered = request.mixes ? [] : request.notAtDefault ? [foreign] : [foreign, tenants];
      for (const things of answered) {
        const { status, body } = await trespass(api, route, request, { token: staff, things, own });
        expect(status, `${nameOf(route)}: ${JSON.stringify(body)}`).toBeLessThan(300);
      }
    }
  }, 120_000);

  it('keeps the admin of an application tenant of the platform from what is above tenants, there as well', async () => {
    const { admin } = await createCustomer(api, 'platform-climber', { issuer: 'platform' });
    for (const route of routes
      .filter(isProtected)
      .filter(({ needs }) => needs.who !== 'application-tenant')) {
      const { status, body } = await visit(route, admin, { slug: 'platform' });
      expect({ status, code: body.code }, nameOf(route)).toEqual({ status: 403, code: 'insufficient_scope' });
    }
  });

  it('lets the admin of an application tenant change no role of the tenant', async () => {
    const { admin } = await createCustomer(api, 'climber');
    const { roles } = await api.partsOf('acme');
    const path = '/api/tenants/acme/application-tenants/default/roles';
    const body = { name: 'Climber', scopes: ['climb'] };
    await api.post(path, body, admin).expect(404);
    await api.post('/api/tenants/acme/roles', body, admin).expect(403);
    expect((await roles.list()).map(({ name }) => name)).not.toContain('Climber');
  });

  it('asks nobody for a token where none is needed', async () => {
    for (const route of routes.filter((one) => !isProtected(one))) {
      const { status } = await visit(route, undefined);
      expect([400, 404], nameOf(route)).toContain(status);
    }
  });
});

async function createVisitors(api: Api): Promise<Visitor[]> {
  const all = adminScopes.join(' ');
  const platform = await api.partsOf('platform');
  const acme = await api.partsOf('acme');

  const create = (parts: typeof acme, clientId: string, scopes: readonly string[]) =>
    parts.clients.create({ clientId, name: 'Robot', type: 'm2m', scopes: [...scopes] });
  await create(platform, 'good-robot', adminScopes);
  await create(acme, 'good-robot', tenantScopes);
  await create(platform, 'weak-robot', []);

  const removed = await api.robot('platform');
  await platform.clients.remove(
    JSON.parse(Buffer.from(removed.split('.')[1] ?? '', 'base64url').toString()).sub,
  );
  const disabled = await api.person('platform', 'disabled@operators.example', ['Platform Admin']);
  await platform.accounts.setDisabled(disabled.account.id, true);
  const nobody = await api.person('acme', 'nobody@acme.example', ['Viewer']);
  const customer = await createCustomer(api, 'customer');
  const suspended = await createCustomer(api, 'suspended-customer', { status: 'suspended' });
  const platformCustomer = await createCustomer(api, 'platform-customer', { issuer: 'platform' });

  const acmeKeys = await apiKeysOf(api, 'acme');
  const idle = await acmeKeys.create([]);
  const revoked = await acmeKeys.create(tenantScopes);
  const boundKey = await acmeKeys.create(tenantScopes, customer.id);
  const suspendedKey = await acmeKeys.create(tenantScopes, suspended.id);
  await acmeKeys.revoke(revoked);
  const foreign = await (await apiKeysOf(api, 'globex')).create(tenantScopes);
  const foreignRobot = await api.robot('globex');
  const without = new Map<string, string>();
  for (const scope of adminScopes) {
    const others = adminScopes.filter((other) => other !== scope);
    without.set(scope, await api.robot('platform', others));
  }

  const good = { clientId: 'good-robot', scope: all };
  /** The same token at every route. */
  const always = async (options: Parameters<Api['token']>[0]) => {
    const token = await api.token(options);
    return async () => token;
  };
  const now = Date.UTC(2026, 0, 1) / 1000;
  const refused = (
    name: string,
    token: Visitor['token'],
    expected: Visitor['expected'] = () => 'invalid_token',
  ): Visitor => ({ name, token, expected });
  const notEnough = (): ErrorCode => 'insufficient_scope';
  const ofTenant = ({ needs }: Protected) => needs.who === 'tenant' || needs.who === 'application-tenant';

  return [
    refused('no token', async () => undefined),
    refused('garbage', async () => 'garbage'),
    refused('a token that has expired', await always({ ...good, claims: { exp: now - 60 } })),
    refused(
      'an issuer elsewhere',
      await always({ ...good, claims: { iss: 'https://evil.example/platform' } }),
    ),
    refused(
      'an issuer that is no tenant',
      await always({ ...good, claims: { iss: 'https://id.example.com/nobody' } }),
    ),
    refused("another tenant's key", await always({ ...good, signedBy: 'acme' })),
    refused('another audience', await always({ ...good, claims: { aud: 'https://id.example.com/acme' } })),
    refused('an ID token', await always({ ...good, header: { typ: 'JWT' } })),
    refused('a token bound to a key', await always({ ...good, claims: { cnf: { jkt: 'x' } } })),
    refused('a removed client', async () => removed),
    refused('a disabled account', async () => disabled.token),
    refused('a revoked API key', async () => revoked),
    refused("another tenant's API key", async () => foreign),
    refused(
      'an API key without scopes',
      async () => idle,
      ({ path }) => (path.includes('{slug}') ? 'insufficient_scope' : 'invalid_token'),
    ),
    refused('a suspended application tenant', async () => suspended.admin),
    refused('every scope but the one', async ({ needs }) => without.get(needs.scope), notEnough),
    refused(
      'a scope that the client may not have',
      await always({ clientId: 'weak-robot', scope: all }),
      notEnough,
    ),
    refused(
      'another tenant',
      async () => foreignRobot,
      ({ path }) => (path.includes('{slug}') ? 'not_found' : 'insufficient_scope'),
    ),
    refused('a person without the role', async () => nobody.token, notEnough),
    refused('the tenant itself, above it', await always({ issuer: 'acme', ...good }), (route) =>
      ofTenant(route) ? undefined : 'insufficient_scope',
    ),
    refused(
      "an application tenant's admin",
      async () => customer.admin,
      ({ needs }) => (needs.who === 'application-tenant' ? undefined : 'insufficient_scope'),
    ),
    refused(
      "an application tenant's API key",
      async () => boundKey,
      ({ needs, path }) =>
        needs.who === 'application-tenant'
          ? undefined
          : path.includes('{slug}')
            ? 'insufficient_scope'
            : 'invalid_token',
    ),
    refused("a suspended application tenant's API key", async () => suspendedKey),
    refused(
      'the admin of an application tenant of the platform',
      async () => platformCustomer.admin,
      ({ path }) => (path.includes('{slug}') ? 'not_found' : 'insufficient_scope'),
    ),
  ];
}

/** The API keys of a tenant, each by the whole of it. */
async function apiKeysOf(api: Api, slug: string) {
  const table = api.tables.open((await api.recordOf(slug)).tableName);
  const apiKeys = createApiKeys({ table, clock: api.clock, random: systemRandom });
  return {
    async create(scopes: readonly string[], applicationTenantId?: string): Promise<string> {
      const { secret } = await apiKeys.create({
        name: 'Key',
        scopes,
        applicationTenantId,
        createdBy: 'test',
        expiresInSeconds: 3600,
      });
      return secret;
    },
    revoke: async (secret: string) => apiKeys.revoke((await apiKeys.verify(secret))?.id ?? ''),
  };
}

/** A customer of a tenant (E2) and a token of its admin. */
async function createCustomer(
  api: Api,
  slug: string,
  { issuer = 'acme', status = 'active' }: { issuer?: string; status?: 'active' | 'suspended' } = {},
) {
  const { accounts, applicationTenants } = await api.partsOf(issuer);
  const { id, version } = await applicationTenants.create({ slug, name: slug });
  const account = await accounts.create({
    email: `carla@${slug}.example`,
    name: 'Carla',
    roles: ['Admin'],
    applicationTenantId: id,
  });
  await applicationTenants.update(id, version, { status });
  const scope = adminScopes.join(' ');
  const admin = await api.token({ issuer, subject: account.id, clientId: 'console', scope });
  return { id, account, admin };
}

function formatMatrix(rows: string[][]): string {
  const legend = visitors.map(({ name }, index) => `  ${String(index + 1).padStart(2)}  ${name}`);
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const head = ['', ...visitors.map((_, index) => String(index + 1))];
  const lines = [head, ...rows].map(([name = '', ...cells]) =>
    [name.padEnd(width), ...cells.map((cell) => cell.padStart(3))].join(' '),
  );
  return `\nWho is refused where, with which status (· = not refused for that):\n${[...legend, '', ...lines].join('\n')}\n\n`;
}

/** Errors of SCIM have a form of their own (RFC 7644 §3.12), in which the status says it all. */
function codeOf(body: { code?: string; schemas?: string[]; status?: string }): string | undefined {
  const codes: Record<string, string> = { 401: 'invalid_token', 403: 'insufficient_scope', 404: 'not_found' };
  return body.schemas?.[0]?.startsWith('urn:ietf:params:scim:') ? codes[body.status ?? ''] : body.code;
}
