import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KmsKeyStore } from '../../src/cloud/keys/kms.ts';
import type { CreatedKey, TenantKeys } from '../../src/cloud/keys/port.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { ConditionFailed, type Table } from '../../src/cloud/tables/port.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { testClock } from '../support/clock.ts';
import { type Fault, type FaultProxy, type FaultRule, startFaultProxy } from '../support/fault-proxy.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { allTableCapabilities, emulator } from './emulators.ts';
import { createEmulatorKeyStore, createKeysTable, testPrefix } from './key-stores.ts';

const data = Buffer.from('what is signed');
const unavailable = {
  code: 'temporarily_unavailable',
  headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
};
const tenant = 'ten_faulty' as TenantId;
const faults: Fault[] = [
  { kind: 'throttle' },
  { kind: 'server-error' },
  { kind: 'reset' },
  { kind: 'delay', ms: 2_000 },
  { kind: 'lost-reply' },
];

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await startFaultProxy(emulator('ministack').endpoint);
});
afterEach(() => {
  proxy.clear();
});
afterAll(async () => {
  await proxy.close();
});

/** Of one call; what bounds it in time as well. */
const maxAttempts = 4;

/** Rows of `fault × operation: outcome`, shown at the end of the run. */
const outcomes: string[] = [];
afterAll(() => {
  process.stdout.write(
    `\n  fault         operation               once            always\n${outcomes.sort().join('')}\n`,
  );
});

async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'succeeds';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
}

/**
 * One fault, then the same fault for ever, then none: what each time comes out. `found`: for ever, too, because the write took effect and
 * was looked up.
 */
async function strike(
  ownProxy: FaultProxy,
  fault: Fault,
  operation: string,
  work: () => Promise<unknown>,
  { found = false } = {},
): Promise<void> {
  const rule: FaultRule = { fault, when: (request) => request.operation === operation };
  const single = ownProxy.inject({ ...rule, times: 1 });
  const once = await outcomeOf(work);
  expect(single.struck()).toBe(1);
  const constant = ownProxy.inject(rule);
  const started = performance.now();
  await (found ? work() : expect(work()).rejects.toMatchObject(unavailable));
  const tookMs = performance.now() - started;
  constant.stop();
  outcomes.push(
    `  ${fault.kind.padEnd(13)} ${operation.padEnd(23)} ${once.padEnd(15)} ${found ? 'succeeds' : '503'} after ${Math.round(tookMs)} ms\n`,
  );
  expect(once).toBe('succeeds');
  expect(constant.struck(), `attempts of ${operation}`).toBeLessThanOrEqual(maxAttempts);
  expect(await outcomeOf(work)).toBe('succeeds');
}

/** With a proxy of its own, so that what takes long can take it at the same time. */
async function besideOthers(run: (ownProxy: FaultProxy) => Promise<void>): Promise<void> {
  const ownProxy = await startFaultProxy(emulator('ministack').endpoint);
  try {
    await run(ownProxy);
  } finally {
    await ownProxy.close();
  }
}

describe.concurrent.each(faults)('KMS, fault $kind', (fault) => {
  async function createStores({ endpoint }: FaultProxy, mode: 'kms' | 'kms-envelope') {
    const options = {
      table: await createKeysTable('ministack'),
      prefix: testPrefix(),
      endpoint,
      // The breaker has tests of its own.
      breaker: { failures: 1_000 },
      timings: { attemptMs: 1_000, useMs: 3_500 },
    };
    return () => createEmulatorKeyStore('ministack', mode, options).forTenant(tenant);
  }

  it('Sign', async () => {
    await besideOthers(async (ownProxy) => {
      const keys = (await createStores(ownProxy, 'kms'))();
      const { reference } = await keys.create('k', 'ES256');
      await strike(ownProxy, fault, 'Sign', () => keys.sign(reference, 'ES256', data));
    });
  });

  it('Decrypt', async () => {
    await besideOthers(async (ownProxy) => {
      const start = await createStores(ownProxy, 'kms-envelope');
      const { reference } = await start().create('k', 'ES256');
      // Each by a process that has not unwrapped the key yet.
      await strike(ownProxy, fault, 'Decrypt', () => start().sign(reference, 'ES256', data));
    });
  });
});

