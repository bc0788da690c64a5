import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createOutboxMailer } from '../../src/cloud/mail/outbox.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { TenantRequest } from '../../src/onboarding/tenant-request.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { readMails } from '../support/outbox.ts';
import type { ProvisioningProcessInput } from '../support/provisioning-process.ts';
import { testDynamodb } from '../support/services.ts';
import type { ControlPlane } from './control-plane.ts';

/** Longer than a busy machine keeps a worker from renewing it. */
const leaseMs = 15_000;
const program = fileURLToPath(new URL('../support/provisioning-process.ts', import.meta.url));

export interface KilledWorker {
  tenantId: TenantId;
  slug: Slug;
  /** The next worker takes over, at once. */
  resume(onPoint?: OnSagaPoint): Promise<void>;
  /** How many mails the tenant's runs sent. */
  mails(): Promise<number>;
}

export interface WorkerLane {
  plane: ControlPlane;
  /** For the process, and what the same settings describe here. */
  env: Readonly<Record<string, string>>;
  infrastructure: Infrastructure;
  outbox: string;
  /** The step and phase that fails for good. */
  failAt?: string;
}

/** Orders a tenant and lets a process of its own provision it until the kernel kills that process at the point. */
export async function killWorkerAt(
  point: string,
  lane: WorkerLane & { request: Partial<TenantRequest> },
): Promise<KilledWorker> {
  return killRunAt(point, { ...lane, ...(await lane.plane.order(lane.request)) });
}

/** Lets a process of its own carry on with the tenant, whatever is due, until the kernel kills that process at the point. */
export async function killRunAt(
  point: string,
  lane: WorkerLane & { tenantId: TenantId; slug: Slug },
): Promise<KilledWorker> {
  const { plane, tenantId, slug, env, infrastructure, failAt = '' } = lane;
  const outbox = join(lane.outbox, tenantId);
  const input: ProvisioningProcessInput = {
    connectionString: plane.connectionString,
    dynamodb: testDynamodb(),
    tablePrefix: plane.tablePrefix,
    masterKey: plane.masterKey.toString('base64'),
    outbox,
    tenantId,
    leaseMs,
    infrastructure: env,
  };
  const child = spawn(process.execPath, [program, JSON.stringify(input)], {
    env: { ...process.env, TENANTRY_CRASH_AT: point, FAIL_AT: failAt },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const signal = await new Promise((resolve) => child.on('exit', (_code, killedBy) => resolve(killedBy)));
  expect(signal).toBe('SIGKILL');
  return {
    tenantId,
    slug,
    async resume(onPoint = async () => {}) {
      // The wait for a dead worker's lease is crash.test.ts's to look at.
      await plane.postgres.query('update provisioning_runs set lease_until = null where tenant_id = $1', [
        tenantId,
      ]);
      const mailer = createOutboxMailer({
        directory: outbox,
        from: 'noreply@tenantry.example',
        clock: plane.clock,
        random: systemRandom,
      });
      await plane.provisioning({ mailer, leaseMs, onPoint, infrastructure }).run(tenantId);
    },
    mails: async () => (await readMails(outbox)).length,
  };
}
