import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { holdLease, LeaseLost } from '../../src/provisioning/run-lease.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { takeRun } from '../../src/provisioning/take-run.ts';
import { silentLog } from '../support/services.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

/** Stops a worker at a point until it is let go. */
function holdAt(step: string, phase: string) {
  let arrive = () => {};
  let letGo = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const onPoint: OnSagaPoint = async (point) => {
    if (point.step === step && point.phase === phase) {
      arrive();
      await released;
    }
  };
  return { arrived, letGo: () => letGo(), onPoint };
}

const counted = (step: string) => `select count(*)::integer as count from provisioning_attempts
  where step = '${step}' and run_id = (select id from provisioning_runs where tenant_id = $1)`;

describe('two workers with the same tenant', () => {
  it('do the work once', async () => {
    const { tenantId } = await plane.order({ admin: { name: 'Dee', email: 'dee@acme.example' } });
    const workers = [plane.provisioning(), plane.provisioning(), plane.provisioning()];
    await Promise.all(workers.map((worker) => worker.run(tenantId)));
    const progress = await workers[0]?.readProgress(tenantId);
    expect(progress?.state).toBe('active');
    expect(new Set(progress?.steps.map(({ attempts }) => attempts))).toEqual(new Set([1]));
    expect(plane.mails.filter(({ to }) => to === 'dee@acme.example')).toHaveLength(1);
  });

  it('wait for each other as long as the holder renews its lease', async () => {
    const { tenantId } = await plane.order();
    const hold = holdAt('defaults', 'after-act');
    const first = plane.provisioning({ onPoint: hold.onPoint, leaseMs: 6_000 }).run(tenantId);
    await hold.arrived;
    const points: string[] = [];
    const second = plane.provisioning({ onPoint: async ({ step }) => void points.push(step) }).run(tenantId);
    const { rows } = await plane.postgres.query<{ ends: Date }>(
      'select lease_until as ends from provisioning_runs where tenant_id = $1',
      [tenantId],
    );
    // The first lease is over, and a renewed one lives.
    await vi.waitFor(
      async () => {
        const renewed = await plane.postgres.query(
          `select 1 from provisioning_runs
            where tenant_id = $1 and clock_timestamp() > $2 and lease_until > clock_timestamp()`,
          [tenantId, rows[0]?.ends],
        );
        expect(renewed.rowCount).toBe(1);
      },
      { timeout: 30_000, interval: 200 },
    );
    hold.letGo();
    await Promise.all([first, second]);
    expect(points).toEqual([]);
  });
});

describe('a worker that was replaced', () => {
  it('writes nothing any more and begins no further step', async () => {
    const { tenantId, slug } = await plane.order();
    const hold = holdAt('tenant-table', 'after-act');
    const old = plane.provisioning({ onPoint: hold.onPoint, leaseMs: 600_000 });
    const oldRun = old.run(tenantId);
    await hold.arrived;
    // As if the old worker had been frozen until its lease ran out.
    await plane.postgres.query(
      `update provisioning_runs set lease_until = now() - interval '1 second' where tenant_id = $1`,
      [tenantId],
    );
    const failing: OnSagaPoint = async ({ step, phase }) => {
      if (step === 'defaults' && phase === 'before-act') {
        throw new UnusableResult('No.');
      }
    };
    const next = plane.provisioning({ onPoint: failing });
    await next.run(tenantId);
    const settled = await next.readProgress(tenantId);
    expect(settled?.state).toBe('rolled-back');

    hold.letGo();
    await expect(oldRun).rejects.toThrow(LeaseLost);
    expect(await next.readProgress(tenantId)).toEqual(settled);
    expect(await plane.directory.get(slug)).toBeUndefined();
    const { rows } = await plane.postgres.query(counted('first-client'), [tenantId]);
    expect(rows).toEqual([{ count: 0 }]);
  });

  it('notices while it works', async () => {
    const { tenantId } = await plane.order();
    const taken = await takeRun(
      {
        ...plane.options,
        leaseMs: 90,
        fenceInDirectory: async () => 0,
        planFor: () => ['activate'],
        announceStart: () => async () => {},
      },
      tenantId,
    );
    if (taken.outcome !== 'taken') throw new Error(taken.outcome);
    const held = holdLease({
      postgres: plane.postgres,
      lease: taken.lease,
      leaseMs: 90,
      outer: undefined,
      log: silentLog,
    });
    await plane.postgres.query('update provisioning_runs set fence = fence + 1 where tenant_id = $1', [
      tenantId,
    ]);
    await new Promise((resolve) => held.signal.addEventListener('abort', resolve));
    expect(held.signal.reason).toBeInstanceOf(LeaseLost);
    await held.release();
  });
});

describe('the only process on its database', () => {
  it('takes the run of its killed predecessor without waiting for the lease', async () => {
    const { tenantId } = await plane.order();
    const hold = holdAt('tenant-table', 'after-act');
    const killed = plane.provisioning({ onPoint: hold.onPoint, leaseMs: 600_000 });
    const killedRun = killed.run(tenantId);
    await hold.arrived;

    const next = plane.provisioning();
    await next.releaseAbandonedRuns();
    await next.run(tenantId);
    expect((await next.readProgress(tenantId))?.state).toBe('active');
    hold.letGo();
    await expect(killedRun).rejects.toThrow(LeaseLost);
  });
});

describe('a worker that is told to stop', () => {
  it('gives the run back at once, and another goes on where it was', async () => {
    const { tenantId } = await plane.order();
    const stop = new AbortController();
    const points: string[] = [];
    const first = plane.provisioning({
      leaseMs: 600_000,
      onPoint: async ({ step, phase }) => {
        if (step === 'first-client' && phase === 'after-done') {
          stop.abort(new Error('stopping'));
        }
      },
    });
    await expect(first.run(tenantId, stop.signal)).rejects.toThrow('stopping');
    const second = plane.provisioning({
      onPoint: async ({ step, phase }) => void (phase === 'before-act' && points.push(step)),
    });
    await second.run(tenantId);
    expect(points).toEqual(['validation', 'initial-admin', 'activate', 'compliance', 'receipt']);
    expect((await second.readProgress(tenantId))?.state).toBe('active');
  });
});
