import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Secret } from '../../src/kernel/secret.ts';
import { connectPostgres } from '../../src/platform/postgres.ts';
import { startListener } from '../../src/platform/postgres-listener.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';

let database: TestPostgres;

beforeAll(async () => {
  database = await createTestPostgres();
});

afterAll(async () => {
  await database.close();
});

test('a transaction that resolves is committed, one that throws is not', async () => {
  const { postgres } = database;
  await postgres.transaction(async (transaction) => {
    await transaction.query("insert into slugs (slug, state) values ('kept', 'held')");
  });
  await expect(
    postgres.transaction(async (transaction) => {
      await transaction.query("insert into slugs (slug, state) values ('dropped', 'held')");
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  const { rows, rowCount } = await postgres.query('select slug from slugs');
  expect(rows).toEqual([{ slug: 'kept' }]);
  expect(rowCount).toBe(1);
});

test('a transaction whose statement failed never reports success, even when the failure was swallowed', async () => {
  await expect(
    database.postgres.transaction(async (transaction) => {
      await transaction.query('select 1/0').catch(() => {});
    }),
  ).rejects.toThrow('rolled back');
});

test('a lost connection fails its transaction and leaves the pool usable', async () => {
  const { postgres } = database;
  await expect(
    postgres.transaction(async (transaction) => {
      const { rows } = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid');
      await postgres.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await transaction.query('select 1');
    }),
  ).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  expect((await postgres.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('a server that cannot be reached is an error that asks to retry', async () => {
  const unreachable = connectPostgres({
    connectionString: new Secret('postgres://nobody:nothing@127.0.0.1:1/none'),
    log: silentLog,
  });
  await expect(unreachable.query('select 1')).rejects.toMatchObject({
    code: 'temporarily_unavailable',
    headers: { 'Retry-After': '5' },
  });
  await expect(unreachable.transaction(async () => {})).rejects.toMatchObject({
    code: 'temporarily_unavailable',
  });
  await unreachable.close();
});

test('what is notified on a channel is heard, also after the connection was lost, and not once stopped', async () => {
  const { postgres, connectionString } = database;
  const heard: string[] = [];
  const listener = startListener({
    connectionString,
    channel: 'news',
    onMessage: (payload) => heard.push(payload),
    log: silentLog,
    retryMs: 20,
  });
  const listeners = async () =>
    (
      await postgres.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = 'tenantry-listener' and query like 'listen%'`,
      )
    ).rows.map(({ pid }) => pid);
  const untilListening = (former?: number) =>
    vi.waitFor(
      async () => {
        const [pid] = await listeners();
        expect(pid).toBeDefined();
        expect(pid).not.toBe(former);
        return pid as number;
      },
      { timeout: 40_000 },
    );
  const first = await untilListening();
  await postgres.query(`select pg_notify('news', 'one')`);
  await vi.waitFor(() => expect(heard).toEqual(['one']), { timeout: 40_000 });
  await postgres.query('select pg_terminate_backend($1)', [first]);
  await untilListening(first);
  await postgres.query(`select pg_notify('news', 'two')`);
  await vi.waitFor(() => expect(heard).toEqual(['one', 'two']), { timeout: 40_000 });
  await listener.stop();
  expect(await listeners()).toEqual([]);
});
