import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { tenantScopes } from '../../src/identity/admin-scopes.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('acme');
});
afterAll(() => api.close());

const path = '/api/tenants/acme/clients';
const web = { name: 'Shop', type: 'web', redirectUris: ['https://shop.example/cb'] };
const keyOf = (type: 'public' | 'private') =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })[`${type}Key`].export({ format: 'jwk' });

async function create(body: object) {
  const answer = await api.post(path, body, admin);
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

function patch(clientId: string, change: object, token = admin) {
  return api.http
    .patch(`${path}/${clientId}`)
    .auth(token, { type: 'bearer' })
    .set('If-Match', '*')
    .send(change);
}

describe('settings of a client', () => {
  it('are kept, changed one by one, and taken back', async () => {
    const settings = {
      idTokenSignedResponseAlg: 'ES256',
      defaultMaxAge: 3600,
      requireAuthTime: true,
      initiateLoginUri: 'https://shop.example/login',
      dpopBoundAccessTokens: true,
      requirePushedAuthorizationRequests: true,
      logoUri: 'https://shop.example/logo.png',
      contacts: ['shop@example.com'],
      applicationTenantId: 'default',
      requireMfa: true,
    };
    const { clientId } = await create({ ...web, ...settings });
    const changed = await patch(clientId, { defaultMaxAge: 60, requireMfa: null, contacts: [] });
    expect(changed.status).toBe(200);
    const { requireMfa: _, ...rest } = settings;
    expect(changed.body).toMatchObject({ ...web, ...rest, defaultMaxAge: 60, contacts: [] });
    expect(changed.body).not.toHaveProperty('requireMfa');
  });

  it.each([
    [{ idTokenSignedResponseAlg: 'RS256' }, 'idTokenSignedResponseAlg'],
    [{ idTokenSignedResponseAlg: 'none' }, 'idTokenSignedResponseAlg'],
    [{ tokenEndpointAuthMethod: 'none' }, 'tokenEndpointAuthMethod'],
    [{ tokenEndpointAuthMethod: 'private_key_jwt' }, 'jwks'],
    [{ jwks: { keys: [keyOf('public')] } }, 'jwks'],
    [
      { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [keyOf('public'), keyOf('private')] } },
      'jwks.keys.1',
    ],
    [{ tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [{ kty: 'RSA' }] } }, 'jwks.keys.0'],
    [{ tokenEndpointAuthMethod: 'private_key_jwt', jwksUri: 'https://10.0.0.1/jwks' }, 'jwksUri'],
    [{ tokenEndpointAuthMethod: 'private_key_jwt', jwksUri: 'http://localhost/jwks' }, 'jwksUri'],
    [{ backchannelLogoutUri: 'https://169.254.169.254/' }, 'backchannelLogoutUri'],
    [{ logoUri: 'javascript:alert(1)' }, 'logoUri'],
    [{ policyUri: 'http://shop.example/' }, 'policyUri'],
    [{ contacts: ['nobody'] }, 'contacts.0'],
    [{ defaultMaxAge: -1 }, 'defaultMaxAge'],
    [{ applicationTenantId: 'other' }, 'applicationTenantId'],
    [{ redirectUris: ['https://shop.example/*'] }, 'redirectUris.0'],
    [{ redirectUris: [] }, 'redirectUris'],
  ])('are refused where they are wrong: %j', async (change, field) => {
    const { status, body } = await api.post(path, { ...web, ...change }, admin);
    expect(status).toBe(400);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });

  it.each([
    ['m2m', { redirectUris: ['https://a.example/'] }, 'redirectUris'],
    ['m2m', { requireMfa: true }, 'requireMfa'],
    ['device', { redirectUris: ['https://a.example/'] }, 'redirectUris'],
    [
      'spa',
      { redirectUris: ['https://a.example/'], tokenEndpointAuthMethod: 'client_secret_basic' },
      'tokenEndpointAuthMethod',
    ],
  ])('are refused where a %s client has none: %j', async (type, change, field) => {
    const { status, body } = await api.post(path, { name: 'X', type, ...change }, admin);
    expect(status).toBe(400);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });

  it('do not include its type', async () => {
    const { clientId } = await create(web);
    const { status, body } = await patch(clientId, { type: 'spa' });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field: 'type', message: 'cannot be changed; create another client' }]);
    expect((await patch(clientId, { clientId: 'other' })).body.errors).toEqual([
      { field: 'clientId', message: 'is not a known field' },
    ]);
  });
});

