import { setTimeout as delay } from 'node:timers/promises';
import { type JobWithMetadata, PgBoss } from 'pg-boss';
import { AppError } from '../kernel/errors.ts';
import type { JobName, JobPayloads } from '../kernel/jobs.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Log } from './log.ts';
import type { Queryable } from './postgres.ts';
import {
  deadLetterQueueOf,
  hasOvertaken,
  prepareQueues,
  queueSchema,
  scheduledRetentionSeconds,
  sendAgain,
  sendInOrder,
  workersOf,
  workPolling,
} from './queue-order.ts';

/**
 * The job queue: pg-boss on the control plane's PostgreSQL. Jobs of one name run strictly one at a time, in the order in which they were
 * sent, over all processes (A3); where `queue-order.ts` says so, one at a time of each tenant, several tenants side by side. A job that fails is tried again while it still holds its place, so nothing overtakes it; one that keeps
 * failing moves to the dead-letter queue and the next one proceeds. Delivery is at least once: handlers must be repeatable.
 */
export interface Queue {
  /**
   * Sends in the caller's transaction: the job exists exactly when the change that needs it does. Senders of one name wait for each other
   * until their transactions end, so call it before taking locks that another sender of the same name takes first. One that `continues` a job
   * that runs comes before those that wait behind that.
   */
  send<N extends JobName>(
    transaction: Queryable,
    name: N,
    payload: JobPayloads[N],
    options?: { continues?: boolean },
  ): Promise<void>;
  /** Starts taking jobs of the names that have a handler. */
  work(handlers: Partial<JobHandlers>): Promise<void>;
  /**
   * Lets the job come by itself at the times of a cron expression (UTC), once for all processes; replaces the schedule that the name had. A job
   * that nobody takes until the next one comes is dropped.
   */
  schedule<N extends JobName>(name: N, cron: string, payload: JobPayloads[N]): Promise<void>;
  /** The job comes by itself no more, whichever process scheduled it. */
  unschedule(name: JobName): Promise<void>;
  /** After the commit: lets this process look at once. A hint; jobs are found without it. */
  wake(name: JobName): void;
  /** Takes no more jobs, aborts the signal of the running ones and waits for them within a bound. */
  stop(): Promise<void>;
}

export type JobHandlers = { [N in JobName]: JobHandler<N> };

export interface JobHandler<N extends JobName> {
  /**
   * Does the job. An error makes it run again, `PermanentJobError` does not, `JobLater` later. `signal` is aborted when the process stops or the job was
   * given to another worker: then `run` throws unless it is done, and the job runs again elsewhere.
   */
  run(payload: JobPayloads[N], signal: AbortSignal): Promise<void>;
  /** Records that the job was given up. An error makes it run again. */
  dead(payload: JobPayloads[N], reason: string): Promise<void>;
}

/**
 * The job cannot be done now, and others need not wait for it: it leaves its place and comes again after `afterMs`, as often as its handler says so.
 * `payload` is what it comes again with; absent: what it had.
 */
export class JobLater<N extends JobName = JobName> extends Error {
  override readonly name = 'JobLater';
  readonly afterMs: number;
  readonly payload: JobPayloads[N] | undefined;

