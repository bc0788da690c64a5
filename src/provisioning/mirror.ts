import type { Clock } from '../kernel/clock.ts';
import type { ProvisioningState } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { Directory } from '../tenancy/directory.ts';
import { LeaseLost } from './run-lease.ts';
import type { StoredStep } from './run-rows.ts';
import type { StepContext } from './step.ts';
import { updateEntry } from './tenant-entry.ts';

/** Copies a run's standing into the tenant's directory entry (D2). */
export type Mirror = (
  context: StepContext,
  state: ProvisioningState,
  steps: readonly StoredStep[],
) => Promise<void>;

/** The copy is for readers only, PostgreSQL decides: so a failure to write it is logged, and the next copy makes up for it. */
export function createMirror({
  directory,
  clock,
  log,
}: {
  directory: Directory;
  clock: Clock;
  log: Log;
}): Mirror {
  return async (context, state, steps) => {
    const at = new Date(clock.now()).toISOString();
    try {
      await updateEntry(directory, context, (record) => ({
        ...record,
        provisioning: {
          ...record.provisioning,
          state,
          steps: steps.map(({ name, status }) => {
            const known = record.provisioning.steps.find((step) => step.name === name);
            return known?.status === status ? known : { name, status, at };
          }),
        },
      }));
    } catch (error) {
      if (error instanceof LeaseLost) {
        throw error;
      }
      log.warn(
        { err: error, runId: context.runId },
        'the provisioning status could not be copied to the directory',
      );
    }
  };
}
