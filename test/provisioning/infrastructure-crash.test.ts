import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerDigest } from '../../src/cloud/resource-owner.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { type ControlPlane, startControlPlane, tenantRow } from './control-plane.ts';
import { killWorkerAt } from './killed-worker.ts';

const steps = ['preconditions', 'database', 'objects'];
const request = { features: { storage: ['postgresql', 's3'] } };

let plane: ControlPlane;
let directory: string;
let env: Record<string, string>;
let infrastructure: Infrastructure;
beforeAll(async () => {
  plane = await startControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-infrastructure-'));
  env = { DATA_DIR: directory, TENANT_DATABASE: 'schema', OBJECTS: 'disk' };
  infrastructure = openTestInfrastructure({ ...plane, env });
});
afterAll(async () => {
  const name = new URL(plane.connectionString).pathname.slice(1);
  await plane.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await plane.close();
  await rm(directory, { recursive: true });
});

const killedAt = (point: string, failAt?: string) =>
  killWorkerAt(point, {
    plane,
    request,
    env,
    infrastructure,
    outbox: join(directory, 'outbox'),
    ...(failAt === undefined ? {} : { failAt }),
  });

/** Everything that exists of the tenant's database and files. */
async function traces(tenantId: TenantId, slug: Slug) {
  const owner = { tenantId, slug };
  const { rows } = await plane.postgres.query('select 1 from pg_roles where rolname = $1', [
    `tenant_${ownerDigest(owner, 24)}`,
  ]);
  const folders = await readdir(join(directory, 'objects')).catch(() => []);
  return {
    database: (await infrastructure.databases?.find(owner)) !== undefined,
    roles: rows.length,
    folders: folders.filter((name) => name.startsWith(`${slug}-`)).length,
    secrets: Object.keys((await plane.directory.get(slug))?.sealedSecrets ?? {}),
  };
}

describe('a worker killed while it builds', () => {
  it.each(
    steps.flatMap((step) =>
      ['before-act', 'after-act', 'after-confirm', 'after-done'].map((phase) => `${step}/${phase}`),
    ),
  )('at %s: the next one makes the tenant active, with one of each', async (point) => {
    const { tenantId, slug, resume, mails } = await killedAt(point);
    await resume();
    expect((await tenantRow(plane.postgres, tenantId))?.status).toBe('active');
    expect(await traces(tenantId, slug)).toEqual({
      database: true,
      roles: 1,
      folders: 1,
      secrets: ['database'],
    });
    expect(await mails()).toBe(1);
  });
});

describe('a worker killed while it removes what it built', () => {
  const nothing = { database: false, roles: 0, folders: 0, secrets: [] };

  it.each(steps.flatMap((step) => ['before-undo', 'after-undo'].map((phase) => `${step}/${phase}`)))(
    'at %s: the next one removes the rest',
    async (point) => {
      const { tenantId, slug, resume } = await killedAt(point, 'defaults/before-act');
      await resume();
      expect(await traces(tenantId, slug)).toEqual(nothing);
      expect((await tenantRow(plane.postgres, tenantId))?.provisioning_state).toBe('rolled-back');
    },
  );

  it.each(['database', 'objects'])(
    'after %s made something that was never recorded: the undo finds it',
    async (step) => {
      const { tenantId, slug, resume } = await killedAt(`${step}/after-act`);
      await resume(async (point) => {
        if (point.step === step && point.phase === 'before-act') {
          throw new UnusableResult('No.');
        }
      });
      expect(await traces(tenantId, slug)).toEqual(nothing);
    },
  );
});
