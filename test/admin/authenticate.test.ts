import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type TokenOptions } from './api-fixture.ts';

let api: Api;
beforeAll(async () => {
  api = await createApi();
  const { clients } = await api.partsOf('platform');
  await clients.create({ clientId: 'reader', name: 'Reader', type: 'm2m', scopes: ['tenants:read'] });
});
afterAll(() => api.close());

const reader: TokenOptions = { clientId: 'reader', scope: 'tenants:read' };

describe('a token', () => {
  it('of the platform is good for what it allows', async () => {
    const { body } = await api.get('/api/tenants', await api.token(reader)).expect(200);
    expect(body.tenants.map(({ slug }: { slug: string }) => slug).sort()).toEqual(['acme', 'globex']);
  });

  it('is needed', async () => {
    const { headers, body } = await api.get('/api/tenants').expect(401);
    expect(headers['www-authenticate']).toBe('Bearer realm="Tenantry"');
    expect(body.code).toBe('invalid_token');
  });

  const now = Date.UTC(2026, 0, 1) / 1000;
  it.each<[string, TokenOptions]>([
    ['for another audience', { claims: { aud: 'https://id.example.com' } }],
    ['that has expired', { claims: { exp: now - 6 } }],
    ['that is not valid yet', { claims: { nbf: now + 60 } }],
    ['without expiry', { claims: { exp: undefined } }],
    ['of another type', { header: { typ: 'JWT' } }],
    ['without type', { header: { typ: undefined } }],
    ['with an algorithm its key is not for', { header: { alg: 'ES384' } }],
    ['of an unknown key', { header: { kid: 'key-2' } }],
    ['signed with another tenant’s key', { signedBy: 'acme' }],
    ['of an issuer elsewhere', { claims: { iss: 'https://evil.example/platform' } }],
    ['of an issuer that only looks like one', { claims: { iss: 'https://id.example.com/platform/' } }],
    ['of an unknown tenant', { claims: { iss: 'https://id.example.com/unknown' } }],
    ['bound to a key (DPoP)', { claims: { cnf: { jkt: 'x' } } }],
    ['of a client that does not exist', { clientId: 'nobody' }],
    ['of a person who does not exist', { subject: 'acc_nobody' }],
  ])('%s is refused', async (_what, options) => {
    const { headers } = await api.get('/api/tenants', await api.token({ ...reader, ...options })).expect(401);
    expect(headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('that is none is refused', async () => {
    const good = await api.token(reader);
    const [header, payload, signature] = good.split('.');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
      .sign(privateKey);
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' })
      .sign(Buffer.from(JSON.stringify((await api.recordOf('platform')).signingKeys[0]?.publicJwk)));
    for (const token of ['x', 'a.b.c', `${header}.${payload}.`, `${header}.${payload}`, forged, hmac]) {
      await api.get('/api/tenants', token).expect(401);
    }
    await api.get('/api/tenants', new UnsecuredJWT(claims).encode()).expect(401);
    for (const scheme of ['Basic', 'DPoP', 'Bearer ']) {
      await api.http.get('/api/tenants').set('Authorization', `${scheme} ${signature}`).expect(401);
    }
    await api.get(`/api/tenants?access_token=${good}`).expect(401);
  });

  it('gives no more than its scope', async () => {
    const { headers, body } = await api
      .get('/api/audit', await api.token({ ...reader, scope: 'tenants:read' }))
      .expect(403);
    expect(headers['www-authenticate']).toContain('error="insufficient_scope", scope="audit:read"');
    expect(body.code).toBe('insufficient_scope');
  });

  it('gives no more than its client has now', async () => {
    await api.get('/api/audit', await api.token({ ...reader, scope: 'audit:read tenants:read' })).expect(403);
    const { clients } = await api.partsOf('platform');
    await clients.create({ clientId: 'gone', name: 'Gone', type: 'm2m', scopes: ['tenants:read'] });
    const token = await api.token({ ...reader, clientId: 'gone' });
    await api.get('/api/tenants', token).expect(200);
    await clients.remove('gone');
    await api.get('/api/tenants', token).expect(401);
  });

  it('of a client that users sign in through does not count as the client itself', async () => {
    const { clients } = await api.partsOf('platform');
    await clients.create({
      clientId: 'site',
      name: 'Site',
      type: 'web',
      redirectUris: ['https://site.example/'],
      scopes: ['tenants:read'],
    });
    await api.get('/api/tenants', await api.token({ ...reader, clientId: 'site' })).expect(401);
  });

  it('of a person gives no more than the roles do now', async () => {
    const { accounts } = await api.partsOf('platform');
    const { account, token } = await api.person('platform', 'pat@operators.example.com', ['Platform Admin']);
    await api.get('/api/tenants', token).expect(200);
    await accounts.setRoles(account.id, []);
    await api.get('/api/tenants', token).expect(403);
    await accounts.setRoles(account.id, ['Security Admin']);
    await api.get('/api/tenants', token).expect(200);
    await api.post('/api/tenants', { name: 'X' }, token).expect(403);
    await accounts.setDisabled(account.id, true);
    await api.get('/api/tenants', token).expect(401);
  });

  it('of somebody in an application tenant gives nothing outside of it, whatever the role (E2)', async () => {
    const { applicationTenants, accounts } = await api.partsOf('acme');
    const customerTenant = await applicationTenants.create({ slug: 'customer', name: 'Customer' });
    const customer = await accounts.create({
      applicationTenantId: customerTenant.id,
      email: 'someone@customer.example',
      name: 'Someone',
      roles: ['Admin'],
    });
    const token = await api.token({
      issuer: 'acme',
      subject: customer.id,
      clientId: 'console',
      scope: 'tenants:read users:read',
    });
    await api.get('/api/tenants/acme', token).expect(403);
    await api.get('/api/tenants/acme/users', token).expect(200);
    await applicationTenants.remove(customerTenant.id);
    await api.get('/api/tenants/acme/users', token).expect(401);
  });
});

describe('a token of a tenant', () => {
  it('is good for that tenant and tells nothing of others (E3)', async () => {
    const token = await api.robot('acme');
    await api.get('/api/tenants/acme', token).expect(200);
    const answers = await Promise.all(
      ['globex', 'platform', 'unknown', 'Not_a_slug', '%00'].flatMap((slug) =>
        ['', '/clients', '/clients/x', '/resources', '/audit'].map((path) =>
          api.get(`/api/tenants/${slug}${path}`, token).expect(404),
        ),
      ),
    );
    const bodies = answers.map(({ body: { requestId: _, ...rest } }) => JSON.stringify(rest));
    expect(new Set(bodies).size).toBe(1);
    for (const path of ['clients', 'resources']) {
      await api.post(`/api/tenants/globex/${path}`, { name: 'x', type: 'm2m' }, token).expect(404);
    }
  });

  it('is no good for the platform', async () => {
    const token = await api.robot('acme', ['tenants:read', 'audit:read', 'admin', 'registrations:read']);
    for (const path of ['/api/tenants', '/api/audit', '/api/registrations']) {
      await api.get(path, token).expect(403);
    }
    await api.post('/api/tenants', { name: 'X' }, token).expect(403);
  });

  it('ends with the tenant', async () => {
    const token = await api.robot('globex');
    const { slug, id } = await api.recordOf('globex');
    await api.get('/api/tenants/globex', token).expect(200);
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'suspended' }));
    await api.get('/api/tenants/globex', token).expect(401);
    await api.directory.update(slug, id, (record) => ({ ...record, status: 'active' }));
    await api.get('/api/tenants/globex', token).expect(200);
  });

  it('of a person needs the role Admin', async () => {
    const member = await api.person('acme', 'member@acme.example', ['Member', 'Viewer']);
    const admin = await api.person('acme', 'admin@acme.example', ['Admin']);
    await api.get('/api/tenants/acme', member.token).expect(403);
    await api.get('/api/tenants/acme', admin.token).expect(200);
  });
});
