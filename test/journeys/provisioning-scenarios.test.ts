/**
 * The scenarios of tenant provisioning and their failure paths (C8), over HTTP, with the people who take part: who provisions, who validates, who
 * reviews, and who receives access. Two server processes share one deployment; gates are manual unless a scenario says otherwise.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { verifyStatement } from '../../src/audit/statements.ts';
import { createPolicyStore, defaultSecurityPolicy } from '../../src/identity/security-policy.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { receiptType } from '../../src/provisioning/receipt.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import {
  type ApiAnswer,
  acceptInvitation,
  adminPassword,
  callApi,
  findInvitation,
  operatorToken,
  platformToken,
  readOutbox,
} from '../support/onboarding.ts';
import { discover, signIn } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { sendRaw } from '../web/raw-request.ts';

let server: ProductServer;
/** Another process of the same deployment. */
let second: ProductServer;
const token: Record<'platformAdmin' | 'securityAdmin' | 'complianceOfficer', string> = {
  platformAdmin: '',
  securityAdmin: '',
  complianceOfficer: '',
};
let onPoint: OnSagaPoint = async () => {};

beforeAll(async () => {
  const env = { VALIDATION: 'manual', COMPLIANCE: 'manual', TENANT_REVALIDATE_SECONDS: '60' };
  const overrides = { onProvisioningPoint: (point: Parameters<OnSagaPoint>[0]) => onPoint(point) };
  server = await startServer({ env, overrides });
  second = await startServer({ env: { ...env, MODE: 'serve' }, beside: server });
  token.platformAdmin = await operatorToken(server, 'Platform Admin', 'admin tenants:read audit:read');
  token.securityAdmin = await operatorToken(server, 'Security Admin', 'tenants:validate tenants:read');
  token.complianceOfficer = await operatorToken(
    server,
    'Compliance Officer',
    'tenants:review tenants:read audit:read',
  );
}, 120_000);
afterAll(async () => {
  await second.close();
  await server.close();
});

const adminOf = (slug: string) => ({ name: 'Ada Lovelace', email: `ada@${slug}.example` });

const call = (method: string, path: string, by: string, body?: unknown) =>
  callApi(server, method, path, { token: by, ...(body === undefined ? {} : { body }) });

async function provision(slug: string, by = token.platformAdmin): Promise<void> {
  const answer = await call('POST', '/api/tenants', by, {
    name: `Tenant ${slug}`,
    slug,
    admin: adminOf(slug),
    redirectUris: ['https://web.example/callback'],
  });
  expect(answer.status).toBe(201);
}

const validate = (slug: string, body: object, by = token.securityAdmin) =>
  call('POST', `/api/tenants/${slug}/validation`, by, body);
const review = (slug: string, body: object, by = token.complianceOfficer) =>
  call('POST', `/api/tenants/${slug}/compliance-review`, by, body);

async function untilOnboarding(slug: string, state: string): Promise<ApiAnswer['body']> {
  return vi.waitFor(
    async () => {
      const { body } = await call('GET', `/api/tenants/${slug}`, token.platformAdmin);
      expect(body.onboardingStatus).toBe(state);
      return body;
    },
    { timeout: 40_000, interval: 30 },
  );
}

async function discoveryStatus(slug: string, { port } = server): Promise<number> {
  const { status } = await sendRaw(port, [
    `GET /${slug}/.well-known/openid-configuration HTTP/1.1`,
    `Host: ${new URL(server.origin).host}`,
  ]);
  return status;
}

async function eventsOf(slug: string): Promise<{ event: string; severity: string }[]> {
  const { body } = await call('GET', `/api/tenants/${slug}`, token.platformAdmin);
  const { body: audit } = await call('GET', `/api/audit?tenantId=${body.id}&limit=100`, token.platformAdmin);
  return audit.events;
}

/** The outbox is there from the first mail on. */
const mailsTo = async (address: string) =>
  existsSync(join(server.dataDir, 'outbox'))
    ? (await readOutbox(server)).filter(({ to }) => to === address)
    : [];

/** The mail is written with the failure, and leaves after it. */
async function untilAlerted(subject: string): Promise<void> {
  const subjects = async () =>
    (await mailsTo('oauth-team@operators.tenantry.example')).map((mail) => mail.subject);
  await expect.poll(subjects, { timeout: 40_000 }).toContain(subject);
}

async function expectNoTrace(slug: string, tenantId: string): Promise<void> {
  expect(await server.directory.get(slug as Slug)).toBeUndefined();
  const { tablePrefix } = server.stores;
  expect(await server.tables.list(`${tablePrefix}-tenant-${tenantId}`)).toEqual([]);
  expect(await discoveryStatus(slug)).toBe(404);
}

