/**
 * Provisioning: turns an approved tenant into a running one, or into nothing (A6, B8, C3).
 *
 * Owns the ordered plan of steps, the record of runs in PostgreSQL and the saga that carries a run forward or back. Does not own what the
 * steps build with: directory, tables, keys, clients and accounts are those of the folders below. Onboarding reaches it only by the
 * queued job `tenant-provisioning`, so a job may come twice, late, or to another process.
 *
 * Flow: job -> take the run (fence, lease) -> saga over the steps of `plan.ts` -> tenant active | waiting at a gate | undone.
 */

import type { PolicyFloor } from '../identity/policy-floor.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import type { PostMail } from '../outbox/mail-channel.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres } from '../platform/postgres.ts';
import { type JobHandler, JobLater, PermanentJobError, type Queue } from '../platform/queue.ts';
import type { RehearseTenant } from '../tenancy/rehearse-tenant.ts';
import { type AttemptPolicy, createAttemptPolicy, StepWaits } from './attempts.ts';
import { createComplianceReview } from './checks/compliance.ts';
import { createValidation } from './checks/validation.ts';
import { abandonRun } from './close-run.ts';
import { createGates, type GateMode } from './gates.ts';
import { createRemoveLateEffects } from './late-effects.ts';
import { createMirror } from './mirror.ts';
import { createNotices } from './notices.ts';
import { observeRuns, type RunObserver } from './observe-runs.ts';
import { createPlan, type PlanDependencies } from './plan.ts';
import { type Progress, readProgress } from './progress.ts';
import { createRecordedTenants } from './reconcile/recorded-tenants.ts';
import { createRunAudit, inOrder, provisioner } from './run-audit.ts';
import { holdLease } from './run-lease.ts';
import { createRunStore } from './run-store.ts';
import { createSaga, type OnSagaPoint } from './saga.ts';
import { blockTenant, createStanding } from './standing.ts';
import type { Step } from './step.ts';
import { type TakenRun, takeRun } from './take-run.ts';
import { claimEntry, readFence } from './tenant-entry.ts';

export interface ProvisioningOptions extends Omit<PlanDependencies, 'onStatusChanged'> {
  postgres: Postgres;
  /** Of runs that failed. */
  postMail: PostMail;
  oauthTeamEmail: string;
  validation: GateMode;
  compliance: GateMode;
  /** For automatic validation, and to show a validator what it would find. */
  rehearse: RehearseTenant;
  policyFloor: PolicyFloor;
  /** The deployment encrypts tables by a KMS key. */
  needsKmsKey: boolean;
  queue: Pick<Queue, 'send'>;
  log: Log;
  /** Called when a tenant begins or ceases to answer. */
  onStatusChanged?: (slug: Slug) => void;
  /** How long a silent worker keeps its run; default 6 s. */
  leaseMs?: number;
  attempts?: AttemptPolicy;
  /** How long a step may go on failing while what it needs is away; default 900. */
  patienceSeconds?: number;
  observer?: RunObserver;
  onPoint?: OnSagaPoint;
}

export interface Provisioning {
  /**
   * Starts or resumes the tenant's run and resolves when it has ended, well or badly, or waits at a gate, or after `afterMs` is to be taken up
   * again because something that a step needs is away. Rejects when the record cannot be written, when another worker keeps the run, and with the
   * signal's reason; calling again goes on from the record.
   */
  run(tenantId: TenantId, signal?: AbortSignal): Promise<{ afterMs?: number }>;
  /**
   * Lets every run be taken at once. For a process that alone works on the database, before it begins: whoever held a run is gone, and
   * waiting for a lease to end would only make its start slow.
   */
  releaseAbandonedRuns(): Promise<void>;
  readProgress(tenantId: TenantId): Promise<Progress | undefined>;
  /** What runs are made of, for whoever looks at what they made. */
  readonly steps: ReadonlyMap<string, Step>;
  readonly job: JobHandler<'tenant-provisioning'>;
}

/** After how long a run comes again that could not be taken. */
const untakenMs = 15_000;

