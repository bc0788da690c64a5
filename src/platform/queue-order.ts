import type { JobWithMetadata, PgBoss } from 'pg-boss';
import type { JobName, JobPayloads } from '../kernel/jobs.ts';
import type { Queryable } from './postgres.ts';

export const queueSchema = 'pgboss';

const jobNames: readonly JobName[] = [
  'registration-intake',
  'tenant-provisioning',
  'tenant-keys',
  'tenant-standing',
  'tenant-deletions',
  'reminders',
  'reconciliation',
  'tenant-health',
  'tenant-recount',
  'application-tenant-removal',
  'user-import',
];

/** How jobs of one name share the workers; a name that is not here has one worker on the whole platform. */
interface Sharing<Payload> {
  /** Jobs that each process runs at once. */
  workers: number;
  /** Of jobs in one lane one runs at a time, over all processes. */
  lane(payload: Payload): string;
  /** Jobs in one line keep their order; of several lines the shortest moves first. */
  line(payload: Payload): string;
}

const ofTenant: Sharing<{ slug: string; applicationTenantId: string }> = {
  workers: 4,
  lane: ({ slug }) => slug,
  line: ({ slug, applicationTenantId }) => `${slug}/${applicationTenantId}`,
};

const shared: { [N in JobName]?: Sharing<JobPayloads[N]> } = {
  'application-tenant-removal': ofTenant,
  'user-import': ofTenant,
};

export function workersOf(name: JobName): number {
  return shared[name]?.workers ?? 1;
}

/**
 * A running job proves every three seconds that it is alive; ten seconds of silence, and it is handed to another worker without a delay
 * that would let others overtake it. A job that ends its process eleven times is dead.
 */
const jobOptions = {
  heartbeatSeconds: 10,
  retryLimit: 10,
  retryDelay: 0,
  retryBackoff: false,
  expireInSeconds: 3_600,
  retentionSeconds: 90 * 86_400,
  notify: true,
};

const deadLetterOptions = {
  heartbeatSeconds: 10,
  retryLimit: 50,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  expireInSeconds: 300,
  retentionSeconds: 90 * 86_400,
};

/** Nobody misses a job of a schedule that the next one repeats: after an outage there is one to do, not one for each minute. */
export const scheduledRetentionSeconds = 90;

/** One job at a time, looked for when notified and at the latest after a second. */
export const workPolling = {
  batchSize: 1,
  includeMetadata: true,
  perJobResults: true,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 1,
  heartbeatRefreshSeconds: 3,
} as const;

export function deadLetterQueueOf(name: JobName): string {
  return `${name}-dead`;
}

/** Idempotent; also brings the options of existing queues up to date. */
export async function prepareQueues(boss: PgBoss): Promise<void> {
  for (const name of jobNames) {
    const deadLetter = deadLetterQueueOf(name);
    await boss.createQueue(deadLetter, deadLetterOptions);
    await boss.updateQueue(deadLetter, deadLetterOptions);
    // `singleton`: at most one active job of each key, guarded by a unique index. `key_strict_fifo` would block for good behind a dead job.
    await boss.createQueue(name, { ...jobOptions, policy: 'singleton', deadLetter });
    await boss.updateQueue(name, { ...jobOptions, deadLetter });
  }
}

/**
 * pg-boss takes jobs by priority and then by the time at which the sender's transaction began, which is neither the order of sending nor
 * that of commits. So senders of one line take turns, and each job gets a priority below all of its line that wait or run: with one line that
 * is the order of sending, and of several lines the shortest has the highest. A job that `continues` a running one keeps its place.
 */
export async function sendInOrder<N extends JobName>(
  boss: PgBoss,
  transaction: Queryable,
  name: N,
  payload: JobPayloads[N],
  { continues = false }: { continues?: boolean } = {},
): Promise<void> {
  const line = shared[name]?.line(payload);
  await transaction.query(
    `select pg_advisory_xact_lock(hashtextextended('${queueSchema}.' || $1 || coalesce('/' || $2, ''), 0))`,
    [name, line ?? null],
  );
  const { rows } = await transaction.query<{ first: number; last: number }>(
    `select coalesce(max(priority), -1) as first, coalesce(min(priority), 0) - 1 as last
       from ${queueSchema}.job
      where name = $1 and group_id is not distinct from $2 and state <= 'active' and not blocked`,
    [name, line ?? null],
  );
  const { first = -1, last = -1 } = rows[0] ?? {};
  const lane = shared[name]?.lane(payload);
  const id = await boss.send(name, payload, {
    priority: continues ? first : last,
    ...(lane === undefined || line === undefined ? {} : { singletonKey: lane, group: { id: line } }),
    db: { executeSql: async (text, values) => await transaction.query(text, values) },
  });
  if (id === null) {
    throw new Error(`the queue ${name} did not take the job`);
  }
}

/** Lets the job come again later, in the place among the others that it had. Should the process end before it is completed, it comes twice. */
export async function sendAgain<N extends JobName>(
  boss: PgBoss,
  { name, data, priority, singletonKey, groupId }: JobWithMetadata<JobPayloads[N]>,
  { afterMs, payload }: { afterMs: number; payload?: object | undefined },
): Promise<void> {
  await boss.send(name, payload ?? data, {
    priority,
    startAfter: Math.ceil(afterMs / 1_000),
    ...(singletonKey ? { singletonKey } : {}),
    ...(groupId ? { group: { id: groupId } } : {}),
  });
}

/**
 * pg-boss passes over a job that another worker is about to take. So of two workers that look at once each may find one of the first two jobs,
 * and it is chance whose attempt counts. A job that got ahead in this way must be handed back. One that is to come later waits for nobody.
 */
export async function hasOvertaken(
  boss: PgBoss,
  { name, priority, groupId }: { name: string; priority: number; groupId?: string | null },
): Promise<boolean> {
  const { rows } = await boss.getDb().executeSql(
    `select 1 from ${queueSchema}.job
        where name = $1 and group_id is not distinct from $3 and state < 'active' and not blocked and start_after <= now()
          and priority > $2 limit 1`,
    [name, priority, groupId ?? null],
  );
  return rows.length > 0;
}
