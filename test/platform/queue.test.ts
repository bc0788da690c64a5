import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import type { OrderId, Slug } from '../../src/kernel/ids.ts';
import {
  type JobHandler,
  type JobHandlers,
  JobLater,
  PermanentJobError,
  type Queue,
  type StartQueueOptions,
  startQueue,
} from '../../src/platform/queue.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';

type IntakeHandler = JobHandler<'registration-intake'>;

let database: TestPostgres;
const queues: Queue[] = [];

beforeAll(async () => {
  database = await createTestPostgres();
});

afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.stop()));
  await database.postgres.query('delete from pgboss.job');
});

afterAll(async () => {
  await database.close();
});

async function openQueue(options: Partial<StartQueueOptions> = {}): Promise<Queue> {
  const queue = await startQueue({
    connectionString: database.connectionString,
    log: silentLog,
    retryDelaysMs: [20, 20],
    unavailableDelaysMs: [20, 20, 20, 20],
    stopTimeoutMs: 1_000,
    ...options,
  });
  queues.push(queue);
  return queue;
}

async function sendOrder(queue: Queue, orderId: string): Promise<void> {
  await database.postgres.transaction((transaction) =>
    queue.send(transaction, 'registration-intake', { orderId: orderId as OrderId }),
  );
}

/** Records what happened in order and resolves `until(n)` once `n` entries are there. */
function createJournal() {
  const entries: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    entries,
    add(entry: string) {
      entries.push(entry);
      for (const { resolve } of waiting.filter(({ count }) => entries.length >= count)) {
        resolve();
      }
    },
    until(count: number): Promise<void> {
      return new Promise((resolve) => {
        if (entries.length >= count) {
          resolve();
        } else {
          waiting.push({ count, resolve });
        }
      });
    },
  };
}

function handlersOf(intake: IntakeHandler): Partial<JobHandlers> {
  return {
    'registration-intake': intake,
    'tenant-provisioning': { run: async () => {}, dead: async () => {} },
  };
}

test('several processes may start at once on one database', async () => {
  const opened = await Promise.all([openQueue(), openQueue(), openQueue()]);
  expect(opened).toHaveLength(3);
});

test('a job exists exactly when the transaction that sent it commits', async () => {
  const queue = await openQueue();
  const journal = createJournal();
  await expect(
    database.postgres.transaction(async (transaction) => {
      await queue.send(transaction, 'registration-intake', { orderId: 'rolled-back' as OrderId });
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  await sendOrder(queue, 'committed');
  await queue.work(handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }));
  await journal.until(1);
  const { rows } = await database.postgres.query<{ count: string }>(
    "select count(*) from pgboss.job where state < 'completed'",
  );
  expect(journal.entries).toEqual(['committed']);
  expect(Number(rows[0]?.count)).toBeLessThanOrEqual(1);
});

test('two processes take the jobs strictly one by one, in order, also while one of them is being retried', async () => {
  const [first, second] = await Promise.all([openQueue(), openQueue()]);
  const journal = createJournal();
  const failuresLeft = new Map([
    ['order-2', 2],
    ['order-5', 1],
  ]);
  let running = 0;
  const handlers = (worker: string) =>
    handlersOf({
      async run({ orderId }) {
        running += 1;
        expect(running).toBe(1);
        await database.postgres.query('select pg_sleep(0.01)');
        running -= 1;
        const left = failuresLeft.get(orderId) ?? 0;
        if (left > 0) {
          failuresLeft.set(orderId, left - 1);
          throw new Error(`not yet (${worker})`);
        }
        journal.add(orderId);
      },
      async dead({ orderId }) {
        journal.add(`dead ${orderId}`);
      },
    });
  const orders = Array.from({ length: 12 }, (_, index) => `order-${index + 1}`);
  for (const order of orders.slice(0, 6)) {
    await sendOrder(first, order);
  }
  await Promise.all([first.work(handlers('first')), second.work(handlers('second'))]);
  for (const order of orders.slice(6)) {
    await sendOrder(second, order);
  }
  await journal.until(orders.length);
  expect(journal.entries).toEqual(orders);
});

test('the order is that of sending, not that in which the transactions began', async () => {
  const queue = await openQueue();
  const journal = createJournal();
  const { promise: sent, resolve: tellSent } = Promise.withResolvers<void>();
  const early = database.postgres.transaction(async (transaction) => {
    await transaction.query('select now()');
    await sent;
    await queue.send(transaction, 'registration-intake', { orderId: 'began-first' as OrderId });
  });
  await sendOrder(queue, 'sent-first');
  tellSent();
  await early;
  await queue.work(handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }));
  await journal.until(2);
  expect(journal.entries).toEqual(['sent-first', 'began-first']);
});

