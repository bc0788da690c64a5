import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendAudit } from '../../src/audit/audit-log.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import {
  createOutboxFixture,
  isSigned,
  type OutboxFixture,
  operator,
  type ReceivedMessage,
  startReceiver,
} from './outbox-fixture.ts';

let fixture: OutboxFixture;
beforeEach(async () => {
  fixture = await createOutboxFixture();
});
afterEach(() => fixture.close());

describe('a webhook of a tenant', () => {
  const acme = 'ten_1' as TenantId;
  const globex = 'ten_2' as TenantId;
  const add = (owner: TenantId, url: string) =>
    fixture.postgres.transaction((transaction) =>
      fixture.webhooksOf(owner).create(transaction, { url, events: ['*'] }, operator),
    );

  it('is told of the events of that tenant alone, and the operators’ of all', async () => {
    const { append, addWebhook, outbox, receiver, tenantReceiver } = fixture;
    const { secret } = await add(acme, tenantReceiver.url);
    await addWebhook(['*']);
    await append('client.created');
    await append('client.removed', {}, globex);
    await outbox.deliverDue();
    await outbox.deliverDue();
    const typesOf = (messages: readonly ReceivedMessage[]) =>
      messages.map(({ body }) => JSON.parse(body).type);
    expect(typesOf(tenantReceiver.received)).toEqual(['client.created']);
    expect(typesOf(receiver.received).toSorted()).toEqual(['client.created', 'client.removed']);
    expect(tenantReceiver.received.every((message) => isSigned(secret, message))).toBe(true);
  });

  it('reaches no host that is allowed to operators only', async () => {
    const { append, outbox, receiver, webhooksOf } = fixture;
    const { webhook } = await add(acme, receiver.url);
    await append('client.created');
    await outbox.deliverDue();
    expect(receiver.received).toEqual([]);
    const [delivery] = await webhooksOf(acme).deliveries(webhook.id, { limit: 1 });
    expect(delivery?.attempts[0]?.error).toContain('must be an https URL');
  });

  it('is nothing to another tenant, nor to operators', async () => {
    const { postgres, webhooksOf, tenantReceiver, webhooks } = fixture;
    const { webhook } = await add(acme, tenantReceiver.url);
    const messageId = await webhooksOf(acme).ping(postgres, webhook.id);
    await postgres.query(`update outbox set state = 'dead' where id = $1`, [messageId]);
    for (const other of [webhooksOf(globex), webhooks]) {
      expect(await other.list()).toEqual([]);
      expect(await other.page({ limit: 5 })).toEqual([]);
      expect(await other.get(webhook.id)).toBeUndefined();
      expect(await other.deliveries(webhook.id, { limit: 5 })).toEqual([]);
      expect(await other.redeliver(postgres, webhook.id, messageId ?? '')).toBe(false);
      expect(await other.setEnabled(postgres, webhook.id, false)).toBe(false);
      expect(await other.rotateSecret(postgres, webhook.id, { graceSeconds: 0 })).toBeUndefined();
      expect(await other.remove(postgres, webhook.id)).toBe(false);
      expect(
        await other.change(postgres, webhook.id, () => ({ ...webhook, url: 'https://evil.example' })),
      ).toBeUndefined();
    }
    expect(await webhooksOf(acme).list()).toEqual([webhook]);
  });
});

