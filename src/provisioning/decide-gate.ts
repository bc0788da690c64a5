import {
  auditComplianceFailed,
  auditComplianceReviewed,
  auditTenantUnblocked,
  auditTenantValidated,
  auditValidationRejected,
} from '../audit/events.ts';
import { type Actor, actorName } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { RunId, Slug } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import { assertOtherDuties, insertDecision } from './decisions.ts';
import { type GovernedTenant, lockGovernedTenant, readLatestRun } from './find-tenant.ts';
import type { Gate } from './gates.ts';
import { blockTenant, setObstacle } from './standing.ts';

export interface DecideGateDependencies {
  queue: Pick<Queue, 'send'>;
  clock: Clock;
}

/**
 * A person's decision at a gate (C3, C4), in the caller's transaction; the caller wakes the queue after its commit. Nobody decides who has had
 * another part in the tenant: `AppError('separation_of_duties')`. `AppError('not_ready')` before the tenant is there to be looked at,
 * `AppError('already_decided')` afterwards.
 */
export interface GateDecisions {
  /** A rejection undoes the run: the tenant's users never get access. */
  validate(
    transaction: Queryable,
    decision: { slug: Slug; decision: 'approve' | 'reject'; comment?: string; actor: Actor },
  ): Promise<GovernedTenant>;
  /**
   * A failed review blocks the tenant, a passed one lifts the block. Possible while the run waits for it and at any time afterwards. The caller
   * calls `Standing.applyNow` after its commit; until that has succeeded the decision is not in force.
   */
  review(
    transaction: Queryable,
    decision: { slug: Slug; decision: 'pass' | 'fail'; findings?: string; actor: Actor },
  ): Promise<GovernedTenant>;
}

export function createGateDecisions(dependencies: DecideGateDependencies): GateDecisions {
  const { queue, clock } = dependencies;

  async function passGate(
    transaction: Queryable,
    runId: RunId,
    gate: Gate['name'],
    actor: Actor,
  ): Promise<void> {
    await transaction.query(
      `update provisioning_steps
          set status = 'done', finished_at = $3, output = coalesce(output, '{}') || $4::jsonb
        where run_id = $1 and name = $2`,
      [runId, gate, new Date(clock.now()), JSON.stringify({ mode: 'manual', decidedBy: actorName(actor) })],
    );
  }

  return {
    async validate(transaction, { slug, decision, comment, actor }) {
      const gate = 'validation';
      const tenant = await lockGovernedTenant(transaction, slug);
      const run = await readLatestRun(transaction, tenant.id);
      if (run === undefined || tenant.provisioningState !== 'awaiting-validation') {
        throw await notWaiting(transaction, tenant, run?.id);
      }
      await assertOtherDuties(transaction, { tenantId: tenant.id, gate, actor });
      const words = comment === undefined ? {} : { words: comment };
      await insertDecision(transaction, clock, {
        ...words,
        tenantId: tenant.id,
        runId: run.id,
        gate,
        decision,
        actor,
      });
      const about = {
        tenantId: tenant.id,
        runId: run.id,
        actor,
        mode: 'manual' as const,
        ...(comment === undefined ? {} : { comment }),
      };
      if (decision === 'approve') {
        await passGate(transaction, run.id, gate, actor);
      } else {
        await transaction.query(
          `update provisioning_runs set state = 'undoing', turned_back = true, failed_step = $2, error = $3
            where id = $1`,
          [run.id, gate, `The validation was rejected${comment === undefined ? '.' : `: ${comment}`}`],
        );
      }
      await transaction.query(`update tenants set provisioning_state = 'running' where id = $1`, [tenant.id]);
      await queue.send(transaction, 'tenant-provisioning', { tenantId: tenant.id });
      const audit = decision === 'approve' ? auditTenantValidated : auditValidationRejected;
      await audit(transaction, clock, about);
      return { ...tenant, provisioningState: 'running' };
    },

    async review(transaction, { slug, decision, findings, actor }) {
      const gate = 'compliance';
      const tenant = await lockGovernedTenant(transaction, slug);
      const run = await readLatestRun(transaction, tenant.id);
      const waits = run !== undefined && (await isAtGate(transaction, tenant, run.id, gate));
      if (!waits && (!tenant.isBuilt || tenant.status === 'deleting' || tenant.status === 'deleted')) {
        throw new AppError('not_ready', `The tenant is ${tenant.status}; there is nothing to review.`);
      }
      await assertOtherDuties(transaction, { tenantId: tenant.id, gate, actor });
      await insertDecision(transaction, clock, {
        tenantId: tenant.id,
        gate,
        decision,
        actor,
        ...(waits ? { runId: run.id } : {}),
        ...(findings === undefined ? {} : { words: findings }),
      });
      const about = { tenantId: tenant.id, actor };
      const review = {
        ...about,
        mode: 'manual' as const,
        ...(waits ? { runId: run.id } : {}),
        ...(findings === undefined ? {} : { findings }),
      };
      const reason = findings ?? 'The compliance review failed.';
      if (decision === 'fail') {
        await auditComplianceFailed(transaction, clock, review);
        const blocking = await blockTenant(transaction, dependencies, { ...about, reason });
        return { ...tenant, blocking, status: 'blocked', provisioningState: 'blocked' };
      }
      const status =
        tenant.blocking === null
          ? tenant.status
          : await setObstacle(transaction, clock, tenant.id, 'blocking', undefined);
      if (waits) {
        await passGate(transaction, run.id, gate, actor);
      }
      // A run that was left behind, whether at the gate or beyond it, goes on.
      const goesOn = run?.state === 'running';
      const provisioningState = goesOn ? 'running' : run?.state === 'needs-operator' ? 'failed' : 'active';
      await transaction.query('update tenants set provisioning_state = $2 where id = $1', [
        tenant.id,
        provisioningState,
      ]);
      if (goesOn) {
        await queue.send(transaction, 'tenant-provisioning', { tenantId: tenant.id });
      }
      if (tenant.blocking !== null) {
        await queue.send(transaction, 'tenant-standing', { tenantId: tenant.id });
      }
      await auditComplianceReviewed(transaction, clock, review);
      if (tenant.blocking !== null) {
        await auditTenantUnblocked(transaction, clock, { ...about, slug });
      }
      return { ...tenant, blocking: null, status, provisioningState };
    },
  };
}

/** A tenant that failed its review stays at the gate until a review passes. */
async function isAtGate(
  transaction: Queryable,
  { provisioningState }: GovernedTenant,
  runId: RunId,
  gate: Gate['name'],
): Promise<boolean> {
  if (provisioningState !== `awaiting-${gate}` && provisioningState !== 'blocked') {
    return false;
  }
  const { rowCount } = await transaction.query(
    `select 1 from provisioning_steps where run_id = $1 and name = $2 and status = 'intended'`,
    [runId, gate],
  );
  return rowCount === 1;
}

async function notWaiting(
  transaction: Queryable,
  tenant: GovernedTenant,
  runId: RunId | undefined,
): Promise<AppError> {
  const { rowCount } = await transaction.query(
    `select 1 from tenant_decisions where run_id = $1 and gate = 'validation'`,
    [runId ?? null],
  );
  return rowCount > 0
    ? new AppError('already_decided', 'The validation of this tenant has been decided already.')
    : new AppError(
        'not_ready',
        `The tenant does not wait for validation; it is ${tenant.provisioningState}.`,
      );
}
