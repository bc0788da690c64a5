import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPolicyStore, defaultSecurityPolicy } from '../../src/identity/security-policy.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { listDecisions } from '../../src/provisioning/decisions.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { slugState } from './control-plane.ts';
import { type GovernedPlane, startGovernedPlane } from './governed-plane.ts';

let plane: GovernedPlane;
beforeAll(async () => {
  plane = await startGovernedPlane();
});
afterAll(() => plane.close());

interface Ordered {
  tenantId: TenantId;
  slug: Slug;
  tableName: string;
}

/** Provisions a tenant with automatic gates; `tamper` runs when everything is built, just before the checks look. */
async function validateAfter(
  tamper: (order: Ordered) => Promise<void>,
  overrides: Parameters<GovernedPlane['provisioning']>[0] = {},
) {
  const order = await plane.order();
  const tableName = `${plane.tablePrefix}-tenant-${order.tenantId}`;
  const onPoint: OnSagaPoint = async ({ step, phase }) => {
    if (step === 'validation' && phase === 'before-act') {
      await tamper({ ...order, tableName });
    }
  };
  const provisioning = plane.provisioning({
    validation: 'automatic',
    compliance: 'automatic',
    onPoint,
    ...overrides,
  });
  await provisioning.run(order.tenantId);
  const decisions = await listDecisions(plane.postgres, order.tenantId);
  return { ...order, progress: await provisioning.readProgress(order.tenantId), decisions };
}

const change = ({ slug, tenantId }: Ordered, changes: (record: TenantRecord) => Partial<TenantRecord>) =>
  plane.directory.update(slug, tenantId, (record) => ({ ...record, ...changes(record) }));

