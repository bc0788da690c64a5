import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformOnlyScopes, tenantScopes } from '../../src/identity/admin-scopes.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { token: string };
beforeAll(async () => {
  api = await createApi();
  admin = await api.person('platform', 'admin@operators.example.com', ['Platform Admin']);
});
afterAll(() => api.close());

describe('/api/tenants', () => {
  it('creates an approved tenant and answers as B1 says', async () => {
    const { body, headers } = await api
      .post(
        '/api/tenants',
        {
          name: 'Example Tenant',
          slug: 'example-tenant',
          features: { auth: ['password', '2fa'], storage: ['s3'] },
          securityPolicy: { passwordPolicy: { minLength: 12 } },
        },
        admin.token,
      )
      .expect(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^ten_[A-Za-z0-9_-]{22}$/),
      name: 'Example Tenant',
      slug: 'example-tenant',
      status: 'provisioning',
      onboardingStatus: 'queued',
    });
    expect(headers.location).toBe('https://id.example.com/api/tenants/example-tenant');
    expect(await api.jobs('tenant-provisioning')).toContainEqual({ tenantId: body.id });

    const shown = await api.get('/api/tenants/example-tenant', admin.token).expect(200);
    expect(shown.body).toMatchObject({
      id: body.id,
      status: 'provisioning',
      createdBy: 'admin@operators.example.com',
      requested: { securityPolicy: { passwordPolicy: { minLength: 12 } } },
      registration: { status: 'Approved', history: [{ what: 'Submitted' }, { what: 'Approved' }] },
      provisioning: { state: 'queued' },
    });
    expect(shown.body).not.toHaveProperty('issuer');
  });

  it('makes the named person, else the creating person, else nobody the initial admin (B7)', async () => {
    const create = async (body: object, token: string) => {
      const { body: created } = await api.post('/api/tenants', { name: 'Who', ...body }, token).expect(201);
      const { rows } = await api.postgres.query<{ admin: unknown }>(
        `select request -> 'admin' as admin from tenants where id = $1`,
        [created.id],
      );
      return rows[0]?.admin;
    };
    const named = { name: 'Ned', email: 'Ned@Who.example' };
    expect(await create({ admin: named }, admin.token)).toEqual({ name: 'Ned', email: 'ned@who.example' });
    expect(await create({}, admin.token)).toEqual({ name: 'admin', email: 'admin@operators.example.com' });
    expect(await create({}, await api.robot())).toBeNull();
  });

  it('keeps the keys of a tenant where the operator says, as far as the deployment can', async () => {
    const create = (keyMode: string) =>
      api.post('/api/tenants', { name: 'Keys', slug: 'own-keys', keyMode }, admin.token);
    const { body } = await create('kms').expect(400);
    expect(body.errors).toEqual([{ field: 'keyMode', message: 'must be local in this deployment' }]);
    await create('local').expect(201);
    const shown = await api.get('/api/tenants/own-keys', admin.token).expect(200);
    expect(shown.body.requested.keyMode).toBe('local');
  });

  it('refuses what is wrong and what is taken', async () => {
    const invalid = await api.post('/api/tenants', { slug: '-', requester: {} }, admin.token).expect(400);
    expect(invalid.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'name',
      'requester',
      'slug',
    ]);
    await api.post('/api/tenants', { name: 'X', slug: 'acme' }, admin.token).expect(409);
    await api.post('/api/tenants', { name: 'X', slug: 'platform' }, admin.token).expect(409);
  });

  it('lists page by page, newest first', async () => {
    const all = await api.get('/api/tenants', admin.token).expect(200);
    const slugs: string[] = [];
    let query = '?limit=2';
    do {
      const { body } = await api.get(`/api/tenants${query}`, admin.token).expect(200);
      slugs.push(...body.tenants.map(({ slug }: { slug: string }) => slug));
      query = body.cursor ? `?limit=2&cursor=${body.cursor}` : '';
    } while (query !== '');
    expect(slugs).toEqual(all.body.tenants.map(({ slug }: { slug: string }) => slug));
    expect(slugs.length).toBeGreaterThan(4);
    const active = all.body.tenants.find(({ slug }: { slug: string }) => slug === 'acme');
    expect(active).toMatchObject({ status: 'active', issuer: 'https://id.example.com/acme' });
    await api.get('/api/tenants?cursor=x', admin.token).expect(400);
  });

  it('does not know others', async () => {
    for (const slug of ['unknown', 'Not_a_slug', '%00', '__proto__']) {
      await api.get(`/api/tenants/${slug}`, admin.token).expect(404);
    }
  });
});

