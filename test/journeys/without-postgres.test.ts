import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { migrate } from '../../src/platform/migrations.ts';
import {
  callApi,
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
  registrationOf,
} from '../support/onboarding.ts';
import { discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { silentLog } from '../support/services.ts';

let directory: string;
let database: EmbeddedPostgres;
let server: ProductServer;
let tenant: OnboardedTenant;
let application: openid.Configuration;
let machine: openid.Configuration;
let platform: string;
let refreshToken: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-outage-'));
  // The database server may run as another user, who must be able to pass.
  await chmod(directory, 0o711);
  database = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    random: systemRandom,
    log: silentLog,
    durable: false,
  });
  const { connectionString } = database;
  await migrate({ connectionString, log: silentLog });
  server = await startServer({ connectionString });
  tenant = await onboardTenant(server, { slug: 'acme' });
  const { issuer, clientId, clientSecret, redirectUri, admin: user } = tenant;
  platform = await platformToken(server);
  const [robot] = await createInTenant(server, 'acme', platform, {
    clients: [{ clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['tenants:read'] }],
  });
  application = await discover(issuer, clientId, clientSecret);
  machine = await discover(issuer, 'robot', robot.clientSecret);
  refreshToken = (await signIn(application, { redirectUri, user })).refresh_token ?? '';

  await database.stop();
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

describe('with PostgreSQL stopped', () => {
  it('users sign in, applications refresh, and machines get tokens', async () => {
    const { redirectUri, admin: user } = tenant;
    const tokens = await signIn(application, { redirectUri, user, parameters: { scope: 'openid email' } });
    const { sub } = tokens.claims() ?? { sub: '' };
    expect(await openid.fetchUserInfo(application, tokens.access_token, sub)).toMatchObject({
      email: user.email,
    });
    const refreshed = await openid.refreshTokenGrant(application, refreshToken);
    expect(refreshed.claims()?.sub).toBe(sub);
    const { access_token: token } = await openid.clientCredentialsGrant(machine, {
      resource: server.bootstrap.resource,
      scope: 'tenants:read',
    });
    expect(token.split('.')).toHaveLength(3);
  });

  it('discovery, key set and readiness are as ever', async () => {
    for (const path of ['/acme/.well-known/openid-configuration', '/acme/jwks', '/readyz', '/healthz', '/']) {
      expect((await fetch(server.origin + path)).status, path).toBe(200);
    }
  });

  it('the admin API says that it will be back', async () => {
    const asked = [
      await callApi(server, 'POST', '/api/registrations', { body: registrationOf({ slug: 'later' }) }),
      await callApi(server, 'GET', `/api/registrations/${tenant.orderId}`),
      await callApi(server, 'GET', '/api/tenants', { token: platform }),
      await callApi(server, 'POST', '/api/tenants', { token: platform, body: { name: 'Later' } }),
      await callApi(server, 'GET', '/api/audit', { token: platform }),
    ];
    for (const { status, headers, body } of asked) {
      expect(status).toBe(503);
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(body).toMatchObject({ status: 503, code: 'temporarily_unavailable' });
      expect(JSON.stringify(body)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/i);
    }
  });

  it('who may not do a thing is told so even now', async () => {
    expect((await callApi(server, 'GET', '/api/tenants')).status).toBe(401);
    const { access_token: token } = await openid.clientCredentialsGrant(machine, {
      resource: server.bootstrap.resource,
      scope: 'tenants:read',
    });
    expect((await callApi(server, 'GET', '/api/tenants', { token })).status).toBe(403);
    const { status } = await callApi(server, 'GET', '/api/tenants/platform', { token });
    expect(status).toBe(404);
  });
});