function failing(step: string, phase: string, error: () => Error): void {
  onPoint = async (point) => {
    if (point.step === step && point.phase === phase) {
      throw error();
    }
  };
}

describe('Scenario: a tenant is provisioned successfully', () => {
  const slug = 'success';

  it('Given the platform infrastructure is active', async () => {
    const response = await fetch(`${server.origin}/readyz`);
    expect(response.status).toBe(200);
    expect(await discoveryStatus('platform')).toBe(200);
  });

  it('When the Platform Admin provisions a tenant, Then its identity and resources are created', async () => {
    onPoint = async () => {};
    await provision(slug);
    const tenant = await untilOnboarding(slug, 'awaiting-validation');
    const steps = new Map(
      tenant.provisioning.steps.map(({ name, status }: Record<string, string>) => [name, status]),
    );
    for (const step of ['reserve-directory', 'signing-keys', 'tenant-table', 'defaults', 'first-client']) {
      expect(steps.get(step)).toBe('done');
    }
    expect((await server.directory.get(slug as Slug))?.signingKeys).toHaveLength(1);
  });

  it('And nobody has access before the Security Admin has validated its configuration and access policies', async () => {
    expect(await discoveryStatus(slug)).toBe(404);
    expect(await mailsTo(adminOf(slug).email)).toEqual([]);
    const { body } = await call('GET', `/api/tenants/${slug}/decisions`, token.securityAdmin);
    expect(body.waits.checks).toHaveLength(5);
    for (const check of body.waits.checks) {
      expect(check).toMatch(/^passed /);
    }
    expect(await validate(slug, { decision: 'approve', comment: 'Isolated.' })).toMatchObject({
      status: 200,
    });
  });

  it('And the Tenant Admin receives access', async () => {
    await untilOnboarding(slug, 'awaiting-compliance');
    const { email } = adminOf(slug);
    const link = await findInvitation(server, slug, email);
    const { clientSecret } = await acceptInvitation(server, link, adminPassword);
    const application = await discover(`${server.origin}/${slug}`, `${slug}-web`, clientSecret);
    const tokens = await signIn(application, {
      redirectUri: 'https://web.example/callback',
      user: { email, password: adminPassword },
    });
    expect(tokens.claims()).toMatchObject({ iss: `${server.origin}/${slug}` });
  });

  it('And the Compliance Officer finds the evidence, passes it, and a receipt is kept that anybody can verify', async () => {
    const verified = await call('GET', `/api/tenants/${slug}/audit/verify`, token.complianceOfficer);
    expect(verified.body).toMatchObject({ intact: true });
    expect((await review(slug, { decision: 'pass', findings: 'Complete.' })).status).toBe(200);
    const tenant = await untilOnboarding(slug, 'active');
    const { body } = await call('GET', `/api/tenants/${slug}/receipt`, token.complianceOfficer);
    const operator = (role: string) =>
      server.bootstrap.operators.find(({ roles }) => roles.includes(role))?.email;
    expect(body.receipt).toMatchObject({
      tenant_id: tenant.id,
      status: 'active',
      created_by: operator('Platform Admin'),
      validated_by: operator('Security Admin'),
      reviewed_by: operator('Compliance Officer'),
    });
    const { keys } = (await (await fetch(`${server.origin}/api/evidence/jwks`)).json()) as { keys: [] };
    expect(await verifyStatement(receiptType, body.jws, keys)).toMatchObject({ tenant_id: tenant.id });
    const names = (await eventsOf(slug)).map(({ event }) => event);
    expect(names).toEqual(expect.arrayContaining(['tenant.created', 'tenant.validated']));
  });
});

