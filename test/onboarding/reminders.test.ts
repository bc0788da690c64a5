import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Mail } from '../../src/cloud/mail/port.ts';
import type { OrderId, Slug } from '../../src/kernel/ids.ts';
import { createReminders, type RemindersDependencies } from '../../src/onboarding/reminders.ts';
import { createWaitingOrders } from '../../src/onboarding/waiting-orders.ts';
import { createWaitingGates } from '../../src/provisioning/waiting-gates.ts';
import { silentLog } from '../support/services.ts';
import { createOnboarding, oauthTeamEmail, publicUrl } from './onboarding-fixture.ts';

const hourMs = 3_600_000;

let onboarding: Awaited<ReturnType<typeof createOnboarding>>;
let posted: { topic: string; mail: Mail }[];
beforeEach(async () => {
  onboarding = await createOnboarding();
  posted = [];
});
afterEach(() => onboarding.close());

function round(overrides: Partial<RemindersDependencies> = {}): Promise<void> {
  const { postgres, clock } = onboarding;
  const job = createReminders({
    postgres,
    clock,
    publicUrl,
    log: silentLog,
    postMail: async (_transaction, topic, mail) => void posted.push({ topic, mail }),
    sources: [
      createWaitingOrders({ publicUrl, oauthTeamEmail }),
      createWaitingGates({
        publicUrl,
        deciders: { validation: 'security@operators.example', compliance: 'compliance@operators.example' },
      }),
    ],
    reminderHours: 24,
    escalationHours: 72,
    escalationEmail: 'boss@operators.example',
    orderExpiryDays: 0,
    ...overrides,
  });
  return job.run({}, AbortSignal.timeout(60_000));
}

/** What was posted since the last time it was asked. */
function news(): string[] {
  return posted.splice(0).map(({ topic, mail }) => `${topic} ${mail.to}: ${mail.subject}`);
}

async function takenUp(): Promise<OrderId> {
  const { id } = await onboarding.submit();
  await onboarding.takeUp(id);
  return id;
}

/** A tenant that stands at its gate, as a run leaves it. */
async function atGate(gate: 'validation' | 'compliance'): Promise<void> {
  const { postgres, clock } = onboarding;
  const now = new Date(clock.now());
  await postgres.query(
    `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by)
     values ('ten_1', 'acme', 'Acme', 'tenant', 'provisioning', $1, '{}', 'x')`,
    [`awaiting-${gate}`],
  );
  await postgres.query(
    `insert into provisioning_runs (id, tenant_id, state) values ('run_1', 'ten_1', 'running')`,
  );
  await postgres.query(
    `insert into provisioning_steps (run_id, position, name, status, started_at) values ('run_1', 1, $1, 'intended', $2)`,
    [gate, now],
  );
}

describe('an order that waits', () => {
  it('is recalled once, escalated once, and both are on record', async () => {
    const id = await takenUp();
    const { clock } = onboarding;
    await round();
    clock.advance(24 * hourMs - 1);
    await round();
    expect(news()).toEqual([]);
    clock.advance(1);
    await round();
    await round();
    expect(posted[0]?.mail.text).toContain(`POST https://id.example.com/api/registrations/${id}/approve`);
    expect(news()).toEqual([
      `reminder-reminded ${oauthTeamEmail}: Tenant acme-payments still waits for its decision`,
    ]);
    clock.advance(48 * hourMs);
    await round();
    await round();
    expect(news()).toEqual([
      `reminder-escalated ${oauthTeamEmail}: Overdue: Tenant acme-payments still waits for its decision`,
      'reminder-escalated boss@operators.example: Overdue: Tenant acme-payments still waits for its decision',
    ]);
    const { rows } = await onboarding.postgres.query<{ details: object }>(
      `select details from audit_events where event = 'tenant.reminder' order by sequence`,
    );
    expect(rows.map(({ details }) => details)).toEqual([
      { stage: 'reminded', waitsFor: 'decision', slug: 'acme-payments' },
      { stage: 'escalated', waitsFor: 'decision', slug: 'acme-payments' },
    ]);
  });

  it('is told once by several processes, and only the latest stage after an outage', async () => {
    await takenUp();
    onboarding.clock.advance(80 * hourMs);
    await Promise.all([round(), round(), round()]);
    expect(news()).toEqual([
      expect.stringContaining(`reminder-escalated ${oauthTeamEmail}`),
      expect.stringContaining('reminder-escalated boss@operators.example'),
    ]);
    await round();
    expect(news()).toEqual([]);
  });

  it('is told again when the mail could not be written down', async () => {
    await takenUp();
    onboarding.clock.advance(24 * hourMs);
    const failing = async () => {
      throw new Error('disk full');
    };
    await expect(round({ postMail: failing })).rejects.toThrow('disk full');
    await round();
    expect(news()).toHaveLength(1);
  });

  it('waits for nobody before it is taken up, and once it is decided', async () => {
    await onboarding.submit();
    const id = await takenUp();
    await onboarding.approve(id);
    onboarding.clock.advance(200 * hourMs);
    await round();
    expect(news()).toEqual([]);
  });
});

describe('a registration that nobody decides', () => {
  it('is disapproved by itself where the deployment says so, and its slug is free again', async () => {
    const id = await takenUp();
    onboarding.clock.advance(14 * 24 * hourMs - 1);
    await round({ orderExpiryDays: 14 });
    expect((await onboarding.order(id)).status).toBe('In-Process');
    onboarding.clock.advance(1);
    news();
    await round({ orderExpiryDays: 14 });
    expect((await onboarding.order(id)).status).toBe('Disapproved');
    expect(await onboarding.history(id)).toContain('Disapproved by system:expiry');
    expect(await onboarding.slugState('acme-payments')).toBeUndefined();
    expect(news()).toEqual([
      'disapproved rita@acme.example: Your request for the tenant acme-payments has been disapproved',
    ]);
    await round({ orderExpiryDays: 14 });
    expect(news()).toEqual([]);
  });

  it('waits for ever otherwise', async () => {
    const id = await takenUp();
    onboarding.clock.advance(5_000 * 24 * hourMs);
    await round();
    expect((await onboarding.order(id)).status).toBe('In-Process');
  });
});

describe('a tenant at a gate', () => {
  it.each([
    ['validation', 'security@operators.example', 'validation', 'validation'],
    ['compliance', 'compliance@operators.example', 'compliance review', 'compliance-review'],
  ] as const)('%s: %s is asked, then reminded, then it is escalated', async (gate, to, what, path) => {
    await atGate(gate);
    await round();
    expect(posted[0]?.mail.text).toContain(
      `POST https://id.example.com/api/tenants/${'acme' as Slug}/${path}`,
    );
    expect(news()).toEqual([`reminder-asked ${to}: Tenant acme waits for its ${what}`]);
    onboarding.clock.advance(24 * hourMs);
    await round();
    expect(news()).toEqual([`reminder-reminded ${to}: Tenant acme still waits for its ${what}`]);
    onboarding.clock.advance(48 * hourMs);
    await round({ orderExpiryDays: 1 });
    expect(news()).toEqual([
      `reminder-escalated ${to}: Overdue: Tenant acme still waits for its ${what}`,
      `reminder-escalated boss@operators.example: Overdue: Tenant acme still waits for its ${what}`,
    ]);
    await round();
    expect(news()).toEqual([]);
  });

  it('that was decided waits no more', async () => {
    await atGate('validation');
    await onboarding.postgres.query(`update tenants set provisioning_state = 'blocked'`);
    onboarding.clock.advance(80 * hourMs);
    await round();
    expect(news()).toEqual([]);
  });
});
