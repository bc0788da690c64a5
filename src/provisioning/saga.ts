/**
 * Carries one provisioning run forward, or back. Owns the order of things: the intent is recorded, the step looks whether an earlier try
 * did the work, acts, confirms, and only then is recorded as done. Does not own what a step does (`steps/`), which steps there are
 * (`plan.ts`), or the record (`run-store.ts`).
 *
 * forward: begin -> check | act -> confirm -> finish, step by step, stopping at a gate that waits for a person
 * backward: after a failure that trying again did not cure, and for a tenant whose deletion is due, every step that was begun is undone,
 * the last one first. A tenant that answers already is not taken down because a later step fails: the run stops for an operator
 *
 * Errors of the record itself are not failures of a step: they end the call, the queue delivers the job again, and the run goes on from
 * the record (DESIGN rule "intent before act"). A worker that was replaced meanwhile ends with `LeaseLost`: its lease is renewed immediately
 * before each act, confirmation and undo, and what it made although it was replaced in between is removed by `late-effects.ts`.
 */
import type { Log } from '../platform/log.ts';
import { type AttemptStepDependencies, createAttemptStep } from './attempt-step.ts';
import { createEnterGate, type EnterGateDependencies } from './enter-gate.ts';
import type { Gate } from './gates.ts';
import type { RemoveLateEffects } from './late-effects.ts';
import type { Mirror } from './mirror.ts';
import type { Notices } from './notices.ts';
import { inOrder, type RunAudit, type StepFailure } from './run-audit.ts';
import type { Lease } from './run-lease.ts';
import type { StoredStep } from './run-rows.ts';
import type { RunStore } from './run-store.ts';
import { outOfReach, type Step, type StepContext, type StepOutput, UnusableResult } from './step.ts';
import type { OpenRun } from './take-run.ts';

export type SagaPhase =
  | 'before-act'
  | 'after-act'
  | 'after-confirm'
  | 'after-done'
  | 'before-undo'
  | 'after-undo';

/** Called at every point at which a crash must be harmless. */
export type OnSagaPoint = (point: { step: string; phase: SagaPhase }) => Promise<void>;

export interface SagaDependencies
  extends Omit<EnterGateDependencies, 'attemptStep'>,
    AttemptStepDependencies {
  store: RunStore;
  steps: ReadonlyMap<string, Step>;
  gates: ReadonlyMap<string, Gate>;
  audit: RunAudit;
  notices: Notices;
  mirror: Mirror;
  /** From now on no worker that had the tenant before writes its directory entry. */
  claimEntry: (context: StepContext) => Promise<void>;
  removeLateEffects: RemoveLateEffects;
  onPoint: OnSagaPoint;
  log: Log;
}

export interface Saga {
  /** Resolves when the run has ended or waits at a gate; rejects with `StepWaits` when something outside has to answer again first. */
  execute(run: OpenRun, lease: Lease, context: StepContext): Promise<SagaResult>;
}

export type SagaResult = 'succeeded' | 'waiting' | 'blocked' | 'undone' | 'needs-operator';

