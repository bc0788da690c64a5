import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { failingStepsSuite } from './failing-steps.ts';

let plane: ControlPlane;
let directory: string;
let infrastructure: Infrastructure;
beforeAll(async () => {
  plane = await startControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-infrastructure-'));
  infrastructure = openTestInfrastructure({
    ...plane,
    env: { DATA_DIR: directory, TENANT_DATABASE: 'database', OBJECTS: 'disk' },
  });
});
afterAll(async () => {
  await plane.close();
  await rm(directory, { recursive: true });
});

failingStepsSuite(['preconditions', 'database', 'objects'], () => ({
  plane,
  infrastructure,
  request: { features: { storage: ['postgresql', 's3'] } },
  async traces(tenantId, slug) {
    const folders = await readdir(join(directory, 'objects')).catch(() => []);
    return {
      database: (await infrastructure.databases?.find({ tenantId, slug })) !== undefined,
      folders: folders.filter((name) => name.startsWith(`${slug}-`)).length,
    };
  },
  nothing: { database: false, folders: 0 },
  everything: { database: true, folders: 1 },
}));

it('a request that asks for nothing gets none of it', async () => {
  const { tenantId } = await plane.order({ features: {} });
  const provisioning = plane.provisioning({ infrastructure });
  await provisioning.run(tenantId);
  const names = (await provisioning.readProgress(tenantId))?.steps.map(({ name }) => name);
  expect(names).toContain('preconditions');
  expect(names).not.toContain('database');
  expect(names).not.toContain('objects');
});

it('a request for what is not offered fails before anything is made', async () => {
  const { tenantId, slug } = await plane.order({ features: { storage: ['redis'] } });
  const provisioning = plane.provisioning({ infrastructure });
  await provisioning.run(tenantId);
  expect(await provisioning.readProgress(tenantId)).toMatchObject({
    state: 'rolled-back',
    failedStep: 'preconditions',
    error: 'The tenant cannot be set up: this deployment does not offer features.storage: redis.',
  });
  expect(await plane.directory.get(slug)).toBeUndefined();
});

it('a quota that is used up fails before anything is made, and its numbers are not told', async () => {
  const small = openTestInfrastructure({
    ...plane,
    env: { DATA_DIR: directory, TENANT_DATABASE: 'database', OBJECTS: 'disk', QUOTA_TENANTS: '0' },
  });
  const { tenantId } = await plane.order({ features: { storage: ['postgresql'] } });
  const provisioning = plane.provisioning({ infrastructure: small });
  await provisioning.run(tenantId);
  expect(await provisioning.readProgress(tenantId)).toMatchObject({
    failedStep: 'preconditions',
    error: 'The tenant cannot be set up: the quota of tenants is used up.',
  });
});

it('generated secrets are in no output, error or mail', async () => {
  const { tenantId, slug } = await plane.order({ features: { storage: ['postgresql', 's3'] } });
  await plane.provisioning({ infrastructure }).run(tenantId);
  const record = await plane.directory.get(slug);
  const sealed = record?.sealedSecrets?.database ?? '';
  const opened = await plane.keyStore.forTenant(tenantId).unseal('infrastructure/database', sealed);
  const { url } = JSON.parse(Buffer.from(opened).toString()) as { url: string };
  const { password } = new URL(url);
  expect(password).toHaveLength(32);
  const { rows } = await plane.postgres.query(
    `select (select jsonb_agg(to_jsonb(steps)) from provisioning_steps as steps)::text
         || (select jsonb_agg(to_jsonb(attempts)) from provisioning_attempts as attempts)::text
         || (select jsonb_agg(to_jsonb(events)) from audit_events as events)::text as everything`,
  );
  const everything = JSON.stringify([rows, plane.mails, record]);
  expect(everything).toContain(slug);
  expect(everything).not.toContain(password);
});