describe('/api/tenants/{slug}/clients', () => {
  const web = { name: 'Shop', type: 'web', redirectUris: ['https://shop.example/callback'] };

  it('creates a confidential client whose secret is shown once and stored as a hash (E1)', async () => {
    const token = await api.robot('acme');
    const { body, headers } = await api.post('/api/tenants/acme/clients', web, token).expect(201);
    expect(body).toMatchObject({ ...web, issuer: 'https://id.example.com/acme' });
    expect(body.clientSecret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const path = `/api/tenants/acme/clients/${body.clientId}`;
    expect(headers.location).toBe(`https://id.example.com${path}`);

    const { clientSecret, ...shown } = body;
    expect((await api.get(path, token).expect(200)).body).toEqual(shown);
    const list = await api.get('/api/tenants/acme/clients', token).expect(200);
    expect(list.body.clients).toContainEqual(shown);
    const { events } = (await api.get('/api/tenants/acme/audit?event=client.created', token).expect(200))
      .body;
    expect(events[0]).toMatchObject({ details: { clientId: body.clientId }, actor: { kind: 'client' } });
    expect(JSON.stringify([list.body, events])).not.toContain(clientSecret);
  });

  it('never keeps the secret for a repeated request', async () => {
    const token = await api.robot('acme');
    const send = () =>
      api.post('/api/tenants/acme/clients', web, token).set('Idempotency-Key', 'client-1').expect(201);
    const { clientSecret, ...shown } = (await send()).body;
    const repeated = await send();
    expect(repeated.body).toEqual(shown);
    const { rows } = await api.postgres.query<{ body: unknown }>('select body from idempotency_keys');
    expect(JSON.stringify(rows)).not.toContain(clientSecret);
  });

  it('makes public clients without a secret', async () => {
    const { body } = await api
      .post('/api/tenants/acme/clients', { ...web, type: 'spa' }, admin.token)
      .expect(201);
    expect(body).not.toHaveProperty('clientSecret');
  });

  it('tells every problem', async () => {
    const { body } = await api
      .post(
        '/api/tenants/acme/clients',
        {
          name: '',
          type: 'web',
          redirectUris: ['http://shop.example/', 'https://*.example/'],
          secret: 'mine',
        },
        admin.token,
      )
      .expect(400);
    expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'name',
      'redirectUris.0',
      'redirectUris.1',
      'secret',
    ]);
    await api.post('/api/tenants/acme/clients', { name: 'x' }, admin.token).expect(400);
  });

  it('lets nobody give a client more than they have (C1)', async () => {
    const refused = await api
      .post(
        '/api/tenants/platform/clients',
        { name: 'Way round', type: 'm2m', scopes: ['tenants:read', 'registrations:decide'] },
        admin.token,
      )
      .expect(403);
    expect(refused.body.errors).toMatchObject([{ field: 'scopes.1' }]);
    const writer = await api.robot('acme', ['clients:write']);
    for (const scope of tenantScopes.filter((name) => name !== 'clients:write')) {
      await api
        .post('/api/tenants/acme/clients', { name: 'x', type: 'm2m', scopes: [scope] }, writer)
        .expect(403);
    }
    const own = { name: 'x', type: 'm2m', scopes: ['clients:write', 'orders:read', platformOnlyScopes[0]] };
    await api.post('/api/tenants/acme/clients', own, writer).expect(201);
  });

  it('answers 404 for unknown clients and tenants, 409 for a tenant that is not built', async () => {
    await api.get('/api/tenants/acme/clients/nobody', admin.token).expect(404);
    await api.get('/api/tenants/unknown/clients', admin.token).expect(404);
    const { slug, id } = await api.recordOf('globex');
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'provisioning' }));
    await api.get('/api/tenants/globex/clients', admin.token).expect(409);
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'active' }));
  });

  it('keeps the clients of two tenants apart, whatever their ids (E4)', async () => {
    const input = { ...web, clientId: 'same-id' };
    const [acme, globex] = [await api.robot('acme'), await api.robot('globex')];
    const first = await api.post('/api/tenants/acme/clients', input, acme).expect(201);
    const second = await api
      .post('/api/tenants/globex/clients', { ...input, name: 'Other' }, globex)
      .expect(201);
    expect(first.body.clientSecret).not.toBe(second.body.clientSecret);
    await api.post('/api/tenants/acme/clients', input, acme).expect(409);
    const { body } = await api.get('/api/tenants/acme/clients/same-id', acme).expect(200);
    expect(body.name).toBe('Shop');
  });
});

