import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import { createTestTables } from '../support/services.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let security: Awaited<ReturnType<Api['person']>>;
let compliance: Awaited<ReturnType<Api['person']>>;
let admin: Awaited<ReturnType<Api['person']>>;
beforeAll(async () => {
  api = await createApi();
  security = await api.person('platform', 'sam@operators.example', ['Security Admin']);
  compliance = await api.person('platform', 'cora@operators.example', ['Compliance Officer']);
  admin = await api.person('platform', 'pat@operators.example', ['Platform Admin']);
});
afterAll(() => api.close());

/** A tenant that Pat ordered and that waits at its gate, as the runs leave it. */
async function waitingAt(slug: string, gate: 'validation' | 'compliance'): Promise<void> {
  const { body } = await api.post('/api/tenants', { name: slug, slug }, admin.token).expect(201);
  const isBuilt = gate === 'compliance';
  await api.postgres.query(
    `update tenants set provisioning_state = $2, status = $3, activated_at = $4 where id = $1`,
    [body.id, `awaiting-${gate}`, isBuilt ? 'active' : 'provisioning', isBuilt ? new Date() : null],
  );
  await api.postgres.query(
    `insert into provisioning_runs (id, tenant_id, state) values ($1, $2, 'running')`,
    [`run_${slug}`, body.id],
  );
  await api.postgres.query(
    `insert into provisioning_steps (run_id, position, name, status, started_at, output)
     values ($1, 1, $2, 'intended', now(), '{"mode": "manual", "checks": ["passed endpoints: fine"]}')`,
    [`run_${slug}`, gate],
  );
}

describe('the gates', () => {
  it('validation: shown to and decided by a Security Admin', async () => {
    await waitingAt('val-1', 'validation');
    const path = '/api/tenants/val-1';
    const before = await api.get(`${path}/decisions`, security.token).expect(200);
    expect(before.body).toEqual({
      decisions: [],
      waits: { gate: 'validation', since: expect.any(String), checks: ['passed endpoints: fine'] },
    });
    const { body } = await api
      .post(`${path}/validation`, { decision: 'approve', comment: 'As ordered.' }, security.token)
      .expect(200);
    expect(body).toMatchObject({ slug: 'val-1', status: 'provisioning', onboardingStatus: 'running' });
    expect(await api.jobs('tenant-provisioning')).toContainEqual({ tenantId: body.id });
    const after = await api.get(`${path}/decisions`, security.token).expect(200);
    expect(after.body).toEqual({
      decisions: [
        {
          gate: 'validation',
          decision: 'approve',
          by: `operator:${security.account.id}`,
          email: 'sam@operators.example',
          words: 'As ordered.',
          checks: [],
          runId: 'run_val-1',
          at: expect.any(String),
        },
      ],
    });
    const again = await api.post(`${path}/validation`, { decision: 'approve' }, security.token).expect(409);
    expect(again.body.code).toBe('already_decided');
  });

  it('compliance: decided by a Compliance Officer; a failure is in the directory when the answer arrives', async () => {
    const path = '/api/tenants/globex';
    const { body } = await api
      .post(`${path}/compliance-review`, { decision: 'fail', findings: 'No contract.' }, compliance.token)
      .expect(200);
    expect(body).toMatchObject({ status: 'blocked', onboardingStatus: 'blocked' });
    expect((await api.recordOf('globex')).status).toBe('blocked');
    const seen = await api.get(path, admin.token).expect(200);
    expect(seen.body.blocking).toMatchObject({ by: 'cora@operators.example', reason: 'No contract.' });
    await api.post(`${path}/compliance-review`, { decision: 'pass' }, compliance.token).expect(200);
    expect((await api.recordOf('globex')).status).toBe('active');
  });

  it('need a reason for a decision against the tenant', async () => {
    await waitingAt('val-2', 'validation');
    const rejected = await api
      .post('/api/tenants/val-2/validation', { decision: 'reject' }, security.token)
      .expect(400);
    expect(rejected.body.errors).toEqual([{ field: 'comment', message: 'is required for this decision' }]);
    const failed = await api
      .post('/api/tenants/acme/compliance-review', { decision: 'fail' }, compliance.token)
      .expect(400);
    expect(failed.body.errors).toEqual([{ field: 'findings', message: 'is required for this decision' }]);
    await api.post('/api/tenants/val-2/validation', { decision: 'pass' }, security.token).expect(400);
  });

  it('are closed to who has had another part in the tenant', async () => {
    const { roles } = await api.partsOf('platform');
    await roles.put({
      name: 'Both',
      description: 'Everything',
      scopes: ['admin', 'tenants:validate', 'tenants:review'],
    });
    const both = await api.person('platform', 'both@operators.example', ['Both']);
    await waitingAt('val-4', 'validation');
    await api.post('/api/tenants/val-4/validation', { decision: 'approve' }, both.token).expect(200);
    await api.postgres.query(
      `update tenants set activated_at = now(), status = 'active', provisioning_state = 'active' where slug = 'val-4'`,
    );
    const { body } = await api
      .post('/api/tenants/val-4/compliance-review', { decision: 'pass' }, both.token)
      .expect(403);
    expect(body).toMatchObject({
      code: 'separation_of_duties',
      detail: 'You have validated this tenant; somebody else must decide about it now.',
    });
  });

  it('decide once per Idempotency-Key', async () => {
    await waitingAt('val-5', 'validation');
    const send = () =>
      api
        .post('/api/tenants/val-5/validation', { decision: 'reject', comment: 'No.' }, security.token)
        .set('Idempotency-Key', 'once');
    const first = await send().expect(200);
    const second = await send().expect(200);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });
});