test('a job that got ahead of one that was locked is handed back', async () => {
  const queue = await openQueue();
  const journal = createJournal();
  await sendOrder(queue, 'order-1');
  await sendOrder(queue, 'order-2');
  await database.postgres.transaction(async (lock) => {
    await lock.query(
      `select id from pgboss.job where name = 'registration-intake' order by priority desc limit 1 for update`,
    );
    await queue.work(handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }));
    await vi.waitFor(
      async () => {
        const { rows } = await database.postgres.query(
          `select 1 from pgboss.job where data ->> 'orderId' = 'order-2' and state = 'retry'`,
        );
        expect(rows).toHaveLength(1);
      },
      { timeout: 40_000 },
    );
  });
  await journal.until(2);
  expect(journal.entries).toEqual(['order-1', 'order-2']);
});

test('a scheduled job comes by itself, once a minute for all processes', async () => {
  const [first, second] = await Promise.all([
    openQueue({ scheduleCheckSeconds: 1 }),
    openQueue({ scheduleCheckSeconds: 1 }),
  ]);
  const taken = createJournal();
  const minute = () => Math.floor(Date.now() / 60_000);
  const begun = minute();
  for (const queue of [first, second]) {
    await queue.work({ 'tenant-keys': { run: async () => taken.add('taken'), dead: async () => {} } });
    await queue.schedule('tenant-keys', '* * * * *', {});
  }
  await taken.until(1);
  // Time for more passes, which must find that this minute had its job.
  await database.postgres.query('select pg_sleep(2.5)');
  const { rows } = await database.postgres.query(`select id from pgboss.job where name = 'tenant-keys'`);
  expect(rows.length).toBeLessThanOrEqual(minute() - begun + 1);
  expect(taken.entries.length).toBeLessThanOrEqual(rows.length);
  await database.postgres.query('delete from pgboss.schedule');
}, 20_000);

test('a poisoned job ends in the dead-letter queue with its reason, and the next one proceeds', async () => {
  const [first, second] = await Promise.all([openQueue(), openQueue()]);
  const journal = createJournal();
  let deadCalls = 0;
  const handlers = handlersOf({
    async run({ orderId }) {
      if (orderId === 'poisoned') {
        journal.add('attempt');
        throw new Error('cannot be taken');
      }
      if (orderId === 'hopeless') {
        throw new PermanentJobError('never');
      }
      journal.add(orderId);
    },
    async dead({ orderId }, reason) {
      deadCalls += 1;
      if (deadCalls === 1) {
        throw new Error('the dead-letter handler itself fails once');
      }
      journal.add(`dead ${orderId}: ${reason}`);
    },
  });
  for (const order of ['poisoned', 'hopeless', 'healthy']) {
    await sendOrder(first, order);
  }
  await Promise.all([first.work(handlers), second.work(handlers)]);
  await journal.until(6);
  expect(journal.entries.filter((entry) => !entry.startsWith('dead'))).toEqual([
    'attempt',
    'attempt',
    'attempt',
    'healthy',
  ]);
  expect(journal.entries.filter((entry) => entry.startsWith('dead')).sort()).toEqual([
    'dead hopeless: never',
    'dead poisoned: cannot be taken',
  ]);
});

test('what is only temporarily unavailable gets more patience', async () => {
  const queue = await openQueue();
  const journal = createJournal();
  let failures = 0;
  await sendOrder(queue, 'patient');
  await queue.work(
    handlersOf({
      async run({ orderId }) {
        if (failures < 4) {
          failures += 1;
          throw new AppError('temporarily_unavailable', 'try again');
        }
        journal.add(orderId);
      },
      dead: async () => journal.add('dead'),
    }),
  );
  await journal.until(1);
  expect(journal.entries).toEqual(['patient']);
});

test('a stop interrupts the running job, which is the first that the next process takes', async () => {
  const first = await openQueue();
  const started = createJournal();
  await sendOrder(first, 'interrupted');
  await sendOrder(first, 'waiting');
  await first.work(
    handlersOf({
      async run({ orderId }, signal) {
        started.add(orderId);
        await once(signal, 'abort');
        signal.throwIfAborted();
      },
      dead: async () => {},
    }),
  );
  await started.until(1);
  await first.stop();
  const journal = createJournal();
  const second = await openQueue();
  await second.work(handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }));
  await journal.until(2);
  expect(started.entries).toEqual(['interrupted']);
  expect(journal.entries).toEqual(['interrupted', 'waiting']);
});