describe('Scenario: provisioning fails due to a misconfiguration of access', () => {
  it('Given the Platform Admin provisions a tenant, When the Security Admin rejects its access configuration, Then access is not established And provisioning is rolled back', async () => {
    onPoint = async () => {};
    const slug = 'rejected';
    await provision(slug);
    const { id } = await untilOnboarding(slug, 'awaiting-validation');
    const body = { decision: 'reject', comment: 'The callback belongs to another group.' };
    expect((await validate(slug, body)).status).toBe(200);
    const tenant = await untilOnboarding(slug, 'rolled-back');
    expect(tenant.provisioning).toMatchObject({
      failedStep: 'validation',
      error: 'The validation was rejected: The callback belongs to another group.',
    });
    await expectNoTrace(slug, id);
    const told = await mailsTo(adminOf(slug).email);
    expect(told).toEqual([]);
    const names = (await eventsOf(slug)).map(({ event }) => event);
    expect(names).toEqual(
      expect.arrayContaining(['tenant.validation-rejected', 'tenant.provisioning.undone']),
    );
    expect(names).not.toContain('tenant.activated');
  });

  it('Given validation is automatic, When the access policies are weaker than the floor, Then access is not established And provisioning is rolled back', async () => {
    const automatic = await startServer({
      overrides: {
        async onProvisioningPoint({ step, phase }) {
          if (step === 'validation' && phase === 'before-act') {
            const record = await automatic.directory.get('weak' as Slug);
            const table = automatic.tables.open(record?.tableName ?? '');
            await createPolicyStore({ table }).put({
              ...defaultSecurityPolicy,
              password: { ...defaultSecurityPolicy.password, minLength: 6 },
            });
          }
        },
      },
    });
    try {
      const by = await platformToken(automatic);
      await callApi(automatic, 'POST', '/api/tenants', { token: by, body: { name: 'Weak', slug: 'weak' } });
      await vi.waitFor(
        async () => {
          const { body } = await callApi(automatic, 'GET', '/api/tenants/weak', { token: by });
          expect(body.provisioning).toMatchObject({
            state: 'rolled-back',
            error: 'The automatic checks did not pass: security-policy.',
          });
        },
        { timeout: 40_000, interval: 50 },
      );
      const { body } = await callApi(automatic, 'GET', '/api/tenants/weak/decisions', { token: by });
      expect(body.decisions).toMatchObject([{ gate: 'validation', decision: 'reject' }]);
      expect(await automatic.directory.get('weak' as Slug)).toBeUndefined();
    } finally {
      await automatic.close();
    }
  }, 120_000);
});

describe('Scenario: a resource cannot be allocated', () => {
  it('Given the Platform Admin provisions a tenant, When a resource is refused for good, Then provisioning is incomplete, an alert is raised, And what was created is removed', async () => {
    const slug = 'no-table';
    failing('tenant-table', 'before-act', () => new UnusableResult('The quota of tables is used up.'));
    await provision(slug);
    const tenant = await untilOnboarding(slug, 'rolled-back');
    expect(tenant).toMatchObject({
      status: 'failed',
      provisioning: { failedStep: 'tenant-table', error: 'The quota of tables is used up.' },
    });
    await expectNoTrace(slug, tenant.id);
    expect(await eventsOf(slug)).toContainEqual(
      expect.objectContaining({ event: 'tenant.provisioning.step-failed', severity: 'high' }),
    );
    await untilAlerted(`Tenant ${slug} could not be set up`);
  });

  it('When the quota has been raised and the Platform Admin retries, Then the tenant is provisioned', async () => {
    onPoint = async () => {};
    const slug = 'no-table';
    const path = `/api/tenants/${slug}/provisioning/retry`;
    expect(await call('POST', path, token.platformAdmin, { comment: 'Quota raised.' })).toMatchObject({
      status: 202,
      body: { status: 'provisioning', onboardingStatus: 'queued' },
    });
    await untilOnboarding(slug, 'awaiting-validation');
    expect(await call('POST', path, token.platformAdmin, {})).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('waits for a decision') },
    });
  });

  it('Given a resource is refused for a moment only, When it is tried again, Then nobody notices', async () => {
    const slug = 'moment';
    let refusals = 0;
    onPoint = async ({ step, phase }) => {
      if (step === 'signing-keys' && phase === 'before-act' && refusals < 2) {
        refusals += 1;
        throw new AppError('temporarily_unavailable', 'The key store is not available.');
      }
    };
    await provision(slug);
    const tenant = await untilOnboarding(slug, 'awaiting-validation');
    const step = tenant.provisioning.steps.find(({ name }: { name: string }) => name === 'signing-keys');
    expect(step).toMatchObject({ status: 'done', attempts: 3 });
  });

  it('Given what was created cannot be removed either, Then provisioning is marked incomplete, an operator is alerted, And their rollback removes the rest', async () => {
    const slug = 'stuck';
    onPoint = async ({ step, phase }) => {
      if (step === 'defaults' && phase === 'before-act') throw new UnusableResult('The store is full.');
      if (step === 'tenant-table' && phase === 'before-undo') throw new Error('no reply');
    };
    await provision(slug);
    const tenant = await untilOnboarding(slug, 'failed');
    expect(tenant.provisioning.steps).toContainEqual(
      expect.objectContaining({ name: 'tenant-table', status: 'undo-failed' }),
    );
    await untilAlerted(`Provisioning of tenant ${slug} needs an operator`);
    onPoint = async () => {};
    const path = `/api/tenants/${slug}/provisioning/rollback`;
    expect((await call('POST', path, token.platformAdmin, {})).status).toBe(202);
    await untilOnboarding(slug, 'rolled-back');
    await expectNoTrace(slug, tenant.id);
  }, 120_000);

  it('Given one order fails, Then the next one in the queue is provisioned', async () => {
    failing('defaults', 'before-act', () => new UnusableResult('The store is full.'));
    await provision('first-fails');
    await untilOnboarding('first-fails', 'rolled-back');
    onPoint = async () => {};
    await provision('next-works');
    await untilOnboarding('next-works', 'awaiting-validation');
  });
});