describe('/api/tenants/{slug}/resources', () => {
  const orders = {
    indicator: 'https://orders.example/',
    name: 'Orders',
    scopes: ['orders:read'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 300,
  };

  it('creates and lists, and has running tenants rebuilt', async () => {
    const token = await api.robot('acme');
    const before = (await api.recordOf('acme')).configVersion;
    await api.post('/api/tenants/acme/resources', orders, token).expect(201);
    expect((await api.recordOf('acme')).configVersion).toBe(before + 1);
    const { body } = await api.get('/api/tenants/acme/resources', token).expect(200);
    expect(body.resources).toMatchObject([orders]);
    const other = await api.get('/api/tenants/globex/resources', await api.robot('globex')).expect(200);
    expect(other.body.resources).toEqual([]);
  });

  it('refuses an indicator that is taken, also by the admin API itself, or is none', async () => {
    const token = await api.robot('acme');
    const indicator = 'https://race.example/';
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        api.post('/api/tenants/acme/resources', { ...orders, indicator }, token),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const own = { ...orders, indicator: 'https://id.example.com/api' };
    await api.post('/api/tenants/acme/resources', own, token).expect(409);
    const relative = { ...orders, indicator: '/x', name: '' };
    const { body } = await api.post('/api/tenants/acme/resources', relative, token).expect(400);
    expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual(['indicator', 'name']);
  });
});

describe('the audit log', () => {
  it('shows the platform everything and a tenant its own, from its registration on (A5)', async () => {
    const all = await api.get('/api/audit?limit=100', admin.token).expect(200);
    expect(
      new Set(all.body.events.map(({ tenantId }: { tenantId: string }) => tenantId)).size,
    ).toBeGreaterThan(1);
    const { id } = await api.recordOf('acme');
    const own = await api.get('/api/tenants/acme/audit?limit=100', await api.robot('acme')).expect(200);
    expect(own.body.events.every(({ tenantId }: { tenantId: string }) => tenantId === id)).toBe(true);
    expect(own.body.events.at(-1).event).toBe('tenant.registration.submitted');
    const filtered = await api.get(`/api/audit?tenantId=${id}&limit=100`, admin.token).expect(200);
    expect(filtered.body).toEqual(own.body);
  });

  it.each(['from=yesterday', 'to=1', 'actor=%00', 'tenantId=', 'cursor=x'])(
    'refuses the query %s',
    async (query) => {
      await api.get(`/api/audit?${query}`, admin.token).expect(400);
    },
  );

  it('filters by time', async () => {
    const none = await api.get('/api/audit?to=2025-12-31T23:59:59Z', admin.token).expect(200);
    expect(none.body.events).toEqual([]);
    const some = await api.get('/api/audit?from=2025-12-31T23:59:59%2B01:00', admin.token).expect(200);
    expect(some.body.events.length).toBeGreaterThan(0);
  });

  it('lets a tenant choose no other tenant', async () => {
    const { id } = await api.recordOf('globex');
    await api.get(`/api/tenants/acme/audit?tenantId=${id}`, await api.robot('acme')).expect(400);
  });
});

describe('addresses', () => {
  it('names its endpoints at /api', async () => {
    const { body } = await api.get('/api').expect(200);
    expect(body.endpoints).toContainEqual({
      method: 'POST',
      path: '/api/registrations',
      summary: 'Request a tenant',
    });
  });

  it('has every endpoint in its documentation', async () => {
    const { body } = await api.get('/api').expect(200);
    const headings = (await readFile('docs/api.md', 'utf8')).match(/^### `.*`$/gm);
    expect(headings?.sort()).toEqual(
      body.endpoints.map(({ method, path }: Record<string, string>) => `### \`${method} ${path}\``).sort(),
    );
  });

  it.each([
    '/api/',
    '/api/nothing',
    '/API/tenants',
    '/api/tenants/',
    '/api/registrations/x/y',
    '/api//tenants',
  ])('knows nothing at %s', async (path) => {
    await api.get(path, admin.token).expect(404);
  });

  it('says which methods an address takes', async () => {
    const { headers, body } = await api.http.delete('/api/tenants').expect(405);
    expect(body.code).toBe('method_not_allowed');
    expect(String(headers.allow).split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
    await api.http.options('/api/audit').expect(405);
    await api.http.put('/api/registrations').expect(405);
  });
});
