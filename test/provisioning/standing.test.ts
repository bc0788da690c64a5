import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { JobPayloads } from '../../src/kernel/jobs.ts';
import { JobLater } from '../../src/platform/queue.ts';
import { createStanding } from '../../src/provisioning/standing.ts';
import type { Directory } from '../../src/tenancy/directory.ts';
import { silentLog } from '../support/services.ts';
import { type GovernedPlane, people, startGovernedPlane } from './governed-plane.ts';

const { pat: actor } = people;
const signal = AbortSignal.timeout(600_000);

let plane: GovernedPlane;
beforeAll(async () => {
  plane = await startGovernedPlane();
});
afterAll(() => plane.close());

/** Decides in PostgreSQL alone; the job waits in `plane.sent`. */
const decide = (slug: Slug, action: 'suspend' | 'resume') =>
  plane.postgres.transaction((transaction) =>
    plane.lifecycle[action](transaction, { slug, actor, reason: 'Unpaid.' }),
  );

const standingWith = (directory: Partial<Directory>) =>
  createStanding({
    ...plane,
    queue: { send: async (_transaction, name, payload) => void plane.sent.push({ name, payload }) },
    directory: { ...plane.directory, ...directory },
    onStatusChanged: () => {},
    log: silentLog,
  });

async function isPending(tenantId: TenantId): Promise<boolean | undefined> {
  const { rows } = await plane.postgres.query<{ pending: boolean }>(
    'select standing > standing_applied as pending from tenants where id = $1',
    [tenantId],
  );
  return rows[0]?.pending;
}

const entryOf = async (slug: Slug) => (await plane.directory.get(slug))?.status;

describe('what PostgreSQL decided, while the directory takes no writes', () => {
  it('is said not to be in force, and is tried again until it is, at most a minute apart', async () => {
    const { tenantId, slug } = await plane.reviewed();
    plane.sent.length = 0;
    await decide(slug, 'suspend');
    const standing = standingWith({
      update: async () => {
        throw new AppError('server_error', 'The storage refused an operation.');
      },
    });
    expect(await standing.applyNow(tenantId)).toBe(false);
    expect(await isPending(tenantId)).toBe(true);
    expect(await entryOf(slug)).toBe('active');

    let payload: JobPayloads['tenant-standing'] = { tenantId };
    for (let tries = 0; tries < 50; tries += 1) {
      const later = await standing.job.run(payload, signal).catch((error: unknown) => error);
      expect(later).toBeInstanceOf(JobLater);
      const { afterMs, payload: next } = later as JobLater<'tenant-standing'>;
      expect(afterMs).toBeLessThanOrEqual(60_000);
      payload = next ?? payload;
    }
    expect(payload).toEqual({ tenantId, tries: 50 });

    await plane.standing.job.run(payload, signal);
    expect(await entryOf(slug)).toBe('suspended');
    expect(await isPending(tenantId)).toBe(false);
  });

  it('is sent anew when its job ended one process after the other', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await decide(slug, 'suspend');
    plane.sent.length = 0;
    await standingWith({}).job.dead({ tenantId }, 'the process that ran the job ended');
    expect(plane.sent).toEqual([{ name: 'tenant-standing', payload: { tenantId } }]);
    await plane.work();
    expect(await entryOf(slug)).toBe('suspended');
  });
});

describe('of two decisions the later one stays', () => {
  it('although the worker that applies the earlier one stalls until it has lost its transaction', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await decide(slug, 'suspend');
    await decide(slug, 'resume');
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const stalled = standingWith({
      async update(...args) {
        arrived.resolve();
        await released.promise;
        return await plane.directory.update(...args);
      },
    }).apply(tenantId);
    await arrived.promise;
    // As PostgreSQL does by itself with a transaction that is idle for a minute.
    await plane.postgres.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction'`,
    );
    await decide(slug, 'suspend');
    await plane.standing.apply(tenantId);
    expect(await entryOf(slug)).toBe('suspended');

    released.resolve();
    await expect(stalled).rejects.toThrow();
    expect(await entryOf(slug)).toBe('suspended');
    expect(await isPending(tenantId)).toBe(false);
  });

  it('also of a database that was restored from a backup and counts from there', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await plane.directory.update(slug, tenantId, (record) => ({ ...record, standing: 50 }));
    await decide(slug, 'suspend');
    await plane.standing.apply(tenantId);
    expect(await plane.directory.get(slug)).toMatchObject({ status: 'suspended', standing: 50 });
    await decide(slug, 'resume');
    await plane.standing.apply(tenantId);
    expect(await plane.directory.get(slug)).toMatchObject({ status: 'active', standing: 51 });
  });
});
