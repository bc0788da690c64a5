import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { JobLater, startQueue } from '../../src/platform/queue.ts';
import type { OnSagaPoint, SagaPhase } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { silentLog } from '../support/services.ts';
import { type ControlPlane, slugState, startControlPlane, tenantRow } from './control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const away = () => new AppError('temporarily_unavailable', 'The key store does not answer.');
const nothing = { directory: false, tables: [], keys: [] };

/** Something that one step needs is away until told otherwise. */
function outage(step: string, phase: SagaPhase, error: () => Error = away) {
  const state = { isOver: false, met: 0 };
  const onPoint: OnSagaPoint = async (point) => {
    if (!state.isOver && point.step === step && point.phase === phase) {
      state.met += 1;
      throw error();
    }
  };
  return { state, onPoint };
}

async function leaseOf(tenantId: TenantId) {
  const { rows } = await plane.postgres.query(
    `select state, lease_until as lease from provisioning_runs where tenant_id = $1`,
    [tenantId],
  );
  return rows;
}

describe('something that a step needs and that is away for minutes', () => {
  it.each([
    ['signing-keys', 'before-act', away],
    ['tenant-table', 'after-act', away],
    ['validation', 'after-act', away],
    ['defaults', 'before-act', () => Object.assign(new Error('read'), { code: 'ECONNRESET' })],
  ] as const)('undoes no tenant: %s, %s', async (step, phase, error) => {
    const { tenantId, slug } = await plane.order();
    const { state, onPoint } = outage(step, phase, error);
    const provisioning = plane.provisioning({ onPoint });
    let waitedMs = 0;
    const waits: number[] = [];
    while (waitedMs < 600_000) {
      const { afterMs = 0 } = await provisioning.run(tenantId);
      waits.push(afterMs);
      waitedMs += afterMs;
      plane.clock.advance(afterMs);
      // Nobody holds it meanwhile.
      expect(await leaseOf(tenantId)).toEqual([{ state: 'running', lease: null }]);
    }
    expect(Math.min(...waits)).toBe(5_000);
    expect(Math.max(...waits)).toBe(60_000);
    // At first some tries in a row, then one each time.
    expect(state.met).toBe(5 + waits.length - 1);
    expect(await provisioning.readProgress(tenantId)).toMatchObject({ state: 'running' });

    state.isOver = true;
    expect(await provisioning.run(tenantId)).toEqual({});
    expect((await tenantRow(plane.postgres, tenantId))?.status).toBe('active');
    const { rows } = await plane.postgres.query(
      `select 1 from provisioning_steps where failing_since is not null
          and run_id = (select id from provisioning_runs where tenant_id = $1)`,
      [tenantId],
    );
    expect(rows).toEqual([]);
    expect(await plane.traces(tenantId, slug)).toMatchObject({ tables: { length: 1 }, keys: { length: 1 } });
  });

  it('undoes the tenant in the end, and names the step', async () => {
    const { tenantId, slug } = await plane.order();
    const { onPoint } = outage('tenant-table', 'before-act');
    const provisioning = plane.provisioning({ onPoint, patienceSeconds: 60 });
    for (let afterMs: number | undefined = 0; afterMs !== undefined; ) {
      plane.clock.advance(afterMs);
      ({ afterMs } = await provisioning.run(tenantId));
    }
    expect(await provisioning.readProgress(tenantId)).toMatchObject({
      state: 'rolled-back',
      failedStep: 'tenant-table',
      error: 'The key store does not answer.',
    });
    expect(await plane.traces(tenantId, slug)).toEqual(nothing);
  });

  it('is waited for by an undo, too, until it needs an operator, who gets as much time again', async () => {
    const { tenantId, slug } = await plane.order();
    const undo = outage('signing-keys', 'before-undo');
    const fails = outage('defaults', 'before-act', () => new UnusableResult('No.'));
    const onPoint: OnSagaPoint = async (point) => {
      await fails.onPoint(point);
      await undo.onPoint(point);
    };
    const provisioning = plane.provisioning({ onPoint, patienceSeconds: 60 });
    for (let afterMs: number | undefined = 0; afterMs !== undefined; ) {
      plane.clock.advance(afterMs);
      ({ afterMs } = await provisioning.run(tenantId));
    }
    expect(await provisioning.readProgress(tenantId)).toMatchObject({
      state: 'failed',
      failedStep: 'defaults',
    });
    expect(await slugState(plane.postgres, slug)).toBe('held');

    await plane.postgres.query(
      `update provisioning_runs set state = 'undoing', turned_back = true, finished_at = null where tenant_id = $1`,
      [tenantId],
    );
    await plane.postgres.query(`update tenants set provisioning_state = 'running' where id = $1`, [tenantId]);
    expect(await provisioning.run(tenantId)).toEqual({ afterMs: 5_000 });
    undo.state.isOver = true;
    expect(await provisioning.run(tenantId)).toEqual({});
    expect(await plane.traces(tenantId, slug)).toEqual(nothing);
  });

  it('is not waited for where it is refused for good, in an undo neither', async () => {
    const { tenantId } = await plane.order();
    const refused = () => new AppError('invalid_request', 'There is no such cluster.');
    const undo = outage('tenant-table', 'before-undo', refused);
    const fails = outage('defaults', 'before-act', refused);
    const onPoint: OnSagaPoint = async (point) => {
      await fails.onPoint(point);
      await undo.onPoint(point);
    };
    expect(await plane.provisioning({ onPoint }).run(tenantId)).toEqual({});
    expect([fails.state.met, undo.state.met]).toEqual([1, 1]);
    expect((await tenantRow(plane.postgres, tenantId))?.provisioning_state).toBe('failed');
  });

  it('keeps the queue for nobody: the tenant comes again, and others are provisioned meanwhile', async () => {
    const queue = await startQueue({
      connectionString: new Secret(plane.connectionString),
      log: silentLog,
    });
    try {
      const waiting = await plane.order();
      const other = await plane.order();
      const { state, onPoint } = outage('tenant-table', 'before-act');
      // Only the first tenant needs what is away.
      const slow = plane.provisioning({ onPoint });
      const quick = plane.provisioning();
      for (const { tenantId } of [waiting, other]) {
        await plane.postgres.transaction((transaction) =>
          queue.send(transaction, 'tenant-provisioning', { tenantId }),
        );
      }
      await queue.work({
        'tenant-provisioning': {
          run: (payload, signal) =>
            (payload.tenantId === waiting.tenantId ? slow : quick).job.run(payload, signal),
          dead: slow.job.dead,
        },
      });
      await vi.waitFor(
        async () => expect((await tenantRow(plane.postgres, other.tenantId))?.status).toBe('active'),
        { timeout: 60_000, interval: 50 },
      );
      expect((await tenantRow(plane.postgres, waiting.tenantId))?.provisioning_state).toBe('running');
      state.isOver = true;
      await vi.waitFor(
        async () => expect((await tenantRow(plane.postgres, waiting.tenantId))?.status).toBe('active'),
        { timeout: 60_000, interval: 50 },
      );
    } finally {
      await queue.stop();
    }
  });
});