describe('the scopes that a client may ask for at each API', () => {
  const resource = 'https://orders.example/';

  it('are some of its scopes, and each API is named once', async () => {
    const refused = await api.post(
      path,
      {
        name: 'Job',
        type: 'm2m',
        scopes: ['read'],
        resourceScopes: [
          { resource, scopes: ['read', 'write'] },
          { resource, scopes: [] },
        ],
      },
      admin,
    );
    expect([refused.status, refused.body.errors.map(({ field }: { field: string }) => field)]).toEqual([
      400,
      ['resourceScopes.0.scopes.1', 'resourceScopes.1.resource'],
    ]);
    const entry = { resource, scopes: ['read'] };
    const { clientId } = await create({
      name: 'Job',
      type: 'm2m',
      scopes: ['read'],
      resourceScopes: [entry],
    });
    expect((await api.get(`${path}/${clientId}`, admin)).body.resourceScopes).toEqual([entry]);
    await patch(clientId, { scopes: ['write'] }).expect(400);
    expect((await patch(clientId, { resourceScopes: null })).body).not.toHaveProperty('resourceScopes');
  });

  it('hold for the admin API, also for tokens that it has already', async () => {
    const token = await api.robot('acme', ['clients:read']);
    const { client_id: clientId } = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    );
    await api.get(path, token).expect(200);
    await patch(clientId, { resourceScopes: [{ resource, scopes: ['clients:read'] }] }).expect(200);
    await api.get(path, token).expect(403);
    const here = { resource: 'https://id.example.com/api', scopes: ['clients:read'] };
    await patch(clientId, { resourceScopes: [here] }).expect(200);
    await api.get(path, token).expect(200);
  });
});

describe('a client whose people have names of their own there', () => {
  const sectorIdentifierUri = 'https://shop.example/sector.json';
  const hosts = ['https://shop.example/cb', 'https://books.example/cb'];
  const list = (redirectUris: unknown, status = 200) =>
    api.outside.set(sectorIdentifierUri, { status, body: JSON.stringify(redirectUris) });
  const wish = { name: 'Shop', type: 'web', subjectType: 'pairwise', redirectUris: hosts };
  const fieldsOf = ({ body }: { body: { errors?: { field: string; message: string }[] } }) =>
    (body.errors ?? []).map(({ field, message }) => `${field} ${message}`);

  it('belongs to the sector that lists its redirect URIs, which is read when it is made or changed', async () => {
    expect(fieldsOf(await api.post(path, wish, admin).expect(400))).toEqual([
      'sectorIdentifierUri is mandatory property',
    ]);
    const sectored = { ...wish, sectorIdentifierUri };
    for (const [answer, status, problem] of [
      [hosts, 404, 'sectorIdentifierUri must lead to a JSON array of redirect URIs'],
      [{}, 200, 'sectorIdentifierUri must lead to a JSON array of redirect URIs'],
      [hosts.slice(0, 1), 200, 'redirectUris.1 is not in the list at the sectorIdentifierUri'],
    ] as const) {
      list(answer, status);
      expect(fieldsOf(await api.post(path, sectored, admin).expect(400))).toEqual([problem]);
    }
    list(hosts);
    const { clientId } = await create(sectored);
    // What was found is not asked for again, until it matters.
    api.outside.delete(sectorIdentifierUri);
    await patch(clientId, { name: 'Renamed' }).expect(200);
    await patch(clientId, { redirectUris: hosts.slice(0, 1) }).expect(200);
    list(hosts);
    const stranger = await patch(clientId, { redirectUris: ['https://stranger.example/cb'] });
    expect(fieldsOf(stranger)).toEqual(['redirectUris.0 is not in the list at the sectorIdentifierUri']);
    await patch(clientId, { redirectUris: hosts }).expect(200);
  });

  it('is read through the guard that keeps requests out of our own network', async () => {
    for (const address of ['https://169.254.169.254/x', 'https://localhost/x', 'https://printer.local/x']) {
      const refused = await api.post(path, { ...wish, sectorIdentifierUri: address }, admin).expect(400);
      expect(refused.body.errors[0].field).toBe('sectorIdentifierUri');
    }
  });

  it('is one that browsers return to', async () => {
    const native = { ...wish, type: 'native', redirectUris: ['com.example.app:/cb'] };
    expect(fieldsOf(await api.post(path, native, admin).expect(400))).toEqual([
      'subjectType pairwise is for web and spa clients',
    ]);
    const open = { ...web, sectorIdentifierUri };
    list(web.redirectUris);
    expect(fieldsOf(await api.post(path, open, admin).expect(400))).toEqual([
      'sectorIdentifierUri is for the subjectType pairwise only',
    ]);
  });
});

it('a client is bound to an application tenant that is there', async () => {
  const { applicationTenants } = await api.partsOf('acme');
  const elsewhere = (await api.partsOf('globex')).applicationTenants;
  const { id } = await applicationTenants.create({ slug: 'bound', name: 'Bound' });
  const foreign = await elsewhere.create({ slug: 'foreign', name: 'Foreign' });
  const problem = [{ field: 'applicationTenantId', message: 'is no application tenant' }];
  for (const applicationTenantId of [foreign.id, `apt_${'x'.repeat(22)}`]) {
    const refused = await api.post(path, { ...web, applicationTenantId }, admin).expect(400);
    expect(refused.body.errors).toEqual(problem);
  }
  const { clientId } = await create({ ...web, applicationTenantId: id });
  expect((await patch(clientId, { applicationTenantId: foreign.id }).expect(400)).body.errors).toEqual(
    problem,
  );
  const present = await applicationTenants.get(id);
  await applicationTenants.update(id, present?.version ?? '', { status: 'removing' });
  await api.post(path, { ...web, applicationTenantId: id }, admin).expect(400);
  await patch(clientId, { name: 'Still there' }).expect(200);
});

