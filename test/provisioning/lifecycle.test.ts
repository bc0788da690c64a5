import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { holdSlug } from '../../src/onboarding/slug-hold.ts';
import { createTenantPool } from '../../src/tenancy/tenant-pool.ts';
import { silentLog } from '../support/services.ts';
import { slugState } from './control-plane.ts';
import { type GovernedPlane, graceDays, people, startGovernedPlane } from './governed-plane.ts';

const { pat: actor } = people;
const dayMs = 86_400_000;

let plane: GovernedPlane;
beforeAll(async () => {
  plane = await startGovernedPlane();
});
afterAll(() => plane.close());

const suspend = (slug: Slug) =>
  plane.request((transaction) => plane.lifecycle.suspend(transaction, { slug, actor, reason: 'Unpaid.' }));
const resume = (slug: Slug) =>
  plane.request((transaction) => plane.lifecycle.resume(transaction, { slug, actor }));
const requestDeletion = (slug: Slug) =>
  plane.request((transaction) =>
    plane.lifecycle.requestDeletion(transaction, { slug, actor, reason: 'Closed.' }),
  );
const restore = (slug: Slug) =>
  plane.request((transaction) => plane.lifecycle.restore(transaction, { slug, actor }));
const review = (slug: Slug, decision: 'pass' | 'fail') =>
  plane.request((transaction) =>
    plane.decisions.review(transaction, { slug, decision, actor: people.cora, findings: 'See file.' }),
  );

describe('a suspension', () => {
  it('hides the tenant until it is resumed, and both are on record', async () => {
    const { tenantId, slug } = await plane.reviewed();
    expect(await suspend(slug)).toMatchObject({ status: 'suspended', suspension: { reason: 'Unpaid.' } });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'suspended', directory: 'suspended' });
    await expect(suspend(slug)).rejects.toMatchObject({ code: 'conflict' });
    await resume(slug);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'active', directory: 'active' });
    await expect(resume(slug)).rejects.toMatchObject({ code: 'conflict' });
    expect((await plane.events(tenantId)).slice(-2)).toEqual(['tenant.suspended', 'tenant.resumed']);
  });

  it('and a block stand beside each other: lifting one leaves the other', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await suspend(slug);
    await review(slug, 'fail');
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'blocked', directory: 'blocked' });
    await review(slug, 'pass');
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'suspended', directory: 'suspended' });
    await review(slug, 'fail');
    await resume(slug);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'blocked', directory: 'blocked' });
    await expect(resume(slug)).rejects.toMatchObject({
      message: expect.stringContaining('only a compliance review that it passes lifts that'),
    });
  });

  it('survives a run that ends meanwhile', async () => {
    const { tenantId, slug } = await plane.validated();
    await suspend(slug);
    await review(slug, 'pass');
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'suspended',
      state: 'active',
      directory: 'suspended',
    });
  });

  it('is for tenants that are built, and never for the platform', async () => {
    const { slug } = await plane.built();
    await expect(suspend(slug)).rejects.toMatchObject({ code: 'not_ready' });
    await expect(requestDeletion(slug)).rejects.toMatchObject({ code: 'not_ready' });
    await plane.postgres.query(
      `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by, activated_at)
       values ('ten_p', 'platform', 'P', 'platform', 'active', 'active', '{}', 'x', now())`,
    );
    const platform = 'platform' as Slug;
    for (const change of [suspend, resume, requestDeletion, restore, (s: Slug) => review(s, 'fail')]) {
      await expect(change(platform)).rejects.toMatchObject({
        code: 'conflict',
        message: 'This cannot be done to the platform tenant.',
      });
    }
  });

  it('reaches the directory in the order in which it was decided, however late a job comes', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await plane.postgres.transaction((transaction) =>
      plane.lifecycle.suspend(transaction, { slug, actor, reason: 'x' }),
    );
    const late = plane.sent.splice(0);
    await resume(slug);
    plane.sent.push(...late);
    await plane.work();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'active', directory: 'active' });
  });

  it('is noticed by a process that heard nothing of it within its revalidation period', async () => {
    const { slug } = await plane.reviewed();
    const pool = createTenantPool({
      directory: plane.directory,
      build: async (record) => ({ record, handle: async () => {} }),
      clock: plane.clock,
      log: silentLog,
      max: 10,
      revalidateSeconds: 15,
      negativeSeconds: 5,
    });
    (await pool.lease(slug))?.release();
    await review(slug, 'fail');
    plane.clock.advance(15_000);
    expect(await pool.lease(slug)).toBeUndefined();
    await pool.close();
  });
});

