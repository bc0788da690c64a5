import { afterEach, expect, it, vi } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import type { OrderId, Slug } from '../../src/kernel/ids.ts';
import {
  approver,
  createOnboarding,
  directoryRecord,
  type OnboardingOptions,
  oauthTeamEmail,
} from './onboarding-fixture.ts';

type Onboarding = Awaited<ReturnType<typeof createOnboarding>>;

let onboarding: Onboarding | undefined;
afterEach(() => onboarding?.close());

async function start(options: OnboardingOptions = {}): Promise<Onboarding> {
  onboarding = await createOnboarding(options);
  return onboarding;
}

const patience = { timeout: 40_000, interval: 50 };

it('takes orders one by one, in order, over two workers; a poisoned one does not hold up the next (A3)', async () => {
  const { submit, work, order, history, directory, postgres, disapprove } = await start();
  const first = await submit({ name: 'First' });
  const poisoned = await submit({ slug: 'poisoned' as Slug });
  const rest = [await submit({ name: 'Third' }), await submit({ name: 'Fourth' })];
  await directory.reserve(directoryRecord('poisoned', { id: directoryRecord('other').id }));

  const taken: OrderId[] = [];
  await Promise.all([work((orderId) => taken.push(orderId)), work((orderId) => taken.push(orderId))]);
  await vi.waitFor(async () => {
    expect((await order(rest[1]?.id ?? first.id)).status).toBe('In-Process');
    expect((await order(poisoned.id)).attention).not.toBeNull();
  }, patience);

  expect(taken).toEqual([first.id, poisoned.id, ...rest.map(({ id }) => id)]);
  expect(await order(poisoned.id)).toMatchObject({
    status: 'Submitted',
    attention: 'Another tenant answers under this slug.',
  });
  expect(await history(poisoned.id)).toEqual([
    'Submitted by rita@acme.example',
    'Attention by system:onboarding',
  ]);
  const { events } = await listAudit(postgres, { event: 'tenant.registration.attention', limit: 10 });
  expect(events).toMatchObject([{ severity: 'high', details: { orderId: poisoned.id } }]);

  await disapprove(poisoned.id);
  expect((await order(poisoned.id)).status).toBe('Disapproved');
});

it('approves at once where approval is automatic (E5)', async () => {
  const { submit, takeUp, order, history, jobs, mails } = await start({ approval: 'automatic' });
  const { id, request } = await submit();
  await takeUp(id);
  await takeUp(id);
  expect(await order(id)).toMatchObject({ status: 'Approved', tenantId: request.tenantId });
  expect(await history(id)).toEqual([
    'Submitted by rita@acme.example',
    'In-Process by system:onboarding',
    'Approved by system:onboarding',
  ]);
  expect(await jobs('tenant-provisioning')).toEqual([{ tenantId: request.tenantId }]);
  expect(mails).toEqual([]);
});

it('keeps an order decidable whose mail could not be sent, and marks it (A3)', async () => {
  const { submit, work, order, approve } = await start({
    onMail: () => {
      throw new Error('connection to mail.example refused');
    },
  });
  const { id } = await submit();
  await work();
  await vi.waitFor(async () => expect((await order(id)).attention).toContain('refused'), patience);
  expect((await order(id)).status).toBe('In-Process');
  await approve(id);
  expect(await order(id)).toMatchObject({ status: 'Approved', attention: null });
});

it('approves an order that needed attention only when the preconditions hold now (C2)', async () => {
  const { submit, registrations, order, approve, directory, told } = await start();
  const { id } = await submit({ slug: 'blocked-one' as Slug });
  const other = directoryRecord('blocked-one', { id: directoryRecord('other').id });
  await directory.reserve(other);
  await registrations.intake.dead({ orderId: id }, 'gave up');
  await registrations.intake.dead({ orderId: id }, 'gave up again');
  expect((await order(id)).attention).toBe('gave up');
  const alerts = told.filter(({ topic }) => topic === 'attention');
  expect(alerts).toMatchObject([{ mail: { to: oauthTeamEmail } }]);
  expect(alerts[0]?.mail.text).toContain('Reason: gave up\n');
  await expect(approve(id, approver)).rejects.toMatchObject({ code: 'conflict' });
  await directory.remove(other.slug, other.id);
  await approve(id, approver);
  expect((await order(id)).status).toBe('Approved');
});