export function createProvisioning(options: ProvisioningOptions): Provisioning {
  const { postgres, directory, tablePrefix, clock, random, log } = options;
  const { leaseMs = 6_000, attempts = createAttemptPolicy(random), onPoint = async () => {} } = options;
  const { patienceSeconds = 900 } = options;
  const { onStatusChanged = () => {} } = options;
  const plan = createPlan({ ...options, onStatusChanged });
  const standing = createStanding({ postgres, queue: options.queue, directory, onStatusChanged, log });
  const record = createRunStore({ postgres, clock });
  const { observer } = options;
  const store = observer === undefined ? record : observeRuns(record, { observer, db: postgres, log });
  const audit = createRunAudit({ clock });
  const notices = createNotices(options);
  const saga = createSaga({
    store,
    steps: plan.steps,
    gates: createGates(options, {
      validation: createValidation({ ...options, steps: plan.steps }),
      compliance: createComplianceReview({ postgres }),
    }),
    attempts,
    patienceMs: patienceSeconds * 1_000,
    clock,
    audit,
    notices,
    mirror: createMirror({ directory, clock, log }),
    claimEntry: (context) => claimEntry(directory, context),
    removeLateEffects: createRemoveLateEffects({ postgres, tenants: createRecordedTenants(options), log }),
    async block(transaction, blocked, reason) {
      await blockTenant(transaction, options, { tenantId: blocked, actor: provisioner, reason });
    },
    applyStanding: standing.applyNow,
    onPoint,
    log,
  });

  /** Waits a while for another worker's lease to end: when that worker was killed nobody else will do its work. */
  async function takeOrWait(tenantId: TenantId, signal: AbortSignal): Promise<TakenRun> {
    for (let waitedMs = 0; ; ) {
      signal.throwIfAborted();
      const taken = await takeRun(
        {
          postgres,
          clock,
          random,
          leaseMs,
          fenceInDirectory: (tenant) => readFence(directory, tenant),
          planFor: plan.namesFor,
          announceStart: audit.started,
        },
        tenantId,
      );
      if (taken.outcome !== 'busy') {
        return taken;
      }
      if (waitedMs > 5 * leaseMs) {
        throw new AppError('temporarily_unavailable', 'Another worker is provisioning this tenant.');
      }
      const waitMs = Math.min(taken.remainingMs + 50, 1_000);
      await attempts.wait(waitMs, signal);
      waitedMs += waitMs;
    }
  }

  async function run(
    tenantId: TenantId,
    outer: AbortSignal = new AbortController().signal,
  ): Promise<{ afterMs?: number }> {
    const taken = await takeOrWait(tenantId, outer);
    if (taken.outcome === 'unknown-tenant') {
      throw new PermanentJobError(`there is no tenant ${tenantId} to provision`);
    }
    if (taken.outcome !== 'taken') {
      return {};
    }
    const { lease, tenant } = taken;
    const held = holdLease({ postgres, lease, leaseMs, outer, log });
    try {
      const result = await saga.execute(taken.run, lease, {
        runId: lease.runId,
        kind: taken.run.kind,
        tenant: { ...tenant, tableName: `${tablePrefix}-tenant-${tenantId}` },
        fence: Number(lease.fence),
        stillHeld: held.renew,
        signal: held.signal,
      });
      log.info({ tenantId, runId: lease.runId, result }, 'provisioning run');
      return {};
    } catch (error) {
      if (error instanceof StepWaits) {
        return { afterMs: error.afterMs };
      }
      throw error;
    } finally {
      await held.release();
    }
  }

  return {
    run,
    steps: plan.steps,
    async releaseAbandonedRuns() {
      await postgres.query('update provisioning_runs set lease_until = null where lease_until is not null');
    },
    readProgress: (tenantId) => readProgress(postgres, tenantId),
    job: {
      async run({ tenantId }, signal) {
        const { afterMs } = await run(tenantId, signal).catch((error: unknown) => {
          // The run could not be taken: another worker has it, or the directory is away.
          if (error instanceof AppError && error.code === 'temporarily_unavailable') {
            return { afterMs: untakenMs };
          }
          throw error;
        });
        if (afterMs !== undefined) {
          throw new JobLater('the provisioning run waits', { afterMs });
        }
      },
      async dead({ tenantId }, reason) {
        const abandoned = await abandonRun(
          { postgres, clock },
          tenantId,
          'The provisioning job failed again and again.',
          (run, tenant, failure) =>
            inOrder(notices.abandoned(tenant, failure), audit.needsOperator(run, failure)),
        );
        log.error({ tenantId, reason, abandoned }, 'a provisioning job was given up');
      },
    },
  };
}