it('a run that another worker keeps comes again later', async () => {
  const { tenantId } = await plane.order();
  const { state, onPoint } = outage('tenant-table', 'before-act');
  const first = plane.provisioning({ onPoint });
  await first.run(tenantId);
  // As if a worker that cannot be reached any more had taken it.
  await plane.postgres.query(
    `update provisioning_runs set lease_until = now() + interval '1 hour' where tenant_id = $1`,
    [tenantId],
  );
  const { job } = plane.provisioning({ leaseMs: 1 });
  await expect(job.run({ tenantId }, AbortSignal.timeout(60_000))).rejects.toBeInstanceOf(JobLater);
  state.isOver = true;
  await plane.postgres.query(`update provisioning_runs set lease_until = null where tenant_id = $1`, [
    tenantId,
  ]);
  await first.run(tenantId);
  expect((await tenantRow(plane.postgres, tenantId))?.status).toBe('active');
});

it('a directory that is away keeps nobody from taking the run: its steps wait for it', async () => {
  const { tenantId } = await plane.order();
  const directory = {
    ...plane.directory,
    get: async () => {
      throw away();
    },
    update: async () => {
      throw away();
    },
  };
  const provisioning = plane.provisioning({ directory });
  expect(await provisioning.run(tenantId)).toEqual({ afterMs: 5_000 });
  expect(await plane.provisioning().run(tenantId)).toEqual({});
  expect((await tenantRow(plane.postgres, tenantId))?.status).toBe('active');
});