describe('a deletion', () => {
  it('hides the tenant at once and can be taken back until its grace period ends', async () => {
    const { tenantId, slug } = await plane.reviewed();
    const dueAt = new Date(plane.clock.now() + graceDays * dayMs);
    expect(await requestDeletion(slug)).toMatchObject({ status: 'deleting', deletionDueAt: dueAt });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting', directory: 'deleting' });
    await expect(suspend(slug)).rejects.toMatchObject({
      message: expect.stringContaining('Restore it first'),
    });
    plane.clock.advance(graceDays * dayMs - 1);
    await plane.startDeletions();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting' });
    await restore(slug);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'active',
      directory: 'active',
    });
    plane.clock.advance(1);
    await plane.startDeletions();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'active' });
    await expect(restore(slug)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('removes everything when it is due, keeps the records, and retires the slug for ever', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await requestDeletion(slug);
    plane.clock.advance(graceDays * dayMs);
    const steps: string[] = [];
    await plane.startDeletions({
      onPoint: async ({ step, phase }) => void (phase === 'before-undo' && steps.push(step)),
    });
    expect(steps).toEqual([
      'activate',
      'initial-admin',
      'first-client',
      'defaults',
      'tenant-table',
      'signing-keys',
      'reserve-directory',
      'preconditions',
    ]);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'deleted',
      state: 'deprovisioned',
      directory: 'deleted',
    });
    expect(await plane.traces(tenantId, slug)).toEqual({ directory: true, tables: [], keys: [] });
    const tombstone = await plane.directory.get(slug);
    expect(tombstone).toMatchObject({ id: tenantId, signingKeys: [], sealedCookieKeys: '' });
    expect(await slugState(plane.postgres, slug)).toBe('retired');
    expect((await plane.events(tenantId)).slice(-3)).toEqual([
      'tenant.deletion-requested',
      'tenant.deprovisioning.started',
      'tenant.deleted',
    ]);
    const { rows } = await plane.postgres.query(
      'select 1 from receipts where tenant_id = $1 and voided_at is null',
      [tenantId],
    );
    expect(rows).toHaveLength(1);

    await expect(restore(slug)).rejects.toMatchObject({ message: 'The tenant has been removed.' });
    await expect(requestDeletion(slug)).rejects.toMatchObject({ message: 'The tenant has been removed.' });
    await expect(
      plane.postgres.transaction((transaction) =>
        holdSlug(transaction, { directory: plane.directory, random: systemRandom }, { slug, name: 'New' }),
      ),
    ).rejects.toMatchObject({ code: 'slug_unavailable' });
    // Even if PostgreSQL had forgotten it, the directory has not (D1).
    await plane.postgres.query('delete from slugs where slug = $1', [slug]);
    await expect(
      plane.postgres.transaction((transaction) =>
        holdSlug(transaction, { directory: plane.directory, random: systemRandom }, { slug, name: 'New' }),
      ),
    ).rejects.toMatchObject({ code: 'slug_unavailable' });
  });

  it('takes a tenant with it that still waits for its review', async () => {
    const { tenantId, slug } = await plane.validated();
    await requestDeletion(slug);
    plane.clock.advance(graceDays * dayMs);
    await plane.startDeletions();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleted', directory: 'deleted' });
    const { rows } = await plane.postgres.query<{ kind: string; state: string }>(
      'select kind, state from provisioning_runs where tenant_id = $1 order by created_at',
      [tenantId],
    );
    expect(rows).toEqual([
      { kind: 'provision', state: 'superseded' },
      { kind: 'deprovision', state: 'undone' },
    ]);
  });

  it.each(
    ['activate', 'tenant-table', 'signing-keys', 'reserve-directory'].flatMap((step) => [
      [step, 'before-undo'] as const,
      [step, 'after-undo'] as const,
    ]),
  )('goes on where its worker was stopped: %s, %s', async (step, phase) => {
    const { tenantId, slug } = await plane.reviewed();
    await requestDeletion(slug);
    plane.clock.advance(graceDays * dayMs);
    const stop = new AbortController();
    const stopped = plane.startDeletions(
      {
        async onPoint(point) {
          if (point.step === step && point.phase === phase) {
            stop.abort(new Error('stopping'));
          }
        },
      },
      stop.signal,
    );
    await expect(stopped).rejects.toThrow('stopping');
    expect(await plane.status(tenantId, slug)).toMatchObject({
      status: 'deleting',
      state: 'deprovisioning',
      directory: expect.stringMatching(/^delet(ing|ed)$/),
    });
    // The job comes again.
    await plane.provisioning().run(tenantId);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'deleted',
      state: 'deprovisioned',
      directory: 'deleted',
    });
    expect(await plane.traces(tenantId, slug)).toMatchObject({ tables: [], keys: [] });
  });

  it('that cannot be finished stops for an operator, who lets it go on', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await requestDeletion(slug);
    plane.clock.advance(graceDays * dayMs);
    await expect(
      plane.startDeletions({
        onPoint: async ({ step, phase }) => {
          if (step === 'tenant-table' && phase === 'after-undo') {
            throw new Error('no reply');
          }
        },
        attempts: { maxAttempts: 1, delayMs: () => 0, wait: async () => {} },
      }),
    ).resolves.toBeUndefined();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting', state: 'failed' });
    await plane.startDeletions();
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting', state: 'failed' });
    await expect(restore(slug)).rejects.toMatchObject({
      message: 'The grace period has ended; the tenant is being removed.',
    });
    await plane.request((transaction) => plane.operations.retry(transaction, { slug, actor }));
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleted', directory: 'deleted' });
    expect(await plane.traces(tenantId, slug)).toMatchObject({ tables: [], keys: [] });
  });
});

