import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createActivityLogs, type Happening } from '../../src/identity/activity-log.ts';
import { createMailDispatch } from '../../src/identity/mail-dispatch.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { silentLog } from '../support/services.ts';
import { createTenantTable } from './identity-table.ts';

const dayMs = 86_400_000;
const ada = { id: 'acc_ada' as AccountId, applicationTenantId: 'default' };
const eve = { id: 'acc_eve' as AccountId, applicationTenantId: 'apt_acme' };

interface Options {
  days?: number;
  addresses?: 'full' | 'short';
  wrap?: (table: Table) => Table;
}

async function createLog({ days = 90, addresses = 'full', wrap = (table) => table }: Options = {}) {
  const { table } = await createTenantTable();
  const clock = testClock();
  const dispatch = createMailDispatch({ log: silentLog });
  const log = createActivityLogs({
    days,
    addresses,
    dispatch,
    readClientIp: () => '192.0.2.9',
    clock,
    random: systemRandom,
    log: silentLog,
  }).of(wrap(table));
  return {
    table,
    clock,
    log,
    async note(happening: Happening, origin: Parameters<typeof log.note>[1] = {}) {
      log.note(happening, origin);
      await dispatch.stop();
    },
    all: (filter = {}) => Array.fromAsync(log.all({ applicationTenantId: 'default', ...filter })),
  };
}

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

it('keeps what happened, whose it is, from where and on what', async () => {
  const { note, all } = await createLog();
  await note(
    { kind: 'signed-in', account: ada, methods: ['pwd', 'otp'], clientId: 'web' },
    { clientIp: '192.0.2.7', userAgent: firefox },
  );
  expect(await all()).toEqual([
    {
      id: expect.stringMatching(/^[\w-]{22}$/),
      at: '2026-01-01T00:00:00.000Z',
      kind: 'signed-in',
      applicationTenantId: 'default',
      userId: 'acc_ada',
      clientId: 'web',
      methods: ['pwd', 'otp'],
      address: '192.0.2.7',
      device: 'Firefox on Linux',
    },
  ]);
});