const operations: [method: 'post' | 'delete' | 'get', path: string, body: object, scope: string][] = [
  ['post', 'validation', { decision: 'approve' }, 'tenants:validate'],
  ['post', 'compliance-review', { decision: 'pass' }, 'tenants:review'],
  ['get', 'decisions', {}, 'tenants:read'],
  ['post', 'provisioning/retry', {}, 'admin'],
  ['post', 'provisioning/rollback', {}, 'admin'],
  ['post', 'suspend', { reason: 'x' }, 'admin'],
  ['post', 'resume', {}, 'admin'],
  ['delete', '', {}, 'admin'],
  ['post', 'restore', {}, 'admin'],
];

describe.each(operations)('%s /api/tenants/{slug}/%s', (method, path, body, scope) => {
  const call = (slug: string, token?: string) => {
    const request = api.http[method](`/api/tenants/${slug}${path === '' ? '' : `/${path}`}`);
    const authorized = token === undefined ? request : request.auth(token, { type: 'bearer' });
    return method === 'get' ? authorized : authorized.send(body);
  };

  it(`is for platform tokens with the scope ${scope}`, async () => {
    await call('acme').expect(401);
    const others = await api.robot('platform', ['registrations:read']);
    const refused = await call('acme', others).expect(403);
    expect(refused.headers['www-authenticate']).toContain(`scope="${scope}"`);
    await call('acme', await api.robot('acme')).expect(403);
  });

  it('shows another tenant neither that there is one nor that there is none', async () => {
    const neighbour = await api.robot('globex');
    const existing = await call('acme', neighbour).expect(404);
    const unknown = await call('nobody', neighbour).expect(404);
    const plain = ({ requestId: _, ...rest }: Record<string, unknown>) => rest;
    expect(plain(existing.body)).toEqual(plain(unknown.body));
    await call('nobody', await api.robot()).expect(404);
  });

  if (method !== 'get') {
    it('is refused for the platform tenant', async () => {
      await api.postgres.query(
        `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by, activated_at)
         values ('ten_p', 'platform', 'P', 'platform', 'active', 'active', '{}', 'x', now()) on conflict do nothing`,
      );
      const { body: problem } = await call('platform', await api.robot()).expect(409);
      expect(problem).toMatchObject({
        code: 'conflict',
        detail: 'This cannot be done to the platform tenant.',
      });
    });
  }
});

describe('suspension and deletion', () => {
  it('are felt with the answer and shown with the tenant', async () => {
    const path = '/api/tenants/acme';
    const own = await api.robot('acme');
    await api.get(path, own).expect(200);
    await api.post(`${path}/suspend`, { reason: 'Unpaid.' }, admin.token).expect(200);
    expect((await api.recordOf('acme')).status).toBe('suspended');
    await api.get(path, own).expect(401);
    const { body } = await api.get(path, admin.token).expect(200);
    expect(body).toMatchObject({
      status: 'suspended',
      suspension: { by: 'pat@operators.example', reason: 'Unpaid.', at: expect.any(String) },
    });
    await api.post(`${path}/resume`, {}, admin.token).expect(200);
    await api.get(path, own).expect(200);

    const deleted = await api.http.delete(path).auth(admin.token, { type: 'bearer' }).expect(202);
    const dueAt = new Date(api.clock.now() + 30 * 86_400_000).toISOString();
    expect(deleted.body).toMatchObject({
      status: 'deleting',
      deletion: { by: 'pat@operators.example', dueAt },
      exportUrl: 'https://id.example.com/api/tenants/acme/export',
      restoreUrl: 'https://id.example.com/api/tenants/acme/restore',
    });
    await api.get(path, own).expect(401);
    expect((await api.get(path, admin.token).expect(200)).body.deletion).toMatchObject({ dueAt });
    await api.get(`${path}/export`, admin.token).expect(200);
    await api.post(`${path}/restore`, {}, admin.token).expect(200);
    await api.get(path, own).expect(200);
    expect((await api.get(path, admin.token)).body).not.toHaveProperty('deletion');
  });
});