describe.concurrent.each(faults)('DynamoDB, fault $kind', (fault) => {
  async function openTable({ endpoint }: FaultProxy): Promise<Table> {
    const tables = createDynamodbTables({
      ...emulator('ministack'),
      endpoint,
      capabilities: allTableCapabilities,
      log: silentLog,
      timings: { attemptMs: 1_000, callMs: 4_500 },
    });
    const name = `${testTablePrefix()}-faults`;
    await tables.create(name);
    return tables.open(name);
  }

  let count = 0;
  function freshKey() {
    count += 1;
    return { pk: `K#${count}`, sk: 'a' };
  }

  it.each([
    ['GetItem', (table: Table) => table.get(freshKey())],
    ['PutItem', (table: Table) => table.put({ ...freshKey(), a: 1 }, [{ exists: false }])],
    ['Query', (table: Table) => table.query({ pk: 'K#1' })],
    ['BatchWriteItem', (table: Table) => table.batchWrite([{ put: freshKey() }])],
  ] as const)('%s', async (operation, work) => {
    await besideOthers(async (ownProxy) => {
      const table = await openTable(ownProxy);
      const found = operation === 'PutItem' && (fault.kind === 'delay' || fault.kind === 'lost-reply');
      await strike(ownProxy, fault, operation, () => work(table), { found });
    });
  });

  it('UpdateItem that consumes: exactly one consumer, whatever became of the reply', async () => {
    await besideOthers(async (ownProxy) => {
      const table = await openTable(ownProxy);
      const key = freshKey();
      await table.put({ ...key, payload: 'code' });
      const consume = () =>
        table.update(key, { set: { consumed: 1 } }, [
          { exists: true },
          { attribute: 'consumed', absent: true },
        ]);
      const single = ownProxy.inject({
        fault,
        times: 1,
        when: ({ operation }) => operation === 'UpdateItem',
      });
      await consume();
      expect(single.struck()).toBe(1);
      await expect(consume()).rejects.toBeInstanceOf(ConditionFailed);
    });
  });
});

describe('one tenant in trouble', () => {
  const [sick, well] = ['ten_sick', 'ten_well'] as [TenantId, TenantId];
  const clock = testClock();
  let keyStore: KmsKeyStore;
  const keys = new Map<TenantId, { handle: TenantKeys; created: CreatedKey }>();

  beforeAll(async () => {
    keyStore = createEmulatorKeyStore('ministack', 'kms', {
      table: await createKeysTable('ministack'),
      endpoint: proxy.endpoint,
      clock,
      timings: { attemptMs: 500, useMs: 1_200 },
    });
    for (const id of [sick, well]) {
      const handle = keyStore.forTenant(id);
      keys.set(id, { handle, created: await handle.create('k', 'ES256') });
    }
  });

  function sign(id: TenantId): Promise<Uint8Array> {
    const { handle, created } = keys.get(id) as { handle: TenantKeys; created: CreatedKey };
    return handle.sign(created.reference, 'ES256', data);
  }
  const ofSick = ({ operation, input }: { operation: string; input: Record<string, unknown> }) =>
    operation === 'Sign' && String(input.KeyId).includes(sick);

  it('a disabled key is asked once per pause, and its neighbour notices nothing', async () => {
    const disabled = proxy.inject({ fault: { kind: 'refuse', error: 'DisabledException' }, when: ofSick });
    for (let count = 0; count < 20; count += 1) {
      await expect(sign(sick)).rejects.toMatchObject(unavailable);
      expect(await sign(well)).toHaveLength(64);
    }
    expect(disabled.struck()).toBe(1);
    expect(keyStore.usage().openCircuits).toBe(1);
    disabled.stop();
    clock.advance(5_000);
    expect(await sign(sick)).toHaveLength(64);
    expect(keyStore.usage().openCircuits).toBe(0);
  });

  it('a key that hangs is asked no more after a while, until it is tried again', async () => {
    const hanging = proxy.inject({ fault: { kind: 'hang' }, when: ofSick });
    for (let count = 0; count < 5; count += 1) {
      await expect(sign(sick)).rejects.toMatchObject(unavailable);
    }
    const asked = hanging.struck();
    await expect(sign(sick)).rejects.toMatchObject(unavailable);
    expect(hanging.struck()).toBe(asked);
    hanging.stop();
    clock.advance(60_000);
    expect(await sign(sick)).toHaveLength(64);
  });

  it('a key that hangs holds up nobody else', async () => {
    const ownProxy = await startFaultProxy(emulator('ministack').endpoint);
    const patient = createEmulatorKeyStore('ministack', 'kms', {
      table: await createKeysTable('ministack'),
      endpoint: ownProxy.endpoint,
      // Longer than anything here takes: what hangs hangs until the test lets it go.
      timings: { attemptMs: 600_000, useMs: 600_000 },
    });
    const [ofSickOne, ofWellOne] = await Promise.all(
      [sick, well].map(async (id) => {
        const handle = patient.forTenant(id);
        const { reference } = await handle.create('k', 'ES256');
        return () => handle.sign(reference, 'ES256', data);
      }),
    );
    const hanging = ownProxy.inject({ fault: { kind: 'hang' }, when: ofSick });
    let settled = 0;
    const sickOnes = Array.from({ length: 200 }, () =>
      ofSickOne?.().catch(() => {
        settled += 1;
      }),
    );
    await expect.poll(hanging.struck, { timeout: 30_000 }).toBe(64);
    for (let count = 0; count < 20; count += 1) {
      expect(await ofWellOne?.()).toHaveLength(64);
    }
    // As many as one key may have under way still hang; the others were refused at once.
    expect([hanging.struck(), settled]).toEqual([64, 136]);
    await ownProxy.close();
    await Promise.all(sickOnes);
  });

  it('throttling, which is about the account, opens no circuit', async () => {
    const throttled = proxy.inject({ fault: { kind: 'throttle' }, when: ofSick });
    for (let count = 0; count < 6; count += 1) {
      await expect(sign(sick)).rejects.toMatchObject(unavailable);
    }
    throttled.stop();
    expect(await sign(sick)).toHaveLength(64);
  });
});