it.each([
  ['192.0.2.77', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
])('shortens %s where it is told to', async (clientIp, address) => {
  const { note, all } = await createLog({ addresses: 'short' });
  await note({ kind: 'signed-in', account: ada }, { clientIp });
  expect(await all()).toMatchObject([{ address }]);
});

it('keeps nothing when it is told to, and has nothing to show then', async () => {
  const { table, note, log } = await createLog({ days: 0 });
  await note({ kind: 'signed-in', account: ada });
  expect(await Array.fromAsync(table.scan())).toEqual([]);
  expect(await log.list({ applicationTenantId: 'default', limit: 10 })).toEqual({ activities: [] });
});

it('fails nobody when it cannot be written', async () => {
  const wrap = (table: Table): Table => ({ ...table, put: () => Promise.reject(new Error('no store')) });
  const { note } = await createLog({ wrap });
  await note({ kind: 'signed-in', account: ada });
});

it('looks for whom it is about once the request is answered', async () => {
  const { PassThrough } = await import('node:stream');
  const { log, all } = await createLog();
  const looked: string[] = [];
  const res = new PassThrough();
  const origin = { req: {}, res, get: () => '' } as unknown as Parameters<typeof log.note>[1];
  const account = async () => {
    looked.push('here');
    return ada;
  };
  log.note({ kind: 'sign-in-failed', account, reason: 'password' }, origin);
  await nextTurn();
  expect(looked).toEqual([]);
  res.resume().end();
  await expect.poll(all, { timeout: 30_000 }).toMatchObject([{ userId: 'acc_ada' }]);
});

it('shows each application tenant its own, page by page through the days, the newest first', async () => {
  const { clock, note, log } = await createLog();
  for (const clientId of ['a', 'b', 'c', 'd', 'e']) {
    await note({ kind: 'signed-in', account: ada, clientId });
    await note({ kind: 'signed-in', account: eve, clientId });
    clock.advance(clientId === 'b' ? 9 * dayMs : 1_000);
  }
  const seen: (string | undefined)[] = [];
  let cursor: string | undefined;
  do {
    const page = await log.list({ applicationTenantId: 'apt_acme', limit: 2, cursor });
    expect(page.activities.every(({ userId }) => userId === 'acc_eve')).toBe(true);
    seen.push(...page.activities.map(({ clientId }) => clientId));
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(seen).toEqual(['e', 'd', 'c', 'b', 'a']);
});

it('picks by kind, person and time', async () => {
  const { clock, note, all } = await createLog();
  const bob = { ...ada, id: 'acc_bob' as AccountId };
  await note({ kind: 'signed-in', account: ada });
  clock.advance(2 * dayMs);
  await note({ kind: 'signed-in', account: bob });
  await note({ kind: 'sign-in-failed', account: ada, reason: 'password' });
  clock.advance(2 * dayMs);
  await note({ kind: 'signed-out', account: ada });
  const kinds = async (filter: object) => (await all(filter)).map(({ kind }) => kind);

  expect(await kinds({ kind: 'sign-in-failed' })).toEqual(['sign-in-failed']);
  expect(await kinds({ userId: 'acc_ada' })).toEqual(['signed-out', 'sign-in-failed', 'signed-in']);
  expect(await kinds({ userId: 'acc_bob', kind: 'signed-out' })).toEqual([]);
  expect(await kinds({ userId: 'not an id' })).toEqual([]);
  expect(await kinds({ from: new Date('2026-01-03T00:00:00Z') })).toHaveLength(3);
  expect(await kinds({ from: new Date('2026-01-03T00:00:00.001Z') })).toEqual(['signed-out']);
  expect(await kinds({ to: new Date('2026-01-03T00:00:00Z') })).toEqual(['signed-in']);
  expect(await kinds({ to: new Date('0001-01-01T00:00:00Z') })).toEqual([]);
  expect(await kinds({ userId: 'acc_ada', to: new Date('2026-01-05T00:00:00Z') })).toHaveLength(2);
});

it('shows a person of another application tenant to nobody here', async () => {
  const { note, all } = await createLog();
  await note({ kind: 'signed-in', account: eve });
  expect(await all({ userId: eve.id })).toEqual([]);
  expect(await all({ userId: eve.id, applicationTenantId: 'apt_acme' })).toHaveLength(1);
});

it('shows nothing that is older than it may be', async () => {
  const { clock, note, all } = await createLog({ days: 7 });
  await note({ kind: 'signed-in', account: ada });
  clock.advance(7 * dayMs - 1);
  expect(await all()).toHaveLength(1);
  expect(await all({ userId: ada.id })).toHaveLength(1);
  clock.advance(1_000);
  expect(await all()).toEqual([]);
  expect(await all({ userId: ada.id })).toEqual([]);
});

it('says where to go on when much had to be read for little', async () => {
  const { clock, note, log } = await createLog({ days: 400 });
  await note({ kind: 'signed-in', account: ada });
  clock.advance(200 * dayMs);
  let pages = 0;
  let cursor: string | undefined;
  const found: string[] = [];
  do {
    const page = await log.list({ applicationTenantId: 'default', limit: 10, cursor });
    found.push(...page.activities.map(({ kind }) => kind));
    cursor = page.cursor;
    pages += 1;
  } while (cursor !== undefined);
  expect(found).toEqual(['signed-in']);
  expect(pages).toBeGreaterThan(1);
});

it.each(['!!!', 'bm9uc2Vuc2U', Buffer.from('2026-99-99').toString('base64url')])(
  'refuses the cursor %s',
  async (cursor) => {
    const { log } = await createLog();
    await expect(log.list({ applicationTenantId: 'default', limit: 1, cursor })).rejects.toMatchObject({
      code: 'invalid_request',
      fields: [{ field: 'cursor' }],
    });
  },
);
