import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bootstrapPlatform } from '../../src/bootstrap.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createRegistrations } from '../../src/onboarding/registrations.ts';
import { type Queue, startQueue } from '../../src/platform/queue.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { createJobHandlers } from '../../src/workers.ts';
import { silentLog } from '../support/services.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
let dataDirectory: string;
const queues: Queue[] = [];
beforeAll(async () => {
  plane = await startControlPlane();
  dataDirectory = await mkdtemp(join(tmpdir(), 'tenantry-data-'));
});
afterAll(async () => {
  await Promise.all(queues.map((queue) => queue.stop()));
  await plane.close();
  await rm(dataDirectory, { recursive: true });
});

/** A server process's share of the work: its own queue, its own handlers. */
async function startWorker(onPoint: OnSagaPoint) {
  const queue = await startQueue({ connectionString: new Secret(plane.connectionString), log: silentLog });
  queues.push(queue);
  const provisioning = plane.provisioning({ onPoint, leaseMs: 6_000 });
  const registrations = createRegistrations({
    ...plane.options,
    postMail: async () => {},
    queue,
    approval: 'automatic',
  });
  await bootstrapPlatform({ ...plane.options, queue, provisioning, dataDirectory });
  const rest = { run: async () => {}, dead: async () => {} };
  await queue.work(
    createJobHandlers({
      registrations,
      provisioning,
      tenantKeys: rest,
      governance: {
        'tenant-standing': rest,
        'tenant-deletions': rest,
        reminders: rest,
        reconciliation: rest,
        'tenant-health': rest,
      },
      people: { 'application-tenant-removal': rest, 'tenant-recount': rest, 'user-import': rest },
    }),
  );
  return { queue, provisioning, registrations };
}

describe('jobs of two server processes on one database', () => {
  it('take registrations from submission to an active tenant, one at a time and in order', async () => {
    let working = 0;
    let most = 0;
    const onPoint: OnSagaPoint = async ({ step, phase }) => {
      if (step === 'reserve-directory' && phase === 'before-act') {
        working += 1;
        most = Math.max(most, working);
      }
      if (step === 'activate' && phase === 'after-done') {
        working -= 1;
      }
    };
    const [first] = await Promise.all([startWorker(onPoint), startWorker(onPoint)]);
    const slugs = ['uno', 'due', 'tre'] as Slug[];
    for (const slug of slugs) {
      await plane.postgres.transaction((transaction) =>
        first.registrations.submit(transaction, {
          slug,
          requester: { name: 'Ada', email: `ada@${slug}.example` },
          tenant: {
            name: slug,
            features: {},
            securityPolicy: {},
            redirectUris: ['https://app.example/callback'],
            clientType: 'web',
          },
        }),
      );
      first.queue.wake('registration-intake');
    }
    await vi.waitFor(
      async () => {
        for (const slug of slugs) {
          expect((await plane.directory.get(slug))?.status).toBe('active');
        }
      },
      { timeout: 40_000, interval: 100 },
    );
    expect(most).toBe(1);
    const { rows } = await plane.postgres.query<{ slug: string }>(
      `select slug from audit_events join tenants on tenants.id = tenant_id
        where event = 'tenant.provisioning.started' and kind = 'tenant' order by sequence`,
    );
    expect(rows.map(({ slug }) => slug)).toEqual(slugs);
  });
});
