import { afterEach, expect, it } from 'vitest';
import { reminderMail } from '../../src/onboarding/mails/reminder-mail.ts';
import { approver, createOnboarding, type OnboardingOptions, registration } from './onboarding-fixture.ts';

type Onboarding = Awaited<ReturnType<typeof createOnboarding>>;
let open: Onboarding | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(options: OnboardingOptions = {}): Promise<Onboarding> {
  open = await createOnboarding(options);
  return open;
}

it('tells the requester that the request has come in, with nothing in it that a stranger could have typed', async () => {
  const onboarding = await start();
  const { tenant } = registration();
  const order = await onboarding.submit({
    requester: { name: 'Win a prize at https://evil.example', email: 'victim@acme.example' },
    tenant: { ...tenant, name: 'Click https://evil.example' },
    purpose: 'https://evil.example',
  });
  expect(onboarding.told).toHaveLength(1);
  expect(onboarding.told[0]).toMatchObject({ topic: 'submitted', mail: { to: 'victim@acme.example' } });
  const text = JSON.stringify(onboarding.told);
  expect(text).not.toContain('evil.example');
  expect(text).toContain(`https://id.example.com/api/registrations/${order.id}`);
});

it('tells the requester of an approval, and what the team said', async () => {
  const onboarding = await start();
  const order = await onboarding.submit();
  await onboarding.takeUp(order.id);
  await onboarding.postgres.transaction((transaction) =>
    onboarding.registrations.approve(transaction, {
      orderId: order.id,
      actor: approver,
      comment: 'Welcome.',
    }),
  );
  expect(onboarding.told.map(({ topic }) => topic)).toEqual(['submitted', 'approved']);
  const mail = onboarding.told[1]?.mail;
  expect(mail).toMatchObject({
    to: 'rita@acme.example',
    subject: `Your request for the tenant ${order.slug} has been approved`,
  });
  expect(mail?.text).toContain('The OAuth team says: Welcome.');
});

it('tells the requester of a disapproval, and why', async () => {
  const onboarding = await start();
  const order = await onboarding.submit();
  await onboarding.takeUp(order.id);
  await onboarding.disapprove(order.id);
  const mail = onboarding.told[1]?.mail;
  expect(onboarding.told[1]?.topic).toBe('disapproved');
  expect(mail?.text).toContain('The reason that the OAuth team gave: Not now.');
  expect(mail?.html).toContain('The reason that the OAuth team gave: Not now.');
});

it('tells the requester where nobody has to approve', async () => {
  const onboarding = await start({ approval: 'automatic' });
  const order = await onboarding.submit();
  await onboarding.takeUp(order.id);
  await onboarding.takeUp(order.id);
  expect(onboarding.told.map(({ topic }) => topic)).toEqual(['submitted', 'approved']);
});

it('tells nobody of what did not commit', async () => {
  const onboarding = await start();
  const order = await onboarding.submit();
  await onboarding.takeUp(order.id);
  const own = { ...approver, email: 'RITA@acme.example' };
  await expect(onboarding.approve(order.id, own)).rejects.toMatchObject({ code: 'separation_of_duties' });
  expect(onboarding.told.map(({ topic }) => topic)).toEqual(['submitted']);
});

it('reminds of what waits, and says when it is overdue', () => {
  const now = new Date('2026-01-05T12:00:00Z');
  const waiting = {
    what: 'validation',
    slug: 'acme',
    name: 'Acme',
    since: new Date('2026-01-02T09:00:00Z'),
    address: 'https://id.example.com/api/tenants/acme/validation',
  } as const;
  const mail = reminderMail(waiting, { to: 'security@operators.example', now, escalated: false });
  expect(mail.subject).toBe('Tenant acme still waits for its validation');
  expect(mail.text).toContain('has been waiting for its validation for 3 days');
  expect(mail.text).toContain('POST https://id.example.com/api/tenants/acme/validation');
  const escalated = reminderMail(waiting, { to: 'security@operators.example', now, escalated: true });
  expect(escalated.subject).toBe('Overdue: Tenant acme still waits for its validation');
});
