import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { ProvisioningState } from '../kernel/tenant.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import { type Finding, inWords } from './checks/finding.ts';
import { closeRun, type RunResult } from './close-run.ts';
import { type Decision, insertDecision } from './decisions.ts';
import type { Announce, StepFailure } from './run-audit.ts';
import { assertLease, type Lease } from './run-lease.ts';
import type { StepStatus, StoredStep } from './run-rows.ts';
import { settleStatus } from './standing.ts';
import type { StepOutput } from './step.ts';

/**
 * The record of provisioning runs in PostgreSQL. Every write goes through `assertLease`, so a worker that was replaced changes nothing,
 * and an `announce` callback writes its audit event in the same transaction.
 */
export interface RunStore {
  /** Writes the intent, before anything happens. Returns the attempt's id. */
  begin(lease: Lease, step: StoredStep, action: 'act' | 'undo'): Promise<string>;
  /** `last`: no further attempt follows. */
  failAttempt(
    lease: Lease,
    step: StoredStep,
    attempt: string,
    failure: { action: 'act' | 'undo'; error: string; last: boolean },
    announce?: Announce,
  ): Promise<void>;
  finishAct(lease: Lease, step: StoredStep, attempt: string, output: StepOutput): Promise<void>;
  finishUndo(lease: Lease, step: StoredStep, attempt: string): Promise<void>;
  /**
   * Leaves the run open at a gate; announces it on arrival only, with what the checks found then. False when the gate has been passed.
   */
  awaitGate(
    lease: Lease,
    step: StoredStep,
    arrival: { state: ProvisioningState; checks: readonly Finding[] | undefined; announce: Announce },
  ): Promise<boolean>;
  /** Writes down the decision that follows from the checks, and passes the gate when it lets the tenant through. */
  settleGate(
    lease: Lease,
    step: StoredStep,
    attempt: string,
    settled: { decision: GateDecision; announce: Announce },
  ): Promise<void>;
  /** The tenant answers from now on. Announced once, however often it is called. */
  markActivated(lease: Lease, announce: Announce): Promise<void>;
  startUndo(lease: Lease, failedStep: string, error: string): Promise<void>;
  /** `retireSlug`: outsiders may have seen the issuer, so nobody may ever have this slug again. */
  finish(
    lease: Lease,
    result: RunResult,
    options: { retireSlug: boolean; failure?: StepFailure; attention?: string; announce: Announce },
  ): Promise<void>;
}

/** A decision that the provisioning itself takes. `effect` runs with it. */
export interface GateDecision extends Pick<Decision, 'gate' | 'decision' | 'actor'> {
  checks: readonly Finding[];
  effect?: (transaction: Queryable) => Promise<void>;
}