export function createSaga(dependencies: SagaDependencies): Saga {
  const { store, steps, gates, audit, notices, mirror, claimEntry, removeLateEffects, onPoint } =
    dependencies;
  const attemptStep = createAttemptStep(dependencies);
  const enterGate = createEnterGate({ ...dependencies, attemptStep });

  async function undoStep({ name, output }: StoredStep, context: StepContext): Promise<void> {
    const step = steps.get(name);
    if (step === undefined) {
      throw outOfReach(`what the step ${name} made, which recorded ${JSON.stringify(output ?? {})}`);
    }
    await step.undo(context, output);
  }

  async function actStep(
    lease: Lease,
    stored: StoredStep,
    context: StepContext,
  ): Promise<StepFailure | undefined> {
    const step = steps.get(stored.name);
    let acted = false;
    const act = async (wanted: Step) => {
      await context.stillHeld();
      acted = true;
      return await wanted.act(context);
    };
    try {
      const error = await attemptStep<StepOutput>(
        lease,
        stored,
        'act',
        context,
        async () => {
          await onPoint({ step: stored.name, phase: 'before-act' });
          if (step === undefined) {
            throw new UnusableResult(`This deployment has no settings for the step ${stored.name} any more.`);
          }
          await context.stillHeld();
          await claimEntry(context);
          const output = (await step.check(context)) ?? (await act(step));
          await onPoint({ step: stored.name, phase: 'after-act' });
          await context.stillHeld();
          await step.confirm(context, output);
          await onPoint({ step: stored.name, phase: 'after-confirm' });
          return output;
        },
        async (attempt, output) => {
          await store.finishAct(lease, stored, attempt, output);
          stored.output = output;
          stored.status = 'done';
        },
      );
      if (error !== undefined) {
        return { step: stored.name, error };
      }
    } catch (error) {
      if (step !== undefined && acted) {
        await removeLateEffects(step, lease, context);
      }
      throw error;
    }
    await onPoint({ step: stored.name, phase: 'after-done' });
    return undefined;
  }

  async function undo(
    run: OpenRun,
    lease: Lease,
    context: StepContext,
    failure: StepFailure,
  ): Promise<SagaResult> {
    const begun = run.steps.filter(({ name, status }) => status !== 'pending' && !gates.has(name));
    for (const stored of begun.filter(({ status }) => status !== 'undone').reverse()) {
      const error = await attemptStep(
        lease,
        stored,
        'undo',
        context,
        async () => {
          await onPoint({ step: stored.name, phase: 'before-undo' });
          await context.stillHeld();
          await claimEntry(context);
          await undoStep(stored, context);
          await onPoint({ step: stored.name, phase: 'after-undo' });
        },
        (attempt) => store.finishUndo(lease, stored, attempt),
      );
      if (error !== undefined) {
        const blamed = run.kind === 'provision' ? failure : { step: stored.name, error };
        await store.finish(lease, 'needs-operator', {
          retireSlug: false,
          failure: blamed,
          attention: `${run.kind === 'provision' ? `provisioning failed in step ${failure.step}, and` : 'the tenant is to be deleted, but'} step ${stored.name} could not be undone: ${error}`,
          announce: inOrder(
            notices.needsOperator(context.tenant, blamed),
            audit.needsOperator(lease, blamed),
          ),
        });
        return 'needs-operator';
      }
      stored.status = 'undone';
    }
    if (run.kind === 'deprovision') {
      await store.finish(lease, 'undone', {
        retireSlug: true,
        announce: audit.deleted(lease, context.tenant),
      });
      return 'undone';
    }
    await store.finish(lease, 'undone', {
      // Once its activation has begun, somebody may know the issuer. The platform's own is always the same one.
      retireSlug: context.tenant.kind === 'tenant' && begun.some(({ name }) => name === 'activate'),
      announce: inOrder(notices.undone(context.tenant, failure), audit.undone(lease, failure)),
    });
    return 'undone';
  }

  async function turnBack(
    run: OpenRun,
    lease: Lease,
    context: StepContext,
    failure: StepFailure,
  ): Promise<SagaResult> {
    // Nobody uses the platform tenant before the first start has ended, and nobody could operate it.
    if (!isActivated(run) || context.tenant.kind === 'platform') {
      await store.startUndo(lease, failure.step, failure.error);
      return await undo(run, lease, context, failure);
    }
    await store.finish(lease, 'needs-operator', {
      retireSlug: false,
      failure,
      attention: `the tenant is active, but step ${failure.step} of its provisioning failed`,
      announce: inOrder(notices.stopped(context.tenant, failure), audit.needsOperator(lease, failure)),
    });
    return 'needs-operator';
  }

  return {
    async execute(run, lease, context) {
      if (run.state === 'undoing') {
        return await undo(run, lease, context, { step: run.failedStep ?? '', error: run.error ?? '' });
      }
      for (const stored of run.steps) {
        const isNew = stored.status !== 'done';
        if (isNew) {
          const gate = gates.get(stored.name);
          const outcome = gate
            ? await enterGate(lease, stored, gate, context)
            : await actStep(lease, stored, context);
          if (outcome === 'waiting' || outcome === 'blocked') {
            const state = outcome === 'waiting' && gate ? gate.awaitingState : 'blocked';
            await mirror(context, state, run.steps);
            return outcome;
          }
          if (typeof outcome === 'object') {
            stored.status = 'intended';
            return await turnBack(run, lease, context, outcome);
          }
        }
        if (stored.name === 'activate') {
          await store.markActivated(lease, audit.activated(context.tenant, run.steps));
        }
        // From its activation on, another write to the directory entry would rebuild the tenant for nothing.
        if (isNew && !isActivated(run)) {
          await mirror(context, 'running', run.steps);
        }
      }
      await mirror(context, 'active', run.steps);
      await store.finish(lease, 'succeeded', { retireSlug: false, announce: audit.completed(lease) });
      return 'succeeded';
    },
  };
}

function isActivated({ steps }: OpenRun): boolean {
  return steps.some(({ name, status }) => name === 'activate' && status === 'done');
}
