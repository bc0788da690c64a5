import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutboxMailer } from '../../src/cloud/mail/outbox.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { coreSteps as steps } from '../support/core-steps.ts';
import { readMails } from '../support/outbox.ts';
import type { ProvisioningProcessInput } from '../support/provisioning-process.ts';
import { testDynamodb } from '../support/services.ts';
import { type ControlPlane, slugState, startControlPlane, tenantRow } from './control-plane.ts';

/** Of the killed workers, whose successors wait for its end. */
const leaseMs = 4_000;

let plane: ControlPlane;
let outbox: string;
beforeAll(async () => {
  plane = await startControlPlane();
  outbox = await mkdtemp(join(tmpdir(), 'tenantry-outbox-'));
});
afterAll(async () => {
  await plane.close();
  await rm(outbox, { recursive: true });
});

/** Orders a tenant and lets a process of its own provision it until the kernel kills that process at the point. */
async function killedAt(point: string, failAt = '') {
  const { tenantId, slug } = await plane.order();
  const directory = join(outbox, tenantId);
  const input: ProvisioningProcessInput = {
    connectionString: plane.connectionString,
    dynamodb: testDynamodb(),
    tablePrefix: plane.tablePrefix,
    masterKey: plane.masterKey.toString('base64'),
    outbox: directory,
    tenantId,
    leaseMs,
  };
  const program = fileURLToPath(new URL('../support/provisioning-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(input)], {
    env: { ...process.env, TENANTRY_CRASH_AT: point, FAIL_AT: failAt },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const signal = await new Promise((resolve) => child.on('exit', (_code, killedBy) => resolve(killedBy)));
  expect(signal).toBe('SIGKILL');
  const resume = (onPoint: OnSagaPoint = async () => {}) => {
    const mailer = createOutboxMailer({
      directory,
      from: 'noreply@tenantry.example',
      clock: plane.clock,
      random: systemRandom,
    });
    return plane.provisioning({ mailer, onPoint }).run(tenantId);
  };
  const mails = async () => (await readMails(directory)).length;
  return { tenantId, slug, resume, mails };
}

it('looks at every step and gate of a plan without infrastructure', async () => {
  const { tenantId } = await plane.order();
  const provisioning = plane.provisioning();
  await provisioning.run(tenantId);
  const names = (await provisioning.readProgress(tenantId))?.steps.map(({ name }) => name);
  // What a kill at the preconditions leaves is for infrastructure-crash.test.ts to see.
  expect(new Set(names)).toEqual(new Set(['preconditions', ...steps, 'validation', 'compliance', 'receipt']));
});

describe.concurrent('a worker killed while it builds', { timeout: 120_000 }, () => {
  it.each([
    ...[...steps, 'receipt'].flatMap((step) =>
      ['before-act', 'after-act', 'after-confirm', 'after-done'].map((phase) => `${step}/${phase}`),
    ),
    ...['validation', 'compliance'].flatMap((gate) =>
      ['before-act', 'after-act', 'after-done'].map((phase) => `${gate}/${phase}`),
    ),
  ])('at %s: the next one makes the tenant active, once', async (point) => {
    const { tenantId, slug, resume, mails } = await killedAt(point);
    await resume();
    expect(await tenantRow(plane.postgres, tenantId)).toEqual({
      status: 'active',
      provisioning_state: 'active',
    });
    expect((await plane.directory.get(slug))?.status).toBe('active');
    expect(await plane.traces(tenantId, slug)).toMatchObject({
      tables: [`${plane.tablePrefix}-tenant-${tenantId}`],
      keys: { length: 1 },
    });
    expect(await mails()).toBe(1);
    const { rows } = await plane.postgres.query(
      `select event from audit_events where tenant_id = $1 and event in ('tenant.created', 'tenant.activated')`,
      [tenantId],
    );
    expect(rows).toHaveLength(2);
  });
});

describe.concurrent('a worker killed while it removes what it built', { timeout: 120_000 }, () => {
  it.each(steps.flatMap((step) => ['before-undo', 'after-undo'].map((phase) => `${step}/${phase}`)))(
    'at %s: the next one removes the rest',
    async (point) => {
      const { tenantId, slug, resume } = await killedAt(point, 'activate/before-act');
      await resume();
      expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
      expect(await tenantRow(plane.postgres, tenantId)).toEqual({
        status: 'failed',
        provisioning_state: 'rolled-back',
      });
      expect(await slugState(plane.postgres, slug)).toBe('retired');
    },
  );

  it.each(steps.slice(0, -1))(
    'after %s made something that was never recorded: the undo finds it',
    async (step) => {
      const { tenantId, slug, resume } = await killedAt(`${step}/after-act`);
      await resume(async (point) => {
        if (point.step === step && point.phase === 'before-act') {
          throw new UnusableResult('The quota is used up.');
        }
      });
      expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
      expect(await slugState(plane.postgres, slug)).toBeUndefined();
    },
  );
});