  constructor(message: string, options: { afterMs: number; payload?: JobPayloads[N]; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.afterMs = options.afterMs;
    this.payload = options.payload;
  }
}

/** The job cannot succeed however often it runs. */
export class PermanentJobError extends Error {
  override readonly name = 'PermanentJobError';
}

export interface StartQueueOptions {
  connectionString: Secret;
  log: Log;
  /**
   * This process alone works on the database, as with an embedded one: jobs that a killed predecessor held are taken up at once instead
   * of when their heartbeat has lapsed (10 to 14 seconds).
   */
  soleWorker?: boolean;
  /** Waits between attempts, in milliseconds; one failure more and the job is dead. */
  retryDelaysMs?: readonly number[];
  /** The same when what the job needs is temporarily unavailable. */
  unavailableDelaysMs?: readonly number[];
  /** How often schedules are looked at; default 30 seconds. */
  scheduleCheckSeconds?: number;
  /** How long `stop` waits for running jobs; default 5 seconds. */
  stopTimeoutMs?: number;
}

/** Connects, brings pg-boss's own schema up to date, and makes the queues. Safe when several processes start at once. */
export async function startQueue(options: StartQueueOptions): Promise<Queue> {
  const {
    connectionString,
    log,
    soleWorker = false,
    scheduleCheckSeconds = 30,
    stopTimeoutMs = 5_000,
  } = options;
  const boss = new PgBoss({
    connectionString: connectionString.reveal(),
    application_name: 'tenantry-queue',
    schema: queueSchema,
    max: 5,
    schedule: true,
    cronMonitorIntervalSeconds: scheduleCheckSeconds,
    cronWorkerIntervalSeconds: Math.min(scheduleCheckSeconds, 5),
    useListenNotify: true,
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    monitorVacuum: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
  });
  boss.on('error', logSparingly(log));
  boss.on('warning', ({ message }) => log.warn({ warning: message }, 'job queue'));
  await boss.start({ attempts: 3 });
  await prepareQueues(boss);

  const stopping = new AbortController();
  const workers = new Map<JobName, string[]>();
  const runJob = createJobRunner(options, stopping.signal);

  async function startWorker<N extends JobName>(name: N, handler: JobHandler<N> | undefined): Promise<void> {
    if (handler === undefined) {
      return;
    }
    const ids: string[] = [];
    for (let count = workersOf(name); count > 0; count -= 1) {
      const id = await boss.work(name, workPolling, async ([job]: JobWithMetadata<JobPayloads[N]>[]) => {
        if (!job) {
          return [];
        }
        if (await hasOvertaken(boss, job)) {
          return [{ id: job.id, status: 'failed', output: { message: 'handed back: an earlier job waits' } }];
        }
        const result = await runJob(name, handler, job, (later) => sendAgain(boss, job, later));
        // The next job need not wait for the next poll.
        boss.notifyWorker(id);
        return [{ id: job.id, ...result }];
      });
      ids.push(id);
    }
    workers.set(name, ids);
    await boss.work(
      deadLetterQueueOf(name),
      { includeMetadata: true, pollingIntervalSeconds: 1, heartbeatRefreshSeconds: 3 },
      async ([job]: JobWithMetadata<JobPayloads[N]>[]) => {
        if (job) {
          await handler.dead(job.data, describeFailure(job.sourceOutput));
        }
      },
    );
  }

  return {
    async send(transaction, name, payload, options) {
      await sendInOrder(boss, transaction, name, payload, options);
    },

    async work(handlers) {
      if (soleWorker) {
        await releaseAbandonedJobs(boss, Object.keys(handlers) as JobName[]);
      }
      await startWorker('registration-intake', handlers['registration-intake']);
      await startWorker('tenant-provisioning', handlers['tenant-provisioning']);
      await startWorker('tenant-keys', handlers['tenant-keys']);
      await startWorker('tenant-standing', handlers['tenant-standing']);
      await startWorker('tenant-deletions', handlers['tenant-deletions']);
      await startWorker('reminders', handlers.reminders);
      await startWorker('reconciliation', handlers.reconciliation);
      await startWorker('tenant-health', handlers['tenant-health']);
      await startWorker('tenant-recount', handlers['tenant-recount']);
      await startWorker('application-tenant-removal', handlers['application-tenant-removal']);
      await startWorker('user-import', handlers['user-import']);
    },

    async schedule(name, cron, payload) {
      await boss.schedule(name, cron, payload, { retentionSeconds: scheduledRetentionSeconds });
    },

    async unschedule(name) {
      await boss.unschedule(name);
    },

    wake(name) {
      for (const id of workers.get(name) ?? []) {
        boss.notifyWorker(id);
      }
    },

    async stop() {
      stopping.abort(new Error('the process is stopping'));
      await boss.stop({ graceful: true, timeout: stopTimeoutMs });
    },
  };
}

type JobOutcome = { status: 'completed' } | { status: 'failed' | 'deadletter'; output: { message: string } };

/**
 * Runs one job to its end, all attempts included. The job stays active meanwhile and so keeps its place; only an interruption hands it
 * back to the queue, where it is still the first in line.
 */
function createJobRunner(
  {
    log,
    retryDelaysMs = [250, 1_000, 3_000],
    unavailableDelaysMs = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000],
  }: StartQueueOptions,
  stopping: AbortSignal,
) {
  return async <N extends JobName>(
    name: N,
    handler: JobHandler<N>,
    job: JobWithMetadata<JobPayloads[N]>,
    handBack: (later: JobLater) => Promise<void>,
  ): Promise<JobOutcome> => {
    const signal = AbortSignal.any([job.signal, stopping]);

    /** Where it cannot be handed back now, it is tried again in its place. */
    async function isHandedBack(later: JobLater): Promise<boolean> {
      try {
        await handBack(later);
        return true;
      } catch (error) {
        log.warn({ err: error, job: name, jobId: job.id }, 'a job could not be handed back');
        return false;
      }
    }

    for (let failures = 0; ; failures += 1) {
      try {
        signal.throwIfAborted();
        await handler.run(job.data, signal);
        return { status: 'completed' };
      } catch (error) {
        const output = { message: error instanceof Error ? error.message : String(error) };
        if (signal.aborted) {
          return { status: 'failed', output };
        }
        if (error instanceof JobLater && (await isHandedBack(error))) {
          log.warn({ err: error, job: name, jobId: job.id, afterMs: error.afterMs }, 'job handed back');
          return { status: 'completed' };
        }
        const unavailable =
          error instanceof JobLater ||
          (error instanceof AppError && error.code === 'temporarily_unavailable');
        const wait = (unavailable ? unavailableDelaysMs : retryDelaysMs)[failures];
        if (error instanceof PermanentJobError || wait === undefined) {
          log.error({ err: error, job: name, jobId: job.id, attempts: failures + 1 }, 'job given up');
          return { status: 'deadletter', output };
        }
        log.warn(
          { err: error, job: name, jobId: job.id, attempts: failures + 1 },
          'job failed, will be tried again',
        );
        await delay(wait, undefined, { signal }).catch(() => {});
      }
    }
  };
}

