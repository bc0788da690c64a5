import type { ProvisioningState, TenantStatus } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { StepStatus } from './run-rows.ts';

export interface StepProgress {
  name: string;
  status: StepStatus;
  /** How often the step was tried, its undo not counted. */
  attempts: number;
  error?: string;
  /** ISO 8601. */
  startedAt?: string;
  finishedAt?: string;
}

/** Where provisioning of a tenant stands; safe to show to whoever may read the order. */
export interface Progress {
  /** The tenant's. */
  status: TenantStatus;
  state: ProvisioningState;
  /** Absent while the run waits in the queue. */
  runId?: string;
  steps: StepProgress[];
  failedStep?: string;
  error?: string;
  /** Once the first client exists (B13). */
  firstClientId?: string;
  /** Where the tenant's own services answer, once they do (D9). */
  url?: string;
}

/** `undefined` for a tenant that is not known. */
export async function readProgress(db: Queryable, tenantId: string): Promise<Progress | undefined> {
  const { rows } = await db.query<{
    status: TenantStatus;
    state: ProvisioningState;
    run_id: string | null;
    failed_step: string | null;
    error: string | null;
  }>(
    `select tenants.status, tenants.provisioning_state as state, run.id as run_id, run.failed_step, run.error
       from tenants left join lateral (
         select id, failed_step, error from provisioning_runs
          where tenant_id = tenants.id order by created_at desc, id limit 1) as run on true
      where tenants.id = $1`,
    [tenantId],
  );
  const [row] = rows;
  if (!row) {
    return undefined;
  }
  const steps = row.run_id === null ? [] : await readStepRows(db, row.run_id);
  const firstClient = steps.find(({ name, status }) => name === 'first-client' && status === 'done');
  const health = steps.find(({ name, status }) => name === 'health' && status === 'done');
  return {
    status: row.status,
    state: row.state,
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    steps: steps.map(toStepProgress),
    ...(row.failed_step === null ? {} : { failedStep: row.failed_step }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(firstClient?.output ? { firstClientId: String(firstClient.output.clientId) } : {}),
    ...(health?.output ? { url: String(health.output.url) } : {}),
  };
}

interface StepRow {
  name: string;
  status: StepStatus;
  output: Record<string, unknown> | null;
  error: string | null;
  attempts: number;
  started_at: Date | null;
  finished_at: Date | null;
}

async function readStepRows(db: Queryable, runId: string): Promise<StepRow[]> {
  const { rows } = await db.query<StepRow>(
    `select name, status, output, step.error, started_at, finished_at,
            (select count(*)::integer from provisioning_attempts
              where run_id = $1 and provisioning_attempts.step = step.name and action = 'act') as attempts
       from provisioning_steps as step where run_id = $1 order by position`,
    [runId],
  );
  return rows;
}

function toStepProgress(row: StepRow): StepProgress {
  return {
    name: row.name,
    status: row.status,
    attempts: row.attempts,
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
  };
}
