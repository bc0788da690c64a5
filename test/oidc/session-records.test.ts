import type { AdapterPayload } from 'oidc-provider';
import { beforeEach, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createSessionRecords, type SessionRecords } from '../../src/oidc/sessions/session-records.ts';
import { referenceTo } from '../../src/oidc/storage/artifact.ts';
import { createTenantTable } from '../identity/identity-table.ts';
import { type TestClock, testClock } from '../support/clock.ts';

const rules = {
  timeoutSeconds: 600,
  absoluteTimeoutSeconds: 3_600,
  extendOnActivity: true,
  maxConcurrent: 3,
};
const accountId = 'acc_ada';

let table: Table;
let clock: TestClock;
let records: SessionRecords;

beforeEach(async () => {
  ({ table } = await createTenantTable());
  clock = testClock();
  records = createSessionRecords({ table, clock, rulesOf: async () => rules });
});

const nowSeconds = () => Math.floor(clock.now() / 1_000);

function payload(id: string): AdapterPayload {
  return { jti: id, uid: 'uid-1', accountId, loginTs: nowSeconds() } as AdapterPayload;
}

const save = (id: string, known?: { id: string }) =>
  records.save(id, payload(id), { expiresAt: nowSeconds() + 600, applicationTenantId: 'default' }, known);

it('keeps a session under its uid while its id changes', async () => {
  expect(await save('id-1')).toBe(true);
  expect(await save('id-2', { id: 'id-1' })).toBe(true);
  expect((await records.findByUid('uid-1'))?.payload.jti).toBe(referenceTo('id-2'));
});

it('ends a session under its former id, too, which its browser may still hold', async () => {
  await save('id-1');
  await save('id-2', { id: 'id-1' });
  expect(await records.remove('uid-1')).toMatchObject({ jti: referenceTo('id-2') });
  expect(await records.find('id-1')).toBeUndefined();
  expect(await records.find('id-2')).toBeUndefined();
  expect(await records.findByUid('uid-1')).toBeUndefined();
});

it.each(['id-1', 'id-2'])(
  'is not brought back, under %s, by a request that began before its end',
  async (id) => {
    await save('id-1');
    await records.remove('uid-1');
    expect(await save(id, { id: 'id-1' })).toBe(false);
    expect(await records.find(id)).toBeUndefined();
    expect(await records.findByUid('uid-1')).toBeUndefined();
  },
);

it('ends whichever of end and change of id comes first', async () => {
  for (let round = 0; round < 20; round += 1) {
    await save('id-1');
    await Promise.all([save('id-2', { id: 'id-1' }), records.remove('uid-1')]);
    expect(await records.find('id-1')).toBeUndefined();
    expect(await records.find('id-2')).toBeUndefined();
  }
});

it('lists entries until they are removed', async () => {
  const entry = {
    uid: 'uid-1',
    startedAt: clock.now(),
    methods: ['pwd', 'otp', 'mfa'],
    network: '192.0.2.1',
    device: 'Firefox on Linux',
    applicationTenantId: 'apt_1',
  };
  await records.addEntry(accountId, entry);
  expect(await records.entriesOf(accountId)).toEqual([entry]);
  expect(await records.entriesOf('acc_bob')).toEqual([]);
  await records.removeEntry(accountId, 'uid-1');
  expect(await records.entriesOf(accountId)).toEqual([]);
});
