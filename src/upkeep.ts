/** Composes what looks after tenants once they are built (B14): the reconciler and the health checks. */
import type { KeyStore } from './cloud/keys/port.ts';
import type { Tables } from './cloud/tables/port.ts';
import type { Clock } from './kernel/clock.ts';
import type { Random } from './kernel/random.ts';
import type { Log } from './platform/log.ts';
import type { Postgres } from './platform/postgres.ts';
import type { JobHandlers, Queue } from './platform/queue.ts';
import type { Infrastructure } from './provisioning/infrastructure.ts';
import { createReconciler, type Reconciler } from './provisioning/reconcile/reconciler.ts';
import type { Standing } from './provisioning/standing.ts';
import type { Step } from './provisioning/step.ts';
import { createHealthJob, healthSchedule } from './provisioning/tenant-health.ts';
import type { Directory } from './tenancy/directory.ts';

export interface Upkeep {
  reconciliations: Reconciler['reports'];
  jobs: Pick<JobHandlers, 'reconciliation' | 'tenant-health'>;
  /** Lets the jobs come that no request sends. */
  schedule(): Promise<void>;
}

export interface UpkeepDependencies {
  /** 0: only when somebody asks. */
  reconcileHours: number;
  postgres: Postgres;
  queue: Queue;
  directory: Directory;
  tables: Tables;
  tablePrefix: string;
  keyStore: KeyStore;
  infrastructure: Infrastructure;
  needsKmsKey: boolean;
  steps: ReadonlyMap<string, Step>;
  standing: Pick<Standing, 'apply'>;
  clock: Clock;
  random: Random;
  log: Log;
}

export function createUpkeep(deps: UpkeepDependencies): Upkeep {
  const { queue, standing, reconcileHours } = deps;
  const reconciler = createReconciler({ ...deps, applyStanding: standing.apply });
  return {
    reconciliations: reconciler.reports,
    jobs: { reconciliation: reconciler.job, 'tenant-health': createHealthJob(deps) },
    async schedule() {
      await queue.schedule('tenant-health', healthSchedule, {});
      if (reconcileHours === 0) {
        await queue.unschedule('reconciliation');
      } else {
        await queue.schedule('reconciliation', cronOf(reconcileHours), {});
      }
    },
  };
}

/** Not at the full hour, when everybody's jobs begin. */
function cronOf(hours: number): string {
  return hours === 24 ? '17 3 * * *' : `17 */${hours} * * *`;
}