describe('Scenario: the compliance review fails', () => {
  const slug = 'blocked';

  it('Given a tenant whose admin has access, in every process', async () => {
    onPoint = async () => {};
    await provision(slug);
    await untilOnboarding(slug, 'awaiting-validation');
    await validate(slug, { decision: 'approve' });
    await untilOnboarding(slug, 'awaiting-compliance');
    expect(await discoveryStatus(slug)).toBe(200);
    expect(await discoveryStatus(slug, second)).toBe(200);
  });

  it('When the Compliance Officer fails the review, Then the tenant is blocked: here with the answer, in the other process within moments', async () => {
    const answer = await review(slug, { decision: 'fail', findings: 'No data-processing agreement.' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'blocked', onboardingStatus: 'blocked' } });
    expect(await discoveryStatus(slug)).toBe(404);
    // Far less than the minute after which it would look by itself.
    await vi.waitFor(async () => expect(await discoveryStatus(slug, second)).toBe(404), {
      timeout: 40_000,
      interval: 20,
    });
    const receipt = await call('GET', `/api/tenants/${slug}/receipt`, token.complianceOfficer);
    expect(receipt.status).toBe(404);
  });

  it('And neither resuming nor retrying lifts that, but a review that it passes', async () => {
    const base = `/api/tenants/${slug}`;
    expect((await call('POST', `${base}/resume`, token.platformAdmin, {})).status).toBe(409);
    expect((await call('POST', `${base}/provisioning/retry`, token.platformAdmin, {})).status).toBe(409);
    expect((await review(slug, { decision: 'pass', findings: 'Agreement signed.' })).status).toBe(200);
    await untilOnboarding(slug, 'active');
    expect(await discoveryStatus(slug)).toBe(200);
  });

  it('Given a tenant that has long been active, When a later review fails, Then it is blocked, too', async () => {
    await review(slug, { decision: 'fail', findings: 'Agreement ended.' });
    expect(await discoveryStatus(slug)).toBe(404);
  });
});

describe('Scenario: one person would have two duties', () => {
  it('Given a client with every scope provisions a tenant, When it validates or reviews it, Then it is refused and nothing changes', async () => {
    onPoint = async () => {};
    const slug = 'one-actor';
    const robot = await platformToken(server);
    await provision(slug, robot);
    await untilOnboarding(slug, 'awaiting-validation');
    expect(await validate(slug, { decision: 'approve' }, robot)).toMatchObject({
      status: 403,
      body: { code: 'separation_of_duties' },
    });
    await untilOnboarding(slug, 'awaiting-validation');
    await validate(slug, { decision: 'approve' });
    await untilOnboarding(slug, 'awaiting-compliance');
    expect(await review(slug, { decision: 'pass' }, robot)).toMatchObject({
      status: 403,
      body: { code: 'separation_of_duties' },
    });
  });

  it('Given an operator of another role, When they decide at a gate, Then their scope does not suffice', async () => {
    const slug = 'one-actor';
    expect((await validate(slug, { decision: 'approve' }, token.complianceOfficer)).status).toBe(403);
    expect((await review(slug, { decision: 'pass' }, token.securityAdmin)).status).toBe(403);
    expect((await review(slug, { decision: 'pass' }, token.platformAdmin)).status).toBe(403);
  });
});

describe('Scenario: the request for a tenant is not valid', () => {
  it('Given name, slug, features and security policy are all wrong, When it is sent, Then one answer names every field And nothing is created', async () => {
    const before = await call('GET', '/api/tenants', token.platformAdmin);
    const { status, body } = await call('POST', '/api/tenants', token.platformAdmin, {
      name: ' ',
      slug: 'No Slug',
      features: { auth: ['passkey'] },
      securityPolicy: { passwordPolicy: { minLength: 8 }, requireMFA: 'yes' },
    });
    expect(status).toBe(400);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(
      expect.arrayContaining([
        'name',
        'slug',
        'features.auth',
        'securityPolicy.requireMFA',
        'securityPolicy.passwordPolicy.minLength',
      ]),
    );
    expect((await call('GET', '/api/tenants', token.platformAdmin)).body).toEqual(before.body);
  });

  it('Given a slug that another tenant has, When it is sent, Then it is refused', async () => {
    const { status, body } = await call('POST', '/api/tenants', token.platformAdmin, {
      name: 'Again',
      slug: 'success',
    });
    expect([status, body.code]).toEqual([409, 'slug_unavailable']);
  });
});