describe('the id of a client', () => {
  it('is never one that a user may have, so that no token of it is taken for a person’s (RFC 9700 §4.15)', async () => {
    const { account } = await api.person('acme', 'ida@acme.example', ['Admin']);
    for (const clientId of [account.id, 'acc_', 'acc_robot', 'ACC_robot'].map((id) => id.padEnd(5, 'x'))) {
      const { status, body } = await api.post(path, { ...web, clientId }, admin);
      expect([status, body.errors]).toEqual([
        400,
        [{ field: 'clientId', message: 'must not begin as the ids of users do (acc_)' }],
      ]);
    }
    await create({ ...web, clientId: 'account-robot' });
  });
});

describe('a secret', () => {
  it('is replaced, and the former one ended, with nothing of either in a list', async () => {
    const { clientId, clientSecret } = await create({ name: 'Job', type: 'm2m' });
    const rotated = await api.post(`${path}/${clientId}/secret/rotate`, { graceSeconds: 60 }, admin);
    expect(rotated.status).toBe(200);
    expect(rotated.body.clientSecret).not.toBe(clientSecret);
    expect(rotated.body.formerSecretUntil).toBe(new Date(api.clock.now() + 60_000).toISOString());
    const ended = await api.post(`${path}/${clientId}/secret/end-former`, {}, admin);
    expect(ended.body).not.toHaveProperty('formerSecretUntil');
    expect(ended.body).not.toHaveProperty('clientSecret');

    const { events } = await listAudit(api.postgres, { limit: 50 });
    const own = events.filter(({ details }) => details.clientId === clientId);
    expect(own.map(({ event }) => event)).toEqual([
      'client.former-secret-ended',
      'client.secret-rotated',
      'client.created',
    ]);
    expect(JSON.stringify(own)).not.toContain(rotated.body.clientSecret);
  });

  it('is there only where the client has one', async () => {
    const { clientId } = await create({ name: 'App', type: 'spa', redirectUris: ['https://a.example/'] });
    expect((await api.post(`${path}/${clientId}/secret/rotate`, {}, admin)).status).toBe(409);
    expect((await api.post(`${path}/nobody/secret/rotate`, {}, admin)).status).toBe(404);
    expect((await api.post(`${path}/nobody/secret/end-former`, {}, admin)).status).toBe(404);
  });

  it('of a client that may do more than the caller is not the caller’s to take', async () => {
    const { clientId } = await create({ name: 'Powerful', type: 'm2m', scopes: [...tenantScopes] });
    const limited = await api.robot('acme', ['clients:read', 'clients:write']);
    expect((await api.post(`${path}/${clientId}/secret/rotate`, {}, limited)).status).toBe(403);
    const jwks = { keys: [keyOf('public')] };
    expect(
      (await patch(clientId, { tokenEndpointAuthMethod: 'private_key_jwt', jwks }, limited)).status,
    ).toBe(403);
    const { clientId: plain } = await create({ name: 'Plain', type: 'm2m' });
    expect((await patch(plain, { scopes: ['keys:write'] }, limited)).status).toBe(403);
    expect((await patch(plain, { scopes: ['clients:read', 'own:scope'] }, limited)).status).toBe(200);
  });
});

describe('a change', () => {
  it('is recorded with what was before', async () => {
    const { clientId } = await create(web);
    await patch(clientId, { name: 'Store' });
    const { events } = await listAudit(api.postgres, { limit: 5 });
    const event = events.find(({ details }) => details.clientId === clientId);
    expect(event).toMatchObject({
      event: 'client.changed',
      details: { clientId, before: { name: 'Shop' }, after: { name: 'Store' } },
    });
  });

  it('that disables a client ends the admin API for it at once, and another lets it in again', async () => {
    const token = await api.robot('acme', ['clients:read']);
    const { client_id: clientId } = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    );
    await api.get(path, token).expect(200);
    await patch(clientId, { enabled: false }).expect(200);
    await api.get(path, token).expect(401);
    await patch(clientId, { enabled: true }).expect(200);
    await api.get(path, token).expect(200);
  });

  it('ends what people do through a disabled client', async () => {
    const { token } = await api.person('acme', 'ann@acme.example', ['Admin']);
    await api.get(path, token).expect(200);
    await patch('console', { enabled: false }).expect(200);
    await api.get(path, token).expect(401);
    await patch('console', { enabled: true }).expect(200);
  });
});