test('a job that is to come later lets others go first, and comes as often as its handler says', async () => {
  const queue = await openQueue();
  const journal = createJournal();
  await sendOrder(queue, 'patient/0');
  await sendOrder(queue, 'other');
  await queue.work(
    handlersOf({
      async run({ orderId }) {
        journal.add(orderId);
        const [name, tries] = orderId.split('/');
        // More often than any job is tried in its place.
        if (name === 'patient' && Number(tries) < 7) {
          const again = `${name}/${Number(tries) + 1}` as OrderId;
          throw new JobLater('not yet', { afterMs: 1, payload: { orderId: again } });
        }
      },
      dead: async ({ orderId }) => journal.add(`dead ${orderId}`),
    }),
  );
  await journal.until(9);
  expect(journal.entries.slice(0, 2)).toEqual(['patient/0', 'other']);
  expect(journal.entries.slice(2)).toEqual([1, 2, 3, 4, 5, 6, 7].map((tries) => `patient/${tries}`));
});

async function killWorkerInJob(order: string): Promise<void> {
  const worker = fork(fileURLToPath(new URL('queue-worker-process.ts', import.meta.url)), {
    env: { ...process.env, TEST_DATABASE_URL: database.connectionString.reveal() },
    execArgv: [],
  });
  const [payload] = await once(worker, 'message');
  expect(payload).toEqual({ orderId: order });
  worker.kill('SIGKILL');
  await once(worker, 'exit');
}

test('a job of a killed process is taken again, before later ones, when its heartbeat has lapsed', async () => {
  const sender = await openQueue();
  await sendOrder(sender, 'killed');
  await sendOrder(sender, 'later');
  await killWorkerInJob('killed');
  const journal = createJournal();
  await sender.work(handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }));
  await journal.until(2);
  expect(journal.entries).toEqual(['killed', 'later']);
});

test('the only worker of a database takes the job of its killed predecessor up at once', async () => {
  const sender = await openQueue();
  await sendOrder(sender, 'killed');
  await killWorkerInJob('killed');
  const restartedAt = performance.now();
  const journal = createJournal();
  const successor = await openQueue({ soleWorker: true });
  await successor.work(
    handlersOf({ run: async ({ orderId }) => journal.add(orderId), dead: async () => {} }),
  );
  await journal.until(1);
  // Before the heartbeat could lapse, for which every other worker would have to wait.
  expect(performance.now() - restartedAt).toBeLessThan(10_000);
});

test('imports run one at a time of each tenant, several tenants side by side, and the shortest line moves first', async () => {
  const [first, second] = await Promise.all([openQueue(), openQueue()]);
  const send = (slug: string, importId: string, options?: { continues?: boolean }) =>
    database.postgres.transaction((transaction) =>
      first.send(
        transaction,
        'user-import',
        { slug: slug as Slug, applicationTenantId: 'default', importId },
        options,
      ),
    );
  const begun = createJournal();
  const running = new Map<string, number>();
  const overlaps: string[] = [];
  const held = Promise.withResolvers<void>();
  const handlers: Partial<JobHandlers> = {
    'user-import': {
      async run({ slug, importId }) {
        begun.add(importId);
        running.set(slug, (running.get(slug) ?? 0) + 1);
        if ((running.get(slug) ?? 0) > 1) overlaps.push(importId);
        if (importId === 'large-1') await held.promise;
        if (importId === 'large-2') await send('large', 'large-2-goes-on', { continues: true });
        running.set(slug, (running.get(slug) ?? 0) - 1);
      },
      dead: async () => {},
    },
  };
  for (let count = 1; count <= 4; count += 1) await send('large', `large-${count}`);
  for (let count = 1; count <= 5; count += 1) await send(`small-${count}`, `small-${count}`);
  await Promise.all([first, second].map((queue) => queue.work(handlers)));
  await begun.until(6);
  expect(begun.entries.toSorted()).toEqual([
    'large-1',
    'small-1',
    'small-2',
    'small-3',
    'small-4',
    'small-5',
  ]);
  held.resolve();
  await begun.until(10);
  expect(begun.entries.slice(6)).toEqual(['large-2', 'large-2-goes-on', 'large-3', 'large-4']);
  expect(overlaps).toEqual([]);
});