async function releaseAbandonedJobs(boss: PgBoss, names: readonly JobName[]): Promise<void> {
  for (const queue of names.flatMap((name) => [name, deadLetterQueueOf(name)])) {
    const { rows } = await boss
      .getDb()
      .executeSql(`select id from ${queueSchema}.job where name = $1 and state = 'active'`, [queue]);
    if (rows.length > 0) {
      await boss.fail(
        queue,
        rows.map(({ id }: { id: string }) => id),
        { message: 'the process that ran the job ended' },
      );
    }
  }
}

/** pg-boss keeps a failure as `{ message }`, its own ones one level deeper. */
function describeFailure(output: object | null): string {
  const { message, value } = (output ?? {}) as { message?: unknown; value?: { message?: unknown } };
  const text = message ?? value?.message;
  return typeof text === 'string' && text !== '' ? text : 'unknown failure';
}

/** An unreachable database makes every poll fail: one line per text and half minute tells as much. */
function logSparingly(log: Log): (error: Error) => void {
  const lastLogged = new Map<string, number>();
  return (error) => {
    const now = performance.now();
    if (now - (lastLogged.get(error.message) ?? Number.NEGATIVE_INFINITY) < 30_000) {
      return;
    }
    if (lastLogged.size > 100) {
      lastLogged.clear();
    }
    lastLogged.set(error.message, now);
    log.error({ err: error }, 'job queue');
  };
}
