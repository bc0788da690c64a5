import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditEvent, appendAudit } from '../../src/audit/audit-log.ts';
import { canonicalJson } from '../../src/audit/canonical-json.ts';
import { auditTenantCreated } from '../../src/audit/events.ts';
import { listAudit } from '../../src/audit/list-audit.ts';
import { verifyChain } from '../../src/audit/verify-chain.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { testClock } from '../support/clock.ts';
import { createTestPostgres, type TestPostgres } from '../support/services.ts';

const actor: Actor = { kind: 'operator', id: 'acc_1', email: 'Ann@example.com' };
const system: Actor = { kind: 'system', id: 'provisioning' };

let database: TestPostgres;
const clock = testClock();

beforeAll(async () => {
  database = await createTestPostgres();
});
afterAll(() => database.close());

function tenant(name: string): TenantId {
  return `ten_${name}` as TenantId;
}

function event(changes: Partial<AuditEvent> = {}): AuditEvent {
  return { event: 'test.happened', severity: 'info', actor, details: {}, ...changes };
}

async function append(changes: Partial<AuditEvent>): Promise<void> {
  await database.postgres.transaction((transaction) => appendAudit(transaction, clock, event(changes)));
}

/** What somebody with full access to the database could do. */
async function tamper(statement: string, values: unknown[]): Promise<void> {
  await database.postgres.transaction(async (transaction) => {
    await transaction.query('alter table audit_events disable trigger all');
    await transaction.query(statement, values);
    await transaction.query('alter table audit_events enable trigger all');
  });
}

describe('the chain', () => {
  it('verifies whatever order and shape the details went through the database in', async () => {
    const tenantId = tenant('shapes');
    const details = {
      b: 1,
      a: { d: [1, { z: null, y: 'é😀' }], c: 1e21 },
      ten: 10,
      '2': 'two',
      u: undefined,
    };
    await append({ tenantId, details });
    await append({ tenantId, details: { n: -0, long: 'x'.repeat(5000) } });
    expect(await verifyChain(database.postgres, tenantId)).toMatchObject({ intact: true, events: 2 });
  });

  it('stays one line when many append at once', async () => {
    const tenantId = tenant('parallel');
    await Promise.all(Array.from({ length: 20 }, (_, index) => append({ tenantId, details: { index } })));
    expect(await verifyChain(database.postgres, tenantId)).toMatchObject({ intact: true, events: 20 });
  });

  it.each([
    ['details', `update audit_events set details = '{"amount":2}' where chain = $1`],
    ['actor', `update audit_events set actor = '{"kind":"system","id":"x"}' where chain = $1`],
    ['time', `update audit_events set at = at + interval '1 day' where chain = $1`],
    ['tenant', `update audit_events set tenant_id = 'ten_other' where chain = $1`],
    ['id', `update audit_events set id = 'evt_other' where chain = $1 and details = '{"amount":1}'`],
  ])('shows a changed %s', async (what, statement) => {
    const tenantId = tenant(`changed-${what}`);
    await append({ tenantId, details: { amount: 1 } });
    await append({ tenantId });
    await tamper(statement, [tenantId]);
    expect(await verifyChain(database.postgres, tenantId)).toMatchObject({ intact: false, events: 0 });
  });

  it('shows a removed event', async () => {
    const tenantId = tenant('removed');
    for (const index of [0, 1, 2]) {
      await append({ tenantId, details: { index } });
    }
    await tamper(`delete from audit_events where chain = $1 and details = '{"index":1}'`, [tenantId]);
    expect(await verifyChain(database.postgres, tenantId)).toMatchObject({ intact: false, events: 1 });
  });

  it('shows a cut-off end to whoever kept the head', async () => {
    const tenantId = tenant('cut');
    await append({ tenantId, details: { index: 0 } });
    const before = await verifyChain(database.postgres, tenantId);
    await append({ tenantId, details: { index: 1 } });
    const after = await verifyChain(database.postgres, tenantId);
    expect(after).toMatchObject({ intact: true, events: 2 });
    expect(after).not.toEqual(before);
  });

  it('is out of reach for update, delete and truncate', async () => {
    await append({ tenantId: tenant('fixed') });
    for (const statement of [
      `update audit_events set severity = 'high'`,
      'delete from audit_events',
      'truncate audit_events',
    ]) {
      await expect(database.postgres.query(statement)).rejects.toThrow('append-only');
    }
  });

  it('leaves nothing behind when the transaction rolls back', async () => {
    const tenantId = tenant('rolled-back');
    const work = database.postgres.transaction(async (transaction) => {
      await appendAudit(transaction, clock, event({ tenantId }));
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await verifyChain(database.postgres, tenantId)).toMatchObject({ intact: true, events: 0 });
  });
});

describe('listAudit', () => {
  const tenantId = tenant('listed');

  beforeAll(async () => {
    for (const index of [0, 1, 2, 3, 4]) {
      await append({
        tenantId,
        details: { index },
        event: index === 3 ? 'test.other' : 'test.happened',
        actor: index === 4 ? system : actor,
      });
      clock.advance(1000);
    }
  });

  const indexes = (page: { events: { details: Record<string, unknown> }[] }) =>
    page.events.map(({ details }) => details.index);

  it('pages from the newest to the oldest', async () => {
    const first = await listAudit(database.postgres, { tenantId, limit: 2 });
    expect(indexes(first)).toEqual([4, 3]);
    const second = await listAudit(database.postgres, { tenantId, limit: 2, cursor: first.cursor ?? '' });
    expect(indexes(second)).toEqual([2, 1]);
    const third = await listAudit(database.postgres, { tenantId, limit: 2, cursor: second.cursor ?? '' });
    expect(indexes(third)).toEqual([0]);
    expect(third.cursor).toBeUndefined();
  });

  it('filters by event, actor and time', async () => {
    const list = async (filter: object) =>
      indexes(await listAudit(database.postgres, { tenantId, limit: 10, ...filter }));
    expect(await list({ event: 'test.other' })).toEqual([3]);
    expect(await list({ actor: 'provisioning' })).toEqual([4]);
    expect(await list({ actor: 'ann@EXAMPLE.com' })).toEqual([3, 2, 1, 0]);
    const { events } = await listAudit(database.postgres, { tenantId, limit: 10 });
    const at = (index: number) => new Date(events.find(({ details }) => details.index === index)?.at ?? '');
    expect(await list({ from: at(1), to: at(3) })).toEqual([2, 1]);
  });

  it('refuses a cursor that is none', async () => {
    for (const cursor of ['', 'x', '1;', '9'.repeat(40)]) {
      await expect(listAudit(database.postgres, { limit: 1, cursor })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });
});

it('records the creation of a tenant as the requirement spells it (B10)', async () => {
  const tenantId = tenant('created');
  const configuration = { features: { auth: ['password'] }, security: { minLength: 12 } };
  await database.postgres.transaction((transaction) =>
    auditTenantCreated(transaction, clock, {
      tenantId,
      actor: system,
      slug: 'acme',
      createdBy: 'ann@example.com',
      configuration,
    }),
  );
  const { events } = await listAudit(database.postgres, { tenantId, limit: 10 });
  expect(events).toMatchObject([
    {
      event: 'tenant.created',
      severity: 'high',
      tenantId,
      actor: system,
      details: { type: 'TENANT_CREATED', slug: 'acme', createdBy: 'ann@example.com', configuration },
    },
  ]);
});

it('writes equal values as equal text', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: undefined, ['__proto__']: 3 })).toBe(
    '{"__proto__":3,"b":[{"c":2,"d":1}]}',
  );
});