describe('automatic validation', () => {
  it('passes a tenant that is as it should be, and keeps what every check found', async () => {
    const { progress, decisions } = await validateAfter(async () => {});
    expect(progress?.state).toBe('active');
    expect(decisions.map(({ gate, decision, by }) => [gate, decision, by])).toEqual([
      ['validation', 'approve', 'system:provisioning'],
      ['compliance', 'pass', 'system:provisioning'],
    ]);
    expect(decisions[0]?.checks).toEqual([
      { name: 'signing-keys', passed: true, detail: '1 active, signatures verify' },
      { name: 'tenant-table', passed: true, detail: 'reachable' },
      { name: 'security-policy', passed: true, detail: "at least as strong as the deployment's floor" },
      { name: 'isolation', passed: true, detail: '3 resources, none shared with another tenant' },
      { name: 'endpoints', passed: true, detail: 'discovery document and JWK Set are served' },
    ]);
    expect(decisions[1]?.checks.map(({ name, passed }) => [name, passed])).toEqual([
      ['approval', true],
      ['validation', true],
      ['steps', true],
      ['audit-chain', true],
    ]);
  });

  it.each<[string, string, string, (order: Ordered) => Promise<unknown>]>([
    [
      'a weak password rule',
      'security-policy',
      'passwordPolicy.minLength must be at least 10 in this deployment',
      ({ tableName }) =>
        createPolicyStore({ table: plane.tables.open(tableName) }).put({
          ...defaultSecurityPolicy,
          password: { ...defaultSecurityPolicy.password, minLength: 8 },
        }),
    ],
    [
      'few kinds of characters',
      'security-policy',
      'passwordPolicy must require at least 2 of upper case, numbers and special characters in this deployment',
      ({ tableName }) =>
        createPolicyStore({ table: plane.tables.open(tableName) }).put({
          ...defaultSecurityPolicy,
          password: { ...defaultSecurityPolicy.password, requireNumbers: false, requireSpecialChars: false },
        }),
    ],
    [
      'endless sessions',
      'security-policy',
      'sessionTimeout must be at most 86400 in this deployment',
      ({ tableName }) =>
        createPolicyStore({ table: plane.tables.open(tableName) }).put({
          ...defaultSecurityPolicy,
          session: { ...defaultSecurityPolicy.session, timeoutSeconds: 1_000_000 },
        }),
    ],
    [
      'another public key published than the one that signs',
      'signing-keys',
      'does not verify against the published keys',
      async (order) => {
        const { publicJwk } = await plane.keyStore.forTenant(order.tenantId).create('other', 'ES256');
        await change(order, ({ signingKeys }) => ({
          signingKeys: signingKeys.map((key) => ({ ...key, publicJwk })),
        }));
      },
    ],
    [
      "a key that is another tenant's",
      'signing-keys',
      'does not know key',
      async (order) => {
        const foreign = await plane.keyStore.forTenant('ten_other' as TenantId).create('k', 'ES256');
        await change(order, ({ signingKeys }) => ({
          signingKeys: signingKeys.map((key) => ({ ...key, ...foreign })),
        }));
      },
    ],
    [
      'a table that is not the one it should be',
      'tenant-table',
      'the directory names another table',
      async (order) => {
        const other = `${plane.tablePrefix}-tenant-elsewhere`;
        await plane.tables.create(other);
        await change(order, () => ({ tableName: other }));
      },
    ],
    [
      'a resource that another tenant has, too',
      'isolation',
      "tableName of tenant-table is another tenant's, too",
      async ({ tableName }) => {
        const other = await plane.built();
        await plane.postgres.query(
          `update provisioning_steps set output = $2 where name = 'tenant-table'
              and run_id = (select id from provisioning_runs where tenant_id = $1)`,
          [other.tenantId, JSON.stringify({ tableName })],
        );
      },
    ],
    [
      'one of a list of resources that another tenant has, too',
      'isolation',
      "kids of signing-keys is another tenant's, too",
      async ({ slug }) => {
        const other = await plane.built();
        const record = await plane.directory.get(slug);
        await plane.postgres.query(
          `update provisioning_steps set output = $2 where name = 'signing-keys'
              and run_id = (select id from provisioning_runs where tenant_id = $1)`,
          [other.tenantId, JSON.stringify({ kids: ['x', record?.signingKeys[0]?.kid] })],
        );
      },
    ],
  ])('undoes a tenant with %s', async (_what, name, detail, tamper) => {
    const { tenantId, slug, progress, decisions } = await validateAfter(async (order) => {
      await tamper(order);
    });
    expect(progress).toMatchObject({
      state: 'rolled-back',
      failedStep: 'validation',
      error: `The automatic checks did not pass: ${name}.`,
    });
    expect(decisions).toMatchObject([{ gate: 'validation', decision: 'reject', by: 'system:provisioning' }]);
    const failed = decisions[0]?.checks.filter(({ passed }) => !passed);
    expect(failed).toEqual([{ name, passed: false, detail: expect.stringContaining(detail) }]);
    expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
    expect(await slugState(plane.postgres, slug)).toBeUndefined();
    const mailed = plane.mails.some(({ text }) => text.includes(`/${slug}/invitation/`));
    expect(mailed).toBe(false);
  });

  it('undoes a tenant whose endpoints do not answer, and one whose table has no KMS key where it needs one', async () => {
    const silent = await validateAfter(async () => {}, {
      rehearse: () => ({ get: async () => ({ status: 404, body: '{}' }), close: async () => {} }),
    });
    expect(silent.progress).toMatchObject({ state: 'rolled-back', failedStep: 'validation' });
    expect(silent.decisions[0]?.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([
      'signing-keys',
      'endpoints',
    ]);
    const open = await validateAfter(async () => {}, { needsKmsKey: true });
    expect(open.progress?.error).toBe('The automatic checks did not pass: tenant-table.');
  });

  it('refuses a discovery document that leads elsewhere, and a tenant without a key that signs', async () => {
    const withoutKeys = (order: Ordered) => change(order, () => ({ signingKeys: [] }));
    const { decisions } = await validateAfter(async (order) => void (await withoutKeys(order)), {
      rehearse: () => ({
        async get(path) {
          const body = path.endsWith('/jwks')
            ? { keys: [] }
            : { issuer: 'https://evil.example', token_endpoint: 'https://evil.example/token' };
          return { status: 200, body: JSON.stringify(body) };
        },
        close: async () => {},
      }),
    });
    expect(decisions[0]?.checks.find(({ name }) => name === 'endpoints')?.detail).toBe(
      'the discovery document names another issuer; token_endpoint is not below the issuer',
    );
    expect(decisions[0]?.checks.find(({ name }) => name === 'signing-keys')?.detail).toBe(
      'there is no active key',
    );
  });

  it('looks again when it could not look', async () => {
    let failures = 0;
    const { progress, decisions } = await validateAfter(async () => {
      failures += 1;
      if (failures < 3) {
        throw new Error('no reply');
      }
    });
    expect(progress?.state).toBe('active');
    expect(progress?.steps.find(({ name }) => name === 'validation')?.attempts).toBe(3);
    expect(decisions).toHaveLength(2);
  });
});

describe('a rehearsal', () => {
  it('shows a tenant that outsiders do not see, and no other one', async () => {
    const { slug } = await plane.built();
    const { slug: neighbour } = await plane.built();
    const record = await plane.directory.get(slug);
    if (record === undefined) throw new Error('no record');
    const rehearsal = plane.options.rehearse(record);
    const answer = await rehearsal.get(`/${slug}/.well-known/openid-configuration`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ issuer: `http://localhost:3000/${slug}` });
    expect((await rehearsal.get(`/${neighbour}/jwks`)).status).toBe(404);
    await rehearsal.close();
  });
});