export function createRunStore({ postgres, clock }: { postgres: Postgres; clock: Clock }): RunStore {
  const now = () => new Date(clock.now());

  function fenced<T>(lease: Lease, work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return postgres.transaction(async (transaction) => {
      await assertLease(transaction, lease);
      return await work(transaction);
    });
  }

  async function setStep(
    transaction: Queryable,
    { runId }: Lease,
    { position }: StoredStep,
    change: { status: StepStatus; error?: string; output?: StepOutput; finished?: boolean },
  ): Promise<void> {
    await transaction.query(
      `update provisioning_steps
          set status = $3, error = $4, output = coalesce($5, output),
              started_at = coalesce(started_at, $6), finished_at = case when $7 then $6::timestamptz end,
              failing_since = case when $7 then null else failing_since end
        where run_id = $1 and position = $2`,
      [
        runId,
        position,
        change.status,
        change.error ?? null,
        change.output === undefined ? null : JSON.stringify(change.output),
        now(),
        change.finished === true,
      ],
    );
  }

  /** The error that made the run turn back stays readable on its step. */
  async function setUndoStatus(
    transaction: Queryable,
    { runId }: Lease,
    { position }: StoredStep,
    status: 'undoing' | 'undone',
  ): Promise<void> {
    await transaction.query(
      `update provisioning_steps
          set status = $3, finished_at = case when $3 = 'undone' then $4::timestamptz end,
              failing_since = case when $3 = 'undone' then null else failing_since end
        where run_id = $1 and position = $2`,
      [runId, position, status, now()],
    );
  }

  async function setProvisioningState(
    transaction: Queryable,
    { tenantId }: Lease,
    state: ProvisioningState,
  ): Promise<boolean> {
    const { rowCount } = await transaction.query(
      `update tenants set provisioning_state = $2, updated_at = $3
        where id = $1 and provisioning_state not in ($2, 'deprovisioning')`,
      [tenantId, state, now()],
    );
    return rowCount === 1;
  }

  async function closeAttempt(transaction: Queryable, attempt: string, error?: string): Promise<void> {
    await transaction.query('update provisioning_attempts set finished_at = $2, error = $3 where id = $1', [
      attempt,
      now(),
      error ?? null,
    ]);
  }

  return {
    begin: (lease, step, action) =>
      fenced(lease, async (transaction) => {
        if (action === 'act') {
          await setStep(transaction, lease, step, { status: 'intended' });
        } else {
          await setUndoStatus(transaction, lease, step, 'undoing');
        }
        await setProvisioningState(transaction, lease, 'running');
        const { rows } = await transaction.query<{ id: string }>(
          `insert into provisioning_attempts (run_id, step, action, fence, started_at)
           values ($1, $2, $3, $4, $5) returning id`,
          [lease.runId, step.name, action, lease.fence, now()],
        );
        return rows[0]?.id ?? '';
      }),

    failAttempt: (lease, step, attempt, { action, error, last }, announce) =>
      fenced(lease, async (transaction) => {
        await closeAttempt(transaction, attempt, error);
        step.failingSince = last ? undefined : (step.failingSince ?? now());
        await transaction.query(
          `update provisioning_steps
              set error = $3, status = case when $4 then 'undo-failed' else status end, failing_since = $5
            where run_id = $1 and position = $2`,
          [lease.runId, step.position, error, last && action === 'undo', step.failingSince ?? null],
        );
        await announce?.(transaction);
      }),

    finishAct: (lease, step, attempt, output) =>
      fenced(lease, async (transaction) => {
        await closeAttempt(transaction, attempt);
        await setStep(transaction, lease, step, { status: 'done', output, finished: true });
      }),

    finishUndo: (lease, step, attempt) =>
      fenced(lease, async (transaction) => {
        await closeAttempt(transaction, attempt);
        await setUndoStatus(transaction, lease, step, 'undone');
      }),

    awaitGate: (lease, step, { state, checks, announce }) =>
      fenced(lease, async (transaction) => {
        // The decision may have come since the run was read.
        const { rowCount } = await transaction.query(
          `update provisioning_steps
              set status = 'intended', started_at = coalesce(started_at, $3), output = coalesce($4, output)
            where run_id = $1 and position = $2 and status <> 'done'`,
          [
            lease.runId,
            step.position,
            now(),
            checks === undefined ? null : JSON.stringify({ mode: 'manual', checks: checks.map(inWords) }),
          ],
        );
        if (rowCount === 0) {
          return false;
        }
        if (await setProvisioningState(transaction, lease, state)) {
          await announce(transaction);
        }
        return true;
      }),

    settleGate: (lease, step, attempt, { decision: { effect, ...decision }, announce }) =>
      fenced(lease, async (transaction) => {
        await closeAttempt(transaction, attempt);
        const { tenantId, runId } = lease;
        await insertDecision(transaction, clock, { ...decision, tenantId, runId });
        const passed = decision.decision === 'approve' || decision.decision === 'pass';
        await setStep(transaction, lease, step, {
          status: passed ? 'done' : 'intended',
          output: { mode: 'automatic', checks: decision.checks.map(inWords) },
          finished: passed,
        });
        await announce(transaction);
        await effect?.(transaction);
      }),

    markActivated: (lease, announce) =>
      fenced(lease, async (transaction) => {
        const { rowCount } = await transaction.query(
          'update tenants set activated_at = $2, updated_at = $2 where id = $1 and activated_at is null',
          [lease.tenantId, now()],
        );
        if (rowCount === 1) {
          await settleStatus(transaction, lease.tenantId);
          await settleSlug(transaction, lease.tenantId, 'taken');
          await announce(transaction);
        }
      }),

    startUndo: (lease, failedStep, error) =>
      fenced(lease, async (transaction) => {
        await transaction.query(
          `update provisioning_runs set state = 'undoing', turned_back = true, failed_step = $2, error = $3
            where id = $1`,
          [lease.runId, failedStep, error],
        );
      }),

    finish: (lease, result, { retireSlug, failure, attention, announce }) =>
      fenced(lease, async (transaction) => {
        await closeRun(transaction, clock, lease, {
          result,
          ...(failure === undefined ? {} : { failure }),
          ...(attention === undefined ? {} : { attention }),
        });
        if (result === 'undone') {
          await settleSlug(transaction, lease.tenantId, retireSlug ? 'retired' : undefined);
        }
        await announce(transaction);
      }),
  };
}

/** `undefined` frees the slug. */
async function settleSlug(
  transaction: Queryable,
  tenantId: TenantId,
  state: 'taken' | 'retired' | undefined,
): Promise<void> {
  const ofTenant = 'slug = (select slug from tenants where id = $1)';
  if (state === undefined) {
    await transaction.query(`delete from slugs where ${ofTenant}`, [tenantId]);
  } else {
    await transaction.query(`update slugs set state = $2 where ${ofTenant}`, [tenantId, state]);
  }
}
