import type { TenantId } from '../kernel/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { AttemptStep } from './attempt-step.ts';
import { publicReason } from './attempts.ts';
import { type Finding, failedChecks } from './checks/finding.ts';
import type { Gate } from './gates.ts';
import { provisioner, type RunAudit, type StepFailure } from './run-audit.ts';
import type { Lease } from './run-lease.ts';
import type { StoredStep } from './run-rows.ts';
import type { RunStore } from './run-store.ts';
import type { StepContext } from './step.ts';

export interface EnterGateDependencies {
  store: RunStore;
  attemptStep: AttemptStep;
  audit: RunAudit;
  /** Blocks the tenant in the transaction of a failed review; `applyStanding` makes that felt once it has committed. */
  block: (transaction: Queryable, tenantId: TenantId, reason: string) => Promise<void>;
  applyStanding: (tenantId: TenantId) => Promise<boolean>;
  onPoint: (point: { step: string; phase: 'before-act' | 'after-act' | 'after-done' }) => Promise<void>;
  log: Log;
}

/** `waiting`: a person has yet to decide; the run then rests, without a worker. `blocked`: the tenant failed its compliance review. */
export type EnterGate = (
  lease: Lease,
  stored: StoredStep,
  gate: Gate,
  context: StepContext,
) => Promise<'passed' | 'waiting' | 'blocked' | StepFailure>;

/** Leaves a run at a manual gate, or lets it through an automatic one by what the checks find. */
export function createEnterGate(dependencies: EnterGateDependencies): EnterGate {
  const { store, attemptStep, audit, block, applyStanding, onPoint, log } = dependencies;

  /** What the checks say is shown to whoever decides; it does not decide. */
  async function lookForReviewer(gate: Gate, context: StepContext): Promise<Finding[]> {
    try {
      return await gate.inspect(context);
    } catch (error) {
      context.signal.throwIfAborted();
      log.warn({ err: error, runId: context.runId, gate: gate.name }, 'the checks could not be made');
      return [{ name: 'checks', passed: false, detail: publicReason(error) }];
    }
  }

  function settle(lease: Lease, gate: Gate['name'], checks: readonly Finding[], refused: string | undefined) {
    const verdicts = gate === 'validation' ? (['approve', 'reject'] as const) : (['pass', 'fail'] as const);
    const decision = {
      gate,
      actor: provisioner,
      checks,
      decision: verdicts[refused === undefined ? 0 : 1],
    };
    if (refused === undefined) {
      return { decision, announce: audit.gatePassed(lease, gate, checks) };
    }
    const announce = audit.gateRefused(lease, gate, checks);
    const effect = (transaction: Queryable) => block(transaction, lease.tenantId, refused);
    return { announce, decision: gate === 'compliance' ? { ...decision, effect } : decision };
  }

  return async (lease, stored, gate, context) => {
    if (gate.mode === 'manual') {
      const checks = stored.status === 'pending' ? await lookForReviewer(gate, context) : undefined;
      const announce = audit.awaits(lease, gate.name);
      const waits = await store.awaitGate(lease, stored, { state: gate.awaitingState, checks, announce });
      stored.status = waits ? 'intended' : 'done';
      return waits ? 'waiting' : 'passed';
    }
    let refused: string | undefined;
    const error = await attemptStep<Finding[]>(
      lease,
      stored,
      'act',
      context,
      async () => {
        await onPoint({ step: stored.name, phase: 'before-act' });
        const checks = await gate.inspect(context);
        await onPoint({ step: stored.name, phase: 'after-act' });
        return checks;
      },
      async (attempt, checks) => {
        const failed = failedChecks(checks);
        refused = failed && `The automatic checks did not pass: ${failed}.`;
        await store.settleGate(lease, stored, attempt, settle(lease, gate.name, checks, refused));
      },
    );
    if (error !== undefined || refused !== undefined) {
      if (gate.name === 'compliance' && error === undefined) {
        await applyStanding(lease.tenantId);
        return 'blocked';
      }
      return { step: stored.name, error: error ?? refused ?? '' };
    }
    stored.status = 'done';
    await onPoint({ step: stored.name, phase: 'after-done' });
    return 'passed';
  };
}
