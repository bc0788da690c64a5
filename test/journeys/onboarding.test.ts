import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  acceptInvitation,
  adminPassword,
  callApi,
  findInvitation,
  followOrder,
  isActive,
  onboardTenant,
  operatorToken,
  platformToken,
  readOutbox,
  registrationOf,
} from '../support/onboarding.ts';
import { discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';

let server: ProductServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

describe('from a registration to a verified ID token', () => {
  it('goes through the decision of a signed-in member of the OAuth team, and no view of the order shows a secret', async () => {
    const registration = registrationOf({ slug: 'payments' });
    const submitted = await callApi(server, 'POST', '/api/registrations', { body: registration });
    expect(submitted.status).toBe(202);
    expect(submitted.body).toEqual({
      orderId: expect.stringMatching(/^ord_[\w-]{32}$/),
      status: 'Submitted',
      statusUrl: `${server.origin}/api/registrations/${submitted.body.orderId}`,
      slug: 'payments',
    });
    const { orderId } = submitted.body;
    const views = await followOrder(server, orderId, ({ status }) => status === 'In-Process');

    const token = await operatorToken(server, 'OAuth Team', 'registrations:read registrations:decide');
    const waiting = await callApi(server, 'GET', '/api/registrations?status=In-Process', { token });
    expect(waiting.body.registrations).toMatchObject([{ orderId, slug: 'payments' }]);
    const approved = await callApi(server, 'POST', `/api/registrations/${orderId}/approve`, {
      token,
      body: { comment: 'Known group' },
    });
    expect(approved).toMatchObject({ status: 200, body: { status: 'Approved' } });
    views.push(approved, ...(await followOrder(server, orderId, isActive)));

    const link = await findInvitation(server, 'payments', registration.requester.email);
    const { clientSecret } = await acceptInvitation(server, link, adminPassword);
    expect(clientSecret).toMatch(/^[\w-]{43}$/);
    views.push(await callApi(server, 'GET', `/api/registrations/${orderId}`));

    const last = views.at(-1)?.body;
    expect(last).toMatchObject({
      status: 'Approved',
      issuer: `${server.origin}/payments`,
      firstClientId: 'payments-web',
      provisioning: { state: 'active' },
    });
    expect(last.history.map(({ what }: { what: string }) => what)).toEqual([
      'Submitted',
      'In-Process',
      'Approved',
    ]);

    const application = await discover(last.issuer, last.firstClientId, clientSecret);
    const tokens = await signIn(application, {
      redirectUri: 'https://web.example/callback',
      user: { email: registration.requester.email, password: adminPassword },
      parameters: { scope: 'openid profile email roles' },
    });
    expect(tokens.claims()).toMatchObject({ iss: last.issuer, aud: 'payments-web' });

    const operator = server.bootstrap.operators.find(({ roles }) => roles.includes('OAuth Team'));
    const secrets = [
      clientSecret,
      link,
      link.split('/').at(-1),
      adminPassword,
      operator?.password,
      token,
      server.bootstrap.client.client_secret,
      tokens.access_token,
      tokens.refresh_token,
    ];
    expect(views.length).toBeGreaterThanOrEqual(4);
    for (const { text } of views) {
      for (const secret of secrets) {
        expect(text).not.toContain(secret);
      }
      expect(text).not.toMatch(/password|secret|hash|invitation\//i);
    }
  });
});

describe('a first client without a secret', () => {
  it.each([
    { clientType: 'spa' as const, redirectUri: 'https://spa.example/callback' },
    { clientType: 'native' as const, redirectUri: 'com.example.app:/callback' },
  ])('of type $clientType signs the admin in at once', async ({ clientType, redirectUri }) => {
    const tenant = await onboardTenant(server, { slug: `portal-${clientType}`, clientType });
    expect(tenant).toMatchObject({ clientSecret: undefined, redirectUri });

    const application = await discover(tenant.issuer, tenant.clientId);
    const tokens = await signIn(application, { redirectUri, user: tenant.admin });
    expect(tokens.claims()).toMatchObject({ iss: tenant.issuer, aud: tenant.clientId });
    const refreshed = await openid.refreshTokenGrant(application, tokens.refresh_token ?? '');
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  });
});

describe('a registration that is not approved', () => {
  it('is disapproved with a reason that the requester reads, leaves no tenant, and frees the slug', async () => {
    const registration = registrationOf({ slug: 'refused' });
    const { body: order } = await callApi(server, 'POST', '/api/registrations', { body: registration });
    await followOrder(server, order.orderId, ({ status }) => status === 'In-Process');
    const token = await operatorToken(server, 'OAuth Team', 'registrations:decide');
    const path = `/api/registrations/${order.orderId}`;

    const body = { reason: 'Use the tenant of your department' };
    expect(await callApi(server, 'POST', `${path}/disapprove`, { token, body })).toMatchObject({
      status: 200,
      body: { status: 'Disapproved' },
    });
    const again = await callApi(server, 'POST', `${path}/approve`, { token, body: {} });
    expect(again).toMatchObject({ status: 409, body: { code: 'already_decided' } });

    const { body: view } = await callApi(server, 'GET', path);
    expect(view).toMatchObject({ status: 'Disapproved', history: [{}, {}, { why: body.reason }] });
    expect(view).not.toHaveProperty('issuer');
    expect((await fetch(`${server.origin}/refused/.well-known/openid-configuration`)).status).toBe(404);
    expect((await callApi(server, 'POST', '/api/registrations', { body: registration })).status).toBe(202);
  });

  it('cannot be decided by its requester, nor by an operator who may not decide', async () => {
    const team = server.bootstrap.operators.find(({ roles }) => roles.includes('OAuth Team'));
    const registration = registrationOf({ slug: 'own-order', email: team?.email ?? '' });
    const { body: order } = await callApi(server, 'POST', '/api/registrations', { body: registration });
    await followOrder(server, order.orderId, ({ status }) => status === 'In-Process');
    const approve = async (role: string) =>
      callApi(server, 'POST', `/api/registrations/${order.orderId}/approve`, {
        token: await operatorToken(server, role, 'registrations:read registrations:decide'),
        body: {},
      });

    expect(await approve('OAuth Team')).toMatchObject({
      status: 403,
      body: { code: 'separation_of_duties' },
    });
    expect(await approve('Platform Admin')).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    const { body: view } = await callApi(server, 'GET', `/api/registrations/${order.orderId}`);
    expect(view.status).toBe('In-Process');
  });
});

describe('POST /api/tenants (B1)', () => {
  const body = {
    name: 'Tenant Name',
    slug: 'tenant-slug',
    features: { auth: ['password', '2fa', 'passkey'], storage: ['s3'], email: ['templates'] },
    securityPolicy: {
      passwordPolicy: { minLength: 12, requireSpecialChars: true },
      sessionTimeout: 3600,
    },
  };

  it('creates an approved tenant that becomes active, and refuses a token without the scope', async () => {
    const created = await callApi(server, 'POST', '/api/tenants', {
      token: await platformToken(server),
      body,
    });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^ten_[\w-]{22}$/),
      name: 'Tenant Name',
      slug: 'tenant-slug',
      status: 'provisioning',
      onboardingStatus: 'queued',
    });

    const token = await platformToken(server, 'tenants:read audit:read');
    const tenant = await vi.waitFor(
      async () => {
        const answer = await callApi(server, 'GET', '/api/tenants/tenant-slug', { token });
        expect(answer.body).toMatchObject({ status: 'active', onboardingStatus: 'active' });
        return answer.body;
      },
      { timeout: 40_000, interval: 20 },
    );
    expect(tenant).toMatchObject({
      issuer: `${server.origin}/tenant-slug`,
      requested: { features: body.features, securityPolicy: body.securityPolicy },
    });
    const { body: audit } = await callApi(
      server,
      'GET',
      '/api/tenants/tenant-slug/audit?event=tenant.created',
      {
        token,
      },
    );
    expect(audit.events).toMatchObject([{ details: { type: 'TENANT_CREATED' } }]);

    const refused = await callApi(server, 'POST', '/api/tenants', {
      token,
      body: { ...body, slug: 'another' },
    });
    expect(refused).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
  });

  it('makes a slug from the name and invites the operator who signed in', async () => {
    const token = await operatorToken(server, 'Platform Admin', 'admin tenants:read');
    const { status, body: created } = await callApi(server, 'POST', '/api/tenants', {
      token,
      body: { name: 'Human Resources' },
    });
    expect({ status, slug: created.slug }).toEqual({ status: 201, slug: 'human-resources' });
    const operator = server.bootstrap.operators.find(({ roles }) => roles.includes('Platform Admin'));
    await vi.waitFor(
      async () =>
        expect(await readOutbox(server)).toContainEqual(
          expect.objectContaining({
            to: operator?.email,
            text: expect.stringContaining(`${server.origin}/human-resources/invitation/`),
          }),
        ),
      { timeout: 40_000, interval: 20 },
    );
  });
});
