import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { SagaPhase } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import {
  auditedEvents,
  type ControlPlane,
  slugState,
  startControlPlane,
  tenantRow,
} from './control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const nothing = { directory: false, tables: [], keys: [] };

const steps = [
  'reserve-directory',
  'signing-keys',
  'tenant-table',
  'defaults',
  'first-client',
  'validation',
  'initial-admin',
  'activate',
];

function failAt(step: string, phase: SagaPhase, error: () => Error) {
  return async (point: { step: string; phase: SagaPhase }) => {
    if (point.step === step && point.phase === phase) {
      throw error();
    }
  };
}

describe('a step that fails for good', () => {
  it.each(steps.flatMap((step) => [[step, 'before-act'] as const, [step, 'after-act'] as const]))(
    'in %s, %s: leaves nothing behind and says which step it was',
    async (step, phase) => {
      const { tenantId, slug } = await plane.order();
      const provisioning = plane.provisioning({
        onPoint: failAt(step, phase, () => new UnusableResult('The quota is used up.')),
      });
      await provisioning.run(tenantId);

      expect(await plane.traces(tenantId, slug)).toEqual(nothing);
      expect(await provisioning.readProgress(tenantId)).toMatchObject({
        state: 'rolled-back',
        failedStep: step,
        error: 'The quota is used up.',
      });
      expect(await tenantRow(plane.postgres, tenantId)).toEqual({
        status: 'failed',
        provisioning_state: 'rolled-back',
      });
      // An issuer that outsiders may have seen is never given to somebody else.
      expect(await slugState(plane.postgres, slug)).toBe(step === 'activate' ? 'retired' : undefined);
      expect((await auditedEvents(plane.postgres, tenantId)).slice(-2)).toEqual([
        'tenant.provisioning.step-failed',
        'tenant.provisioning.undone',
      ]);
      const told = plane.mails.filter(({ subject }) => subject === `Tenant ${slug} could not be set up`);
      expect(told.map(({ to }) => to)).toEqual(['olga@operators.example', 'oauth-team@operators.example']);
      expect(told[0]?.text).toContain(`Step: ${step}`);
    },
  );

  it.each(['compliance', 'receipt'])(
    'in %s, once the tenant is active: takes nothing down and leaves the rest to an operator',
    async (step) => {
      const { tenantId, slug } = await plane.order();
      const provisioning = plane.provisioning({
        onPoint: failAt(step, 'after-act', () => new UnusableResult('The key is disabled.')),
      });
      await provisioning.run(tenantId);
      expect((await plane.directory.get(slug))?.status).toBe('active');
      expect(await tenantRow(plane.postgres, tenantId)).toEqual({
        status: 'active',
        provisioning_state: 'failed',
      });
      expect(await provisioning.readProgress(tenantId)).toMatchObject({
        failedStep: step,
        error: 'The key is disabled.',
      });
      expect(await slugState(plane.postgres, slug)).toBe('taken');
      expect((await auditedEvents(plane.postgres, tenantId)).slice(-2)).toEqual([
        'tenant.provisioning.step-failed',
        'tenant.provisioning.needs-operator',
      ]);
      expect(plane.mails.at(-1)).toMatchObject({
        to: 'oauth-team@operators.example',
        text: expect.stringContaining('The tenant is active and stays so.'),
      });
    },
  );

  it('keeps texts that are not meant for the requester out of the record', async () => {
    const { tenantId } = await plane.order();
    const provisioning = plane.provisioning({
      onPoint: failAt('defaults', 'before-act', () => new Error('host 10.0.0.7 refused key AKIA')),
    });
    await provisioning.run(tenantId);
    const progress = await provisioning.readProgress(tenantId);
    expect(progress).toMatchObject({ failedStep: 'defaults', error: 'An unexpected error occurred.' });
    expect(progress?.steps.find(({ name }) => name === 'defaults')?.attempts).toBe(5);
  });

  it('does not touch a slug that another tenant holds in the directory', async () => {
    const { tenantId, slug } = await plane.order();
    const other = await plane.order();
    await plane.provisioning().run(other.tenantId);
    const holder = await plane.directory.get(other.slug);
    await plane.postgres.query('update tenants set status = $2 where id = $1', [other.tenantId, 'deleted']);
    await plane.postgres.query('update tenants set slug = $2 where id = $1', [tenantId, other.slug]);
    const provisioning = plane.provisioning();
    await provisioning.run(tenantId);
    expect(await provisioning.readProgress(tenantId)).toMatchObject({
      state: 'rolled-back',
      failedStep: 'reserve-directory',
    });
    expect(await plane.directory.get(other.slug)).toEqual(holder);
    expect(await slugState(plane.postgres, slug)).toBe('held');
  });
});

describe('a step that fails for a while', () => {
  it('is tried again, and every try is on record', async () => {
    const { tenantId } = await plane.order();
    let failures = 0;
    const provisioning = plane.provisioning({
      onPoint: async ({ step, phase }) => {
        if (step === 'tenant-table' && phase === 'after-act' && failures < 3) {
          failures += 1;
          throw new AppError('temporarily_unavailable', 'The store is not available.');
        }
      },
    });
    await provisioning.run(tenantId);
    const progress = await provisioning.readProgress(tenantId);
    expect(progress?.state).toBe('active');
    const table = progress?.steps.find(({ name }) => name === 'tenant-table');
    expect(table).toMatchObject({ status: 'done', attempts: 4 });
    expect(table).not.toHaveProperty('error');
  });
});