it('creates KMS keys no faster than it was told, and says how many wait', async () => {
  const clock = testClock();
  const keyStore = createEmulatorKeyStore('ministack', 'kms', {
    table: await createKeysTable('ministack'),
    createKeysPerSecond: 5,
    clock,
  });
  const keys = keyStore.forTenant(tenant);
  const usage = async (granted: number, waiting: number) =>
    expect
      .poll(() => keyStore.usage().keyCreations, { timeout: 30_000 })
      .toMatchObject({ granted, waiting, perSecond: 5 });
  const creations = Promise.all(Array.from({ length: 8 }, (_, index) => keys.create(`k${index}`, 'ES256')));
  // Five pass at once, three more take a fifth of a second each.
  await usage(5, 3);
  clock.advance(200);
  await usage(6, 2);
  clock.advance(400);
  await creations;
  await usage(8, 0);
});

it('shares its budget of signatures: a busy tenant is refused with Retry-After, a quiet one is served', async () => {
  const clock = testClock();
  const keyStore = createEmulatorKeyStore('ministack', 'kms', {
    table: await createKeysTable('ministack'),
    signaturesPerSecond: { ecc: 10, rsa: 10 },
    signatureWaitMs: 1_000,
    clock,
  });
  const [busy, quiet] = ['ten_busy', 'ten_quiet'].map((id) => keyStore.forTenant(id as TenantId)) as [
    TenantKeys,
    TenantKeys,
  ];
  const [ofBusy, ofQuiet] = [await busy.create('k', 'ES256'), await quiet.create('k', 'ES256')];
  const flood = Promise.allSettled(
    Array.from({ length: 60 }, () => busy.sign(ofBusy.reference, 'ES256', data)),
  );
  // Ten pass at once, ten more would pass within the second that they may wait.
  const ecc = () => keyStore.usage().signatures.ecc;
  await expect.poll(ecc, { timeout: 30_000 }).toMatchObject({ granted: 10, waiting: 10, refused: 40 });
  const served = quiet.sign(ofQuiet.reference, 'ES256', data);
  await expect.poll(ecc, { timeout: 30_000 }).toMatchObject({ waiting: 11 });
  // Two turns: one of them is the quiet tenant's, however many wait before it.
  clock.advance(200);
  expect(await served).toHaveLength(64);
  clock.advance(800);
  await expect.poll(ecc, { timeout: 30_000 }).toMatchObject({ granted: 20, waiting: 1 });
  // The turn that the quiet tenant took is missing in the end.
  clock.advance(100);
  const results = await flood;
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(refused).toHaveLength(41);
  for (const reason of refused) {
    expect(reason).toMatchObject(unavailable);
  }
  expect(keyStore.usage()).toMatchObject({
    openCircuits: 0,
    signatures: { ecc: { refused: 41, granted: 20 }, rsa: { granted: 0 } },
  });
});