describe('the export', () => {
  it('holds what the tenant put there, by the line, and no credential', async () => {
    const { clients, accounts } = await api.partsOf('acme');
    const { clientSecret } = await clients.create({
      clientId: 'shop',
      name: 'Shop',
      type: 'web',
      redirectUris: ['https://shop.example/cb'],
    });
    const account = await accounts.create({ email: 'eve@acme.example', name: 'Eve', roles: ['Member'] });
    const password = 'Correct-Horse-7-Battery';
    await accounts.setPassword(account.id, password);
    await api
      .post(
        '/api/tenants/acme/resources',
        {
          indicator: 'https://api.acme.example',
          name: 'API',
          scopes: ['read'],
          accessTokenFormat: 'jwt',
          accessTokenTtlSeconds: 600,
        },
        admin.token,
      )
      .expect(201);

    // As it was stored before there was an index of accounts.
    const { id } = await accounts.create({ email: 'old@acme.example', name: 'Old', roles: [] });
    const table = createTestTables().open((await api.recordOf('acme')).tableName);
    await table.update({ pk: `Account#${id}`, sk: 'account' }, { remove: ['gsi1pk', 'gsi1sk'] });
    expect((await table.query({ index: 'gsi1', pk: 'Accounts' })).items).not.toContainEqual(
      expect.objectContaining({ email: 'old@acme.example' }),
    );

    const { text, headers } = await api
      .get('/api/tenants/acme/export', await api.robot('acme'))
      .buffer(true)
      .parse((response, done) => {
        let data = '';
        response.on('data', (chunk) => {
          data += chunk;
        });
        response.on('end', () => done(null, data));
      })
      .expect(200)
      .then(({ body, headers: got }) => ({ text: String(body), headers: got }));
    expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(headers['content-disposition']).toBe('attachment; filename="tenant-acme.ndjson"');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ type: 'tenant', slug: 'acme', issuer: 'https://id.example.com/acme' });
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'client', clientId: 'shop', clientType: 'web' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'account', email: 'eve@acme.example', roles: ['Member'] }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ type: 'account', email: 'old@acme.example' }));
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'resource', indicator: 'https://api.acme.example' }),
    );
    expect(lines.filter(({ type }) => type === 'role').map(({ name }) => name)).toEqual([
      'Admin',
      'Member',
      'Viewer',
    ]);
    const { type, counts } = lines.at(-1) ?? {};
    expect(type).toBe('end');
    const counted = Object.values(counts as Record<string, number>).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(lines.length - 1);
    for (const secret of [clientSecret, password, 'argon2', 'Hash', 'hash', 'sealed', 'reference']) {
      expect(text).not.toContain(secret);
    }
    const { rows } = await api.postgres.query(
      `select 1 from audit_events where event = 'tenant.exported' and tenant_id = $1`,
      [(await api.recordOf('acme')).id],
    );
    expect(rows.length).toBeGreaterThan(0);
  });

  it('needs its scope, and a tenant that has data', async () => {
    await api.get('/api/tenants/acme/export').expect(401);
    await api.get('/api/tenants/acme/export', security.token).expect(403);
    await api.get('/api/tenants/acme/export', await api.robot('globex')).expect(404);
    await api.get('/api/tenants/nobody/export', admin.token).expect(404);
    const slug = 'globex' as Slug;
    const { id } = await api.recordOf(slug);
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'deleted' }));
    await api.get('/api/tenants/globex/export', admin.token).expect(404);
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'active' }));
  });
});

describe('a policy below the floor of the deployment', () => {
  it.each(['/api/registrations', '/api/tenants'])('is refused at %s', async (path) => {
    const { body } = await api
      .post(
        path,
        {
          name: 'Weak',
          slug: 'weak',
          ...(path === '/api/registrations' ? { requester: { name: 'R', email: 'r@acme.example' } } : {}),
          securityPolicy: {
            passwordPolicy: { minLength: 8, requireNumbers: false, requireSpecialChars: false },
            sessionTimeout: 100_000,
          },
        },
        admin.token,
      )
      .expect(400);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
      'securityPolicy.passwordPolicy.minLength',
      'securityPolicy.passwordPolicy',
      'securityPolicy.sessionTimeout',
    ]);
  });
});