describe('a webhook', () => {
  it('is told of the events that it asked for, each signed', async () => {
    const { append, addWebhook, outbox, receiver, clock } = fixture;
    const { secret } = await addWebhook(['tenant.activated']);
    await append('tenant.activated', { slug: 'acme', orderId: 'ord_capability' });
    await append('tenant.created');
    await outbox.deliverDue();

    expect(receiver.received).toHaveLength(1);
    const [message] = receiver.received;
    if (message === undefined) {
      throw new Error('nothing was received');
    }
    expect(isSigned(secret, message)).toBe(true);
    expect(isSigned(secret, { ...message, body: message.body.replace('acme', 'evil') })).toBe(false);
    expect(message.headers['webhook-timestamp']).toBe(String(Math.floor(clock.now() / 1_000)));
    expect(message.headers['content-type']).toBe('application/json');
    expect(JSON.parse(message.body)).toEqual({
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      type: 'tenant.activated',
      timestamp: '2026-01-01T00:00:00.000Z',
      data: {
        severity: 'notice',
        tenantId: 'ten_1',
        actor: { kind: 'operator', id: 'acc_1', email: 'olga@operators.example' },
        // Whoever has an order's id can read the order: it goes nowhere.
        details: { slug: 'acme' },
      },
    });
  });

  it.each([
    [['*'], ['client.created', 'tenant.activated', 'tenant.registration.approved']],
    [['tenant.*'], ['tenant.activated', 'tenant.registration.approved']],
    [['tenant.registration.*'], ['tenant.registration.approved']],
    [
      ['client.created', 'tenant.activated'],
      ['client.created', 'tenant.activated'],
    ],
    [['tenant'], []],
  ])('asks for %j', async (events, expected) => {
    await fixture.addWebhook(events);
    for (const event of ['tenant.activated', 'tenant.registration.approved', 'client.created']) {
      await fixture.append(event);
    }
    await fixture.outbox.deliverDue();
    expect(fixture.receiver.received.map(({ body }) => JSON.parse(body).type).sort()).toEqual(expected);
  });

  it('is told nothing of a change that did not commit', async () => {
    await fixture.addWebhook(['*']);
    const change = fixture.postgres.transaction(async (transaction) => {
      await appendAudit(transaction, fixture.clock, {
        event: 'tenant.activated',
        severity: 'info',
        actor: { kind: 'system', id: 'test' },
        details: {},
      });
      throw new Error('changed my mind');
    });
    await expect(change).rejects.toThrow();
    await fixture.outbox.deliverDue();
    expect(fixture.receiver.received).toEqual([]);
  });

  it('keeps its secret sealed', async () => {
    const { webhook, secret } = await fixture.addWebhook(['*']);
    const { rows } = await fixture.postgres.query<{ row: string }>(
      'select webhooks::text as row from webhooks',
    );
    expect(rows[0]?.row).not.toContain(secret.slice('whsec_'.length));
    expect(JSON.stringify(await fixture.webhooks.list())).not.toContain(secret);
    // Moved to another webhook it cannot be opened: its seal names the webhook.
    const other = await fixture.addWebhook(['*']);
    await fixture.postgres.query(
      'update webhooks set sealed_secret = (select sealed_secret from webhooks where id = $1) where id = $2',
      [webhook.id, other.webhook.id],
    );
    await expect(fixture.webhooks.open(other.webhook.id)).rejects.toThrow();
  });
});

describe('the secret of a webhook', () => {
  async function delivered(): Promise<ReceivedMessage> {
    const { append, outbox, receiver } = fixture;
    await append('tenant.activated');
    await outbox.deliverDue();
    const message = receiver.received.at(-1);
    if (message === undefined) {
      throw new Error('nothing was received');
    }
    return message;
  }
  const rotate = (id: string, graceSeconds: number) =>
    fixture.postgres.transaction((transaction) =>
      fixture.webhooks.rotateSecret(transaction, id, { graceSeconds }),
    );

  it('signs beside its successor until the grace period is over', async () => {
    const { webhook, secret: first } = await fixture.addWebhook(['*']);
    const rotated = await rotate(webhook.id, 3_600);
    const second = rotated?.secret ?? '';
    expect(second).not.toBe(first);
    expect(rotated?.webhook.formerSecretUntil).toEqual(new Date(fixture.clock.now() + 3_600_000));

    fixture.clock.advance(3_599_000);
    const during = await delivered();
    expect([first, second].map((secret) => isSigned(secret, during))).toEqual([true, true]);
    fixture.clock.advance(1_000);
    const after = await delivered();
    expect([first, second].map((secret) => isSigned(secret, after))).toEqual([false, true]);
    expect((await fixture.webhooks.get(webhook.id))?.formerSecretUntil).toBeNull();
  });

  it('ends at once when no grace is given', async () => {
    const { webhook, secret: first } = await fixture.addWebhook(['*']);
    const second = (await rotate(webhook.id, 0))?.secret ?? '';
    const message = await delivered();
    expect([first, second].map((secret) => isSigned(secret, message))).toEqual([false, true]);
  });

  it('ends when a second successor comes: never more than two sign', async () => {
    const { webhook, secret: first } = await fixture.addWebhook(['*']);
    const second = (await rotate(webhook.id, 3_600))?.secret ?? '';
    const third = (await rotate(webhook.id, 3_600))?.secret ?? '';
    const message = await delivered();
    expect([first, second, third].map((secret) => isSigned(secret, message))).toEqual([false, true, true]);
  });

  it('of a webhook that does not exist is not rotated', async () => {
    expect(await rotate('whk_none', 3_600)).toBeUndefined();
  });
});

