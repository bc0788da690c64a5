import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDynamodbTables, type DynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { ConditionFailed, type Table, type Tables } from '../../src/cloud/tables/port.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import {
  createTestTables,
  silentLog,
  testDynamodb,
  testTableCapabilities,
  testTablePrefix,
} from '../support/services.ts';

const lost = { kind: 'lost-reply' } as const;
const hang = { kind: 'hang' } as const;
const unavailable = { kind: 'server-error' } as const;
const throttled = { kind: 'throttle' } as const;
const passing = { code: 'temporarily_unavailable', headers: { 'Retry-After': expect.any(String) } };

describe('DynamoDB tables when the store fails', () => {
  const name = `${testTablePrefix()}-faults`;
  const calls: string[] = [];
  let direct: Tables;
  let straight: Table;
  let proxy: FaultProxy;
  let proxied: DynamodbTables;
  let table: Table;
  let keys = 0;
  let key: { pk: string; sk: string };

  beforeAll(async () => {
    direct = createTestTables();
    await direct.create(name);
    straight = direct.open(name);
    proxy = await startFaultProxy(testDynamodb().endpoint);
    proxied = createDynamodbTables({
      ...testDynamodb(),
      endpoint: proxy.endpoint,
      capabilities: testTableCapabilities,
      log: silentLog,
      onCall: ({ operation }) => calls.push(operation),
      timings: { attemptMs: 1_500, callMs: 6_000 },
    });
    table = proxied.open(name);
  });
  afterAll(async () => {
    proxied.close();
    await proxy.close();
    await direct.delete(name);
  });
  beforeEach(() => {
    keys += 1;
    key = { pk: `K#${keys}`, sk: 'a' };
    calls.length = 0;
    proxy.clear();
  });

  /** What happens to the next requests, in order; afterwards everything passes. */
  function next(...faults: Fault[]): void {
    for (const fault of faults) {
      proxy.inject({ fault, times: 1 });
    }
  }

  const operations = () => proxy.seen.map(({ operation }) => operation);

  describe('a reply that is lost', () => {
    it('does not turn a conditional put that succeeded into a failed condition', async () => {
      next(lost);
      await table.put({ ...key, owner: 'me' }, [{ exists: false }]);
      expect(await straight.get(key)).toStrictEqual({ ...key, owner: 'me' });
      expect(operations()).toStrictEqual(['PutItem', 'PutItem', 'GetItem']);
    });

    it('does not turn a consumption that succeeded into a replay', async () => {
      await straight.put({ ...key, payload: 'code' });
      next(lost);
      const consume = () =>
        table.update(key, { set: { consumed: 1 } }, [
          { exists: true },
          { attribute: 'consumed', absent: true },
        ]);
      expect(await consume()).toStrictEqual({ ...key, payload: 'code', consumed: 1 });
      await expect(consume()).rejects.toBeInstanceOf(ConditionFailed);
    });

    it('is looked up when every reply is lost: the write took effect, and is ours', async () => {
      await straight.put({ ...key, payload: 'code' });
      next(lost, lost, lost, lost);
      const consume = () =>
        table.update(key, { set: { consumed: 1 } }, [{ attribute: 'consumed', absent: true }]);
      expect(await consume()).toStrictEqual({ ...key, payload: 'code', consumed: 1 });
      expect(operations()).toStrictEqual([...Array(4).fill('UpdateItem'), 'GetItem']);
      await expect(consume()).rejects.toBeInstanceOf(ConditionFailed);
      next(lost, lost, lost, lost);
      await table.put({ ...key, sk: 'b' }, [{ exists: false }]);
      expect(await straight.get({ ...key, sk: 'b' })).toStrictEqual({ ...key, sk: 'b' });
    });

    it('is not made up when the write never came through', async () => {
      await straight.put({ ...key, payload: 'code' });
      next(...Array(4).fill({ kind: 'reset' }));
      await expect(table.update(key, { set: { consumed: 1 } }, [{ exists: true }])).rejects.toMatchObject(
        passing,
      );
      expect(await straight.get(key)).toStrictEqual({ ...key, payload: 'code' });
    });

    it('never lets the loser of a race believe it won, not even with the very same item', async () => {
      const item = { ...key, expiresAt: 1 };
      next({ kind: 'reset', meanwhile: () => straight.put(item, [{ exists: false }]) });
      await expect(table.put(item, [{ exists: false }])).rejects.toBeInstanceOf(ConditionFailed);
    });

    it('says that the outcome of a conditional delete is unknown, and the truth afterwards', async () => {
      await straight.put(key);
      next(lost);
      await expect(table.delete(key, [{ exists: true }])).rejects.toMatchObject(passing);
      await expect(table.delete(key, [{ exists: true }])).rejects.toBeInstanceOf(ConditionFailed);
    });

    it('is made up for by a retry where nothing is conditional', async () => {
      next(lost, lost);
      await table.put({ ...key, a: 1 });
      expect(await table.update(key, { set: { b: 2 } })).toStrictEqual({ ...key, a: 1, b: 2 });
      next(lost);
      expect(await table.get(key)).toStrictEqual({ ...key, a: 1, b: 2 });
      next(lost);
      await table.delete(key);
      expect(await straight.get(key)).toBeUndefined();
    });
  });

  it('retries a throttled call, counting it once', async () => {
    next(throttled);
    expect(await table.get(key)).toBeUndefined();
    expect(operations()).toStrictEqual(['GetItem', 'GetItem']);
    expect(calls).toStrictEqual(['GetItem']);
  });

  it('gives up after four attempts and says that trying again may help', async () => {
    next(unavailable, unavailable, unavailable, unavailable);
    await expect(table.get(key)).rejects.toMatchObject({ ...passing, status: 503 });
    expect(proxy.seen).toHaveLength(4);
  });

  it('puts what a batch left unprocessed again', async () => {
    const put = { ...key, n: 1 };
    const unprocessed = {
      [name]: [{ PutRequest: { Item: { pk: { S: key.pk }, sk: { S: 'a' }, n: { N: '1' } } } }],
    };
    next({ kind: 'answer', body: { UnprocessedItems: unprocessed } });
    await table.batchWrite([{ put }]);
    expect(operations()).toStrictEqual(['BatchWriteItem', 'BatchWriteItem']);
    expect(await straight.get(key)).toStrictEqual(put);
  });

  it('does not retry what the store refuses, and shows nothing of the item in the error', async () => {
    const refused = table.put({ pk: 'sensitive'.repeat(300), sk: 'a', password: 'hunter2' });
    await expect(refused).rejects.toMatchObject({
      code: 'server_error',
      message: 'The storage refused an operation.',
    });
    const error = await refused.catch((reason: Error) => reason);
    expect(JSON.stringify([error, String(error), (error as { detail?: string }).detail])).not.toMatch(
      /hunter2|sensitive/,
    );
    expect(operations()).toStrictEqual(['PutItem']);
  });

  describe('of one tenant', () => {
    const sickName = `${testTablePrefix()}-sick`;
    beforeAll(() => direct.create(sickName));
    afterAll(() => direct.delete(sickName));
    const ofSick = ({ input }: { input: Record<string, unknown> }) => input.TableName === sickName;

    function openBoth(endpoint: string) {
      const tables = createDynamodbTables({
        ...testDynamodb(),
        endpoint,
        capabilities: testTableCapabilities,
        log: silentLog,
        timings: { attemptMs: 60_000, callMs: 60_000 },
      });
      return { tables, sick: tables.open(sickName), well: tables.open(name) };
    }

    it('uses up no retries of another', async () => {
      const { tables, sick, well } = openBoth(proxy.endpoint);
      proxy.inject({ fault: unavailable, when: ofSick });
      await Promise.allSettled(Array.from({ length: 60 }, () => sick.get(key)));
      const before = proxy.seen.length;
      await expect(sick.get(key)).rejects.toMatchObject(passing);
      expect(proxy.seen.length - before).toBe(1);
      next(unavailable, unavailable, unavailable);
      expect(await well.get(key)).toBeUndefined();
      tables.close();
    });

    it('that hangs takes no connection of another', async () => {
      const ownProxy = await startFaultProxy(testDynamodb().endpoint);
      const { tables, sick, well } = openBoth(ownProxy.endpoint);
      const hanging = ownProxy.inject({ fault: hang, when: ofSick });
      let settled = 0;
      const calls = Array.from({ length: 1_000 }, () =>
        sick.get(key).catch(() => {
          settled += 1;
        }),
      );
      await expect.poll(() => hanging.struck(), { timeout: 30_000 }).toBe(64);
      expect(await well.get(key)).toBeUndefined();
      expect([hanging.struck(), settled]).toStrictEqual([64, 0]);
      await ownProxy.close();
      await Promise.all(calls);
      tables.close();
    });
  });

  it('bounds a call to a store that never answers', async () => {
    const impatient = createDynamodbTables({
      ...testDynamodb(),
      endpoint: proxy.endpoint,
      capabilities: testTableCapabilities,
      log: silentLog,
      timings: { attemptMs: 60, callMs: 150 },
    });
    next(hang, hang, hang, hang);
    await expect(impatient.open(name).get(key)).rejects.toMatchObject(passing);
    impatient.close();
  });

  it('takes a store that cannot be reached for one that will be back', async () => {
    const gone = await startFaultProxy(testDynamodb().endpoint);
    await gone.close();
    const tables = createDynamodbTables({
      ...testDynamodb(),
      endpoint: gone.endpoint,
      capabilities: testTableCapabilities,
      log: silentLog,
    });
    await expect(tables.open(name).get(key)).rejects.toMatchObject(passing);
    tables.close();
  });
});