describe('an undo that fails', () => {
  const failing = failAt('activate', 'before-act', () => new UnusableResult('No.'));

  it('is tried again', async () => {
    const { tenantId, slug } = await plane.order();
    let failures = 0;
    const provisioning = plane.provisioning({
      onPoint: async (point) => {
        await failing(point);
        if (point.step === 'signing-keys' && point.phase === 'after-undo' && failures < 2) {
          failures += 1;
          throw new Error('lost reply');
        }
      },
    });
    await provisioning.run(tenantId);
    expect((await provisioning.readProgress(tenantId))?.state).toBe('rolled-back');
    expect(await plane.traces(tenantId, slug)).toEqual(nothing);
  });

  it('is left to an operator in the end: marked, audited, told, and the slug stays held', async () => {
    const { tenantId, slug } = await plane.order();
    const provisioning = plane.provisioning({
      onPoint: async (point) => {
        await failing(point);
        await failAt('tenant-table', 'before-undo', () => new Error('no reply'))(point);
      },
    });
    await provisioning.run(tenantId);
    const progress = await provisioning.readProgress(tenantId);
    expect(progress).toMatchObject({ state: 'failed', failedStep: 'activate' });
    expect(progress?.steps.map(({ name, status }) => [name, status])).toContainEqual([
      'tenant-table',
      'undo-failed',
    ]);
    expect(await slugState(plane.postgres, slug)).toBe('held');
    const { rows } = await plane.postgres.query('select attention from orders where tenant_id = $1', [
      tenantId,
    ]);
    expect(rows[0]?.attention).toMatch(/activate.*tenant-table/);
    expect(await auditedEvents(plane.postgres, tenantId)).toContain('tenant.provisioning.needs-operator');
    expect(plane.mails.at(-1)).toMatchObject({
      to: 'oauth-team@operators.example',
      subject: `Provisioning of tenant ${slug} needs an operator`,
    });
    // A job delivered again leaves it to the operator.
    await provisioning.run(tenantId);
    expect(await provisioning.readProgress(tenantId)).toEqual(progress);
  });
});

describe('the notice of a failure', () => {
  const written = async () => {
    const { rows } = await plane.postgres.query(`select 1 from outbox where topic = 'provisioning-failed'`);
    return rows.length;
  };

  it('commits with the failure, or not at all', async () => {
    const { tenantId } = await plane.order();
    const before = await written();
    const onPoint = failAt('activate', 'before-act', () => new UnusableResult('It cannot be done.'));
    const interrupted = plane.provisioning({
      onPoint,
      async postMail(transaction, topic, mail) {
        await plane.options.postMail(transaction, topic, mail);
        await transaction.query('select 1 / 0');
      },
    });
    await expect(interrupted.run(tenantId)).rejects.toThrow();
    expect((await interrupted.readProgress(tenantId))?.state).toBe('running');
    expect(await written()).toBe(before);

    const provisioning = plane.provisioning({ onPoint });
    await provisioning.run(tenantId);
    expect((await provisioning.readProgress(tenantId))?.state).toBe('rolled-back');
    // The requester's and the team's.
    expect(await written()).toBe(before + 2);
  });

  it('that cannot be sealed does not keep the failure from the record', async () => {
    const { tenantId } = await plane.order();
    const provisioning = plane.provisioning({
      onPoint: failAt('activate', 'before-act', () => new UnusableResult('It cannot be done.')),
      postMail: async () => {
        throw new AppError('temporarily_unavailable', 'The key store does not answer.');
      },
    });
    await provisioning.run(tenantId);
    expect((await provisioning.readProgress(tenantId))?.state).toBe('rolled-back');
  });
});

describe('a job that is given up', () => {
  it('marks the run and its order', async () => {
    const { tenantId, slug } = await plane.order();
    const stop = new AbortController();
    const provisioning = plane.provisioning({
      onPoint: async ({ step, phase }) => {
        if (step === 'defaults' && phase === 'after-act') {
          stop.abort(new Error('stopping'));
        }
      },
    });
    await expect(provisioning.run(tenantId, stop.signal)).rejects.toThrow('stopping');
    await provisioning.job.dead({ tenantId }, 'the process ended');
    expect(await provisioning.readProgress(tenantId)).toMatchObject({
      state: 'failed',
      failedStep: 'defaults',
    });
    expect(await slugState(plane.postgres, slug)).toBe('held');
    const { rows } = await plane.postgres.query('select attention from orders where tenant_id = $1', [
      tenantId,
    ]);
    expect(rows[0]?.attention).toBe('The provisioning job failed again and again.');
    // Delivered twice, as any job may be.
    await provisioning.job.dead({ tenantId }, 'the process ended');
    const notices = plane.mails.filter(({ subject }) => subject.includes(slug));
    expect(notices).toMatchObject([
      {
        to: 'oauth-team@operators.example',
        subject: `Provisioning of tenant ${slug} needs an operator`,
        text: expect.stringContaining('Step: defaults'),
      },
    ]);
  });
});