describe('a receiver that fails', () => {
  it('gets the message again, with the same id and a new time, until it takes it', async () => {
    const { webhooks, append, addWebhook, outbox, receiver, clock } = fixture;
    const { webhook, secret } = await addWebhook(['*']);
    receiver.answerWith(() => (receiver.received.length < 3 ? 500 : 200));
    await append('tenant.activated');
    for (const seconds of [0, 10, 60]) {
      clock.advance(seconds * 1_000);
      await outbox.deliverDue();
    }
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
    expect(receiver.received.every((message) => isSigned(secret, message))).toBe(true);

    const [delivery] = await webhooks.deliveries(webhook.id, { limit: 10 });
    expect(delivery).toMatchObject({ event: 'tenant.activated', state: 'delivered', nextAttemptAt: null });
    expect(delivery?.attempts).toMatchObject([
      { at: '2026-01-01T00:00:00.000Z', status: 500, error: 'The receiver answered 500.' },
      { status: 500 },
      { status: 200, error: null },
    ]);
  });

  it('that wants no more gets no more', async () => {
    const { webhooks, append, addWebhook, outbox, receiver, gone } = fixture;
    const { webhook } = await addWebhook(['*']);
    receiver.answerWith(() => 410);
    await append('tenant.created');
    await outbox.deliverDue();
    expect(gone).toEqual([webhook.id]);
    await append('tenant.activated');
    await outbox.deliverDue();
    expect(receiver.received).toHaveLength(1);
    expect((await webhooks.get(webhook.id))?.enabled).toBe(false);
    expect((await fixture.states()).map(({ state }) => state)).toEqual(['dead']);
  });

  it('gets one message at a time, and does not hold up another one', async () => {
    const { append, addWebhook, outbox, receiver } = fixture;
    const stuck = Promise.withResolvers<number>();
    const threeDone = Promise.withResolvers<void>();
    const fourDone = Promise.withResolvers<void>();
    const milestones = new Map([
      [3, threeDone],
      [4, fourDone],
    ]);
    let atOnce = 0;
    await addWebhook(['*'], `${receiver.url}/stuck`);
    await addWebhook(['*']);
    receiver.answerWith(async ({ url }) => {
      if (!url.endsWith('/stuck')) {
        const count = receiver.received.filter((each) => each.url === url).length;
        milestones.get(count)?.resolve();
        return 200;
      }
      atOnce += 1;
      expect(atOnce).toBe(1);
      const status = await stuck.promise;
      atOnce -= 1;
      return status;
    });
    for (let count = 0; count < 3; count += 1) {
      await append('tenant.activated');
    }
    const round = outbox.deliverDue();
    await threeDone.promise;
    // What comes now does not wait for the stuck one either.
    await append('tenant.activated');
    await fourDone.promise;
    stuck.resolve(200);
    await round;
    expect((await fixture.states()).map(({ state }) => state)).toEqual(Array(8).fill('delivered'));
  });

  it('that redirects has failed', async () => {
    const { append, addWebhook, outbox, receiver, webhooks } = fixture;
    const { webhook } = await addWebhook(['*']);
    receiver.answerWith(() => 302);
    await append('tenant.activated');
    await outbox.deliverDue();
    const [delivery] = await webhooks.deliveries(webhook.id, { limit: 1 });
    expect(delivery).toMatchObject({ state: 'waiting', attempts: [{ status: 302 }] });
  });

  it('at an inner address is never reached', async () => {
    const { append, addWebhook, outbox, receiver, webhooks } = fixture;
    const inner = await startReceiver();
    const { webhook } = await addWebhook(['*'], inner.url);
    await append('tenant.activated');
    await outbox.deliverDue();
    expect(inner.received).toEqual([]);
    expect(receiver.received).toEqual([]);
    const [delivery] = await webhooks.deliveries(webhook.id, { limit: 1 });
    expect(delivery).toMatchObject({
      state: 'dead',
      attempts: [{ error: 'The address must be an https URL.' }],
    });
    await inner.close();
  });
});

describe('the log of messages', () => {
  it('is read page by page, newest first', async () => {
    const { webhooks, append, addWebhook, clock } = fixture;
    const { webhook } = await addWebhook(['*']);
    for (const event of ['a.first', 'a.second', 'a.third']) {
      await append(event);
      clock.advance(1_000);
    }
    const first = await webhooks.deliveries(webhook.id, { limit: 2 });
    expect(first.map(({ event }) => event)).toEqual(['a.third', 'a.second']);
    const rest = await webhooks.deliveries(webhook.id, { limit: 2, before: first[1]?.id ?? '' });
    expect(rest.map(({ event }) => event)).toEqual(['a.first']);
  });

  it('lets a message be delivered once more, with the same id', async () => {
    const { webhooks, append, addWebhook, outbox, receiver, postgres } = fixture;
    const { webhook } = await addWebhook(['*']);
    await append('tenant.activated');
    await outbox.deliverDue();
    const [delivery] = await webhooks.deliveries(webhook.id, { limit: 1 });
    expect(await webhooks.redeliver(postgres, webhook.id, delivery?.id ?? '')).toBe(true);
    expect(await webhooks.redeliver(postgres, webhook.id, delivery?.id ?? '')).toBe(false);
    expect(await webhooks.redeliver(postgres, 'whk_other', delivery?.id ?? '')).toBe(false);
    await outbox.deliverDue();
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
      delivery?.id,
      delivery?.id,
    ]);
    const [again] = await webhooks.deliveries(webhook.id, { limit: 1 });
    expect(again?.attempts).toHaveLength(2);
  });

  it('goes with its webhook', async () => {
    const { webhooks, append, addWebhook, outbox, postgres } = fixture;
    const { webhook } = await addWebhook(['*']);
    await append('tenant.activated');
    await outbox.deliverDue();
    expect(await webhooks.remove(postgres, webhook.id)).toBe(true);
    expect(await fixture.states()).toEqual([]);
  });
});