describe('an operator', () => {
  const retry = (slug: Slug) =>
    plane.request((transaction) =>
      plane.operations.retry(transaction, { slug, actor, comment: 'Quota raised.' }),
    );
  const rollback = (slug: Slug) =>
    plane.request((transaction) => plane.operations.rollback(transaction, { slug, actor }));

  const failing = (step: string, phase: string) => ({
    onPoint: async (point: { step: string; phase: string }) => {
      if (point.step === step && point.phase === phase) {
        throw new Error('no reply');
      }
    },
  });

  it('lets a run that was rolled back begin anew', async () => {
    const { tenantId, slug } = await plane.order();
    await plane.provisioning(failing('defaults', 'before-act')).run(tenantId);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'failed', state: 'rolled-back' });
    expect(await retry(slug)).toMatchObject({ status: 'provisioning', provisioningState: 'queued' });
    expect(await plane.status(tenantId, slug)).toMatchObject({ state: 'awaiting-validation' });
    expect(await slugState(plane.postgres, slug)).toBe('held');
  });

  it('cannot when somebody else has the slug by now, or nobody may have it again', async () => {
    const { tenantId, slug } = await plane.order();
    await plane.provisioning(failing('defaults', 'before-act')).run(tenantId);
    await plane.postgres.query(`insert into slugs (slug, state) values ($1, 'held')`, [slug]);
    await expect(retry(slug)).rejects.toMatchObject({ code: 'slug_unavailable' });
    expect(await plane.status(tenantId, slug)).toMatchObject({ state: 'rolled-back' });
  });

  it('lets an undo that could not be finished go on', async () => {
    const { tenantId, slug } = await plane.order();
    const undoFails = failing('tenant-table', 'before-undo');
    const fails = failing('defaults', 'before-act');
    await plane
      .provisioning({
        async onPoint(point) {
          await fails.onPoint(point);
          await undoFails.onPoint(point);
        },
      })
      .run(tenantId);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'failed', state: 'failed' });
    await retry(slug);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'failed', state: 'rolled-back' });
    expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
    expect(await plane.events(tenantId)).toContain('tenant.provisioning.retried');
    const { rows } = await plane.postgres.query('select attention from orders where tenant_id = $1', [
      tenantId,
    ]);
    expect(rows).toEqual([{ attention: null }]);
  });

  /** Its job was given up in the middle. */
  async function abandoned() {
    const order = await plane.order();
    const stop = new AbortController();
    const provisioning = plane.provisioning({
      onPoint: async ({ step, phase }) => {
        if (step === 'defaults' && phase === 'after-act') {
          stop.abort(new Error('stopping'));
        }
      },
    });
    await expect(provisioning.run(order.tenantId, stop.signal)).rejects.toThrow('stopping');
    await provisioning.job.dead(order, 'the process ended');
    return order;
  }

  it('lets a run that was given up go on, or removes what it left', async () => {
    const first = await abandoned();
    await retry(first.slug);
    expect(await plane.status(first.tenantId, first.slug)).toMatchObject({ state: 'awaiting-validation' });

    const second = await abandoned();
    await rollback(second.slug);
    expect(await plane.status(second.tenantId, second.slug)).toMatchObject({ state: 'rolled-back' });
    expect(await plane.traces(second.tenantId, second.slug)).toEqual({
      directory: false,
      tables: [],
      keys: [],
    });
    expect(await plane.events(second.tenantId)).toContain('tenant.provisioning.rollback');
  });

  it('does not turn a run forward that was given up before it undid its first step', async () => {
    const { tenantId, slug } = await plane.built();
    const stop = new AbortController();
    const stopping = {
      onPoint: async ({ phase }: { phase: string }) => {
        if (phase === 'before-undo') {
          stop.abort(new Error('stopping'));
          stop.signal.throwIfAborted();
        }
      },
    };
    await plane.postgres.transaction((transaction) =>
      plane.decisions.validate(transaction, {
        slug,
        decision: 'reject',
        comment: 'Not ours.',
        actor: people.sam,
      }),
    );
    plane.sent.length = 0;
    const provisioning = plane.provisioning(stopping);
    await expect(provisioning.run(tenantId, stop.signal)).rejects.toThrow('stopping');
    // Nothing but the first attempt of its undo tells that the run had turned back.
    await plane.postgres.query(`update provisioning_steps set status = 'done' where status = 'undoing'`);
    await provisioning.job.dead({ tenantId }, 'the process ended');
    await retry(slug);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'failed', state: 'rolled-back' });
    expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
    expect(await plane.provisioning().readProgress(tenantId)).toMatchObject({
      error: 'The validation was rejected: Not ours.',
    });
  });

  it('lets an active tenant have the receipt that could not be signed', async () => {
    const { tenantId, slug } = await plane.validated();
    await plane.request(
      (transaction) => plane.decisions.review(transaction, { slug, decision: 'pass', actor: people.cora }),
      failing('receipt', 'before-act'),
    );
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'failed',
      directory: 'active',
    });
    await expect(rollback(slug)).rejects.toMatchObject({
      message: expect.stringContaining('Delete it instead'),
    });
    await retry(slug);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'active',
      directory: 'active',
    });
  });

  it.each([
    ['waits for validation', () => plane.built()],
    ['waits for its review', () => plane.validated()],
    ['is active', () => plane.reviewed()],
    ['is queued', () => plane.order()],
  ])('has nothing to do for a tenant that %s', async (_state, make) => {
    const { slug } = await make();
    for (const operation of [retry, rollback]) {
      await expect(operation(slug)).rejects.toMatchObject({ code: 'conflict' });
    }
  });
});
