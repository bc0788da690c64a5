import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import { claimMessage, settleMessage } from '../../src/outbox/messages.ts';
import { mailConformance } from '../conformance/mail.ts';
import { createOutboxFixture, type OutboxFixture } from './outbox-fixture.ts';

let fixture: OutboxFixture;
beforeEach(async () => {
  fixture = await createOutboxFixture();
});
afterEach(() => fixture.close());

mailConformance('through the outbox', async () => ({
  mailer: fixture.mailer,
  received: async () => fixture.mails,
}));

const mail = {
  to: 'ada@acme.example',
  subject: 'Hello',
  text: 'https://id.example.com/acme/invitation/T0ken',
};
const away = () => new AppError('temporarily_unavailable', 'The mail server cannot take the mail.');

describe('a mail written with a change', () => {
  it('leaves once the change has committed', async () => {
    const { postgres, messages, outbox, mails } = fixture;
    await postgres.transaction(async (transaction) => {
      await messages.post(transaction, 'submitted', mail);
      await outbox.deliverDue();
      expect(mails).toEqual([]);
    });
    await outbox.deliverDue();
    expect(mails).toEqual([mail]);
    await outbox.deliverDue();
    expect(mails).toHaveLength(1);
  });

  it('never leaves when the change does not commit', async () => {
    const { postgres, messages, outbox, mails } = fixture;
    const change = postgres.transaction(async (transaction) => {
      await messages.post(transaction, 'submitted', mail);
      throw new Error('changed my mind');
    });
    await expect(change).rejects.toThrow('changed my mind');
    await outbox.deliverDue();
    expect(mails).toEqual([]);
  });

  it('is not readable in the database, and its content is gone once it has left', async () => {
    const { postgres, messages, outbox } = fixture;
    await postgres.transaction((transaction) => messages.post(transaction, 'ready', mail));
    const dump = async () =>
      (await postgres.query<{ row: string }>('select outbox::text as row from outbox')).rows[0]?.row ?? '';
    expect(await dump()).not.toMatch(/T0ken|ada@acme/);
    await outbox.deliverDue();
    const { rows } = await postgres.query('select payload, state from outbox');
    expect(rows).toEqual([{ payload: null, state: 'delivered' }]);
  });

  it.each([
    ['recipient', { to: 'ada@acme.example\r\nBcc: eve@example.com' }],
    ['subject', { subject: 'Hi\nBcc: eve@example.com' }],
  ])('is refused at once with a forged %s', async (_what, change) => {
    const { postgres, messages } = fixture;
    await expect(
      postgres.transaction((transaction) => messages.post(transaction, 'x', { ...mail, ...change })),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('a mail server that is away', () => {
  it('holds nobody up, and gets the mail when it is back', async () => {
    const { mailer, failMails, outbox, mails, clock } = fixture;
    failMails(away);
    await mailer.send(mail);
    expect(await fixture.states()).toEqual([{ topic: 'mail', state: 'waiting', attempts: 1 }]);

    failMails(() => undefined);
    await outbox.deliverDue();
    expect(mails).toEqual([]);
    clock.advance(10_000);
    await outbox.deliverDue();
    expect(mails).toEqual([mail]);
    expect(await fixture.states()).toEqual([{ topic: 'mail', state: 'delivered', attempts: 2 }]);
  });

  it('is asked less and less often, and given up after days', async () => {
    const { mailer, failMails, outbox, clock } = fixture;
    failMails(away);
    await mailer.send(mail);
    const startedAt = clock.now();
    const attemptsAfterHours: [number, number][] = [];
    for (let hour = 1; hour <= 90; hour += 1) {
      for (let minute = 0; minute < 60; minute += 1) {
        clock.advance(60_000);
        if (minute % 10 === 9) {
          await outbox.deliverDue();
        }
      }
      const [state] = await fixture.states();
      if (hour === 1 || hour === 24 || hour === 90) {
        attemptsAfterHours.push([hour, state?.attempts ?? 0]);
      }
    }
    const [state] = await fixture.states();
    expect(state).toMatchObject({ state: 'dead', attempts: 11 });
    expect(attemptsAfterHours[0]?.[1]).toBeLessThan(6);
    const { rows } = await fixture.postgres.query<{ finished_at: Date }>('select finished_at from outbox');
    const days = ((rows[0]?.finished_at.getTime() ?? 0) - startedAt) / 86_400_000;
    expect(days).toBeGreaterThan(2.4);
    expect(days).toBeLessThan(3.2);
  });
});

it('gives a mail up at once that the mail server will never take', async () => {
  const { mailer, failMails, outbox, clock } = fixture;
  failMails(() => new AppError('server_error', 'The mail server refused the mail (550).'));
  await mailer.send(mail);
  clock.advance(86_400_000);
  await outbox.deliverDue();
  expect(await fixture.states()).toEqual([{ topic: 'mail', state: 'dead', attempts: 1 }]);
  const { rows } = await fixture.postgres.query('select error from outbox_attempts');
  expect(rows).toEqual([{ error: 'The mail server refused the mail (550).' }]);
});

it('delivers once though several processes look at the same time', async () => {
  const { postgres, messages, mails } = fixture;
  await postgres.transaction(async (transaction) => {
    for (let count = 0; count < 30; count += 1) {
      await messages.post(transaction, 'many', { ...mail, subject: `Mail ${count}` });
    }
  });
  const processes = [fixture.outbox, fixture.anotherOutbox(), fixture.anotherOutbox()];
  await Promise.all(processes.map((each) => each.deliverDue()));
  expect(mails.map(({ subject }) => subject).sort()).toEqual(
    Array.from({ length: 30 }, (_, count) => `Mail ${count}`).sort(),
  );
});

it('takes up what a killed process left, no sooner than that process can have ended', async () => {
  const { postgres, messages, outbox, clock, mails } = fixture;
  await postgres.transaction((transaction) => messages.post(transaction, 'x', mail));
  await claimMessage(postgres, {
    channel: 'mail',
    now: new Date(clock.now()),
    busyWebhooks: [],
    busyOwners: [],
  });
  await outbox.deliverDue();
  clock.advance(60_000);
  await outbox.deliverDue();
  expect(mails).toEqual([]);
  clock.advance(60_000);
  await outbox.deliverDue();
  expect(mails).toEqual([mail]);
});

it('lets a process that lost its claim change nothing', async () => {
  const { postgres, messages, outbox, clock } = fixture;
  await postgres.transaction((transaction) => messages.post(transaction, 'x', mail));
  const lost = await claimMessage(postgres, {
    channel: 'mail',
    now: new Date(clock.now()),
    busyWebhooks: [],
    busyOwners: [],
  });
  clock.advance(120_000);
  await outbox.deliverDue();
  if (lost === undefined) {
    throw new Error('nothing was claimed');
  }
  await settleMessage(
    postgres,
    lost,
    { startedAt: new Date(clock.now()), milliseconds: 1, error: 'late' },
    { state: 'waiting', at: new Date(clock.now()) },
  );
  expect(await fixture.states()).toEqual([{ topic: 'x', state: 'delivered', attempts: 2 }]);
  const { rows } = await postgres.query('select number, error from outbox_attempts');
  expect(rows).toEqual([{ number: 2, error: null }]);
});

it('runs by itself once started, and stops', async () => {
  const { outbox, postgres, messages } = fixture;
  const arrived = Promise.withResolvers<void>();
  fixture.failMails(() => {
    arrived.resolve();
    return undefined;
  });
  outbox.start();
  await postgres.transaction((transaction) => messages.post(transaction, 'x', mail));
  outbox.wake();
  await arrived.promise;
  await outbox.stop();
  expect(fixture.mails).toEqual([mail]);
});

it('forgets what was finished long ago', async () => {
  const { mailer, outbox, clock, failMails } = fixture;
  await mailer.send(mail);
  failMails(() => new AppError('server_error', 'no'));
  await mailer.send(mail);
  clock.advance(31 * 86_400_000);
  outbox.start();
  await outbox.stop();
  expect((await fixture.states()).map(({ state }) => state)).toEqual(['dead']);
});
