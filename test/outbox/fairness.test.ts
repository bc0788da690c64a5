import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TenantId } from '../../src/kernel/ids.ts';
import { createOutboxFixture, type OutboxFixture, operator } from './outbox-fixture.ts';

const acme = 'ten_1' as TenantId;
const globex = 'ten_2' as TenantId;

let fixture: OutboxFixture;
/** Receivers whose path begins with `/hang` answer when this is called. */
let release: () => void;
beforeEach(async () => {
  fixture = await createOutboxFixture();
  const released = Promise.withResolvers<number>();
  release = () => released.resolve(204);
  fixture.tenantReceiver.answerWith(({ url }) => (url.startsWith('/hang') ? released.promise : 204));
});
afterEach(async () => {
  release();
  await fixture.close();
});

const eventually = (check: () => void | Promise<void>) =>
  vi.waitFor(check, { timeout: 60_000, interval: 20 });

async function add(owner: TenantId, path: string) {
  const { host } = fixture.tenantReceiver;
  const { webhook } = await fixture.postgres.transaction((transaction) =>
    fixture.webhooksOf(owner).create(transaction, { url: `http://${host}${path}`, events: ['*'] }, operator),
  );
  return webhook;
}

const received = (prefix: string) =>
  fixture.tenantReceiver.received.filter(({ url }) => url.startsWith(prefix));

it('one tenant whose receivers all hang holds up no other tenant’s messages, nor any mail', async () => {
  const { append, outbox, messages, postgres, mails } = fixture;
  await Promise.all(Array.from({ length: 20 }, (_, number) => add(acme, `/hang/${number}`)));
  await add(globex, '/globex');
  for (let count = 0; count < 5; count += 1) await append('client.created', {}, acme);
  outbox.start();
  await eventually(() => expect(received('/hang').length).toBeGreaterThan(0));
  await append('client.created', {}, globex);
  await postgres.transaction((transaction) =>
    messages.post(transaction, 'x', { to: 'a@b.example', subject: 'Hello', text: 'Hello' }),
  );
  outbox.wake();
  await eventually(() => {
    expect(received('/globex')).toHaveLength(1);
    expect(mails).toHaveLength(1);
  });
  // All of this while nothing has come back, and no more than a few were sent.
  expect(received('/hang').length).toBeLessThanOrEqual(4);
  release();
  await eventually(() => expect(received('/hang')).toHaveLength(100));
});

it('many tenants with hanging receivers leave room as soon as one answers, to whoever has nothing under way', async () => {
  const { append, outbox } = fixture;
  const others = Array.from({ length: 8 }, (_, number) => `ten_hang${number}` as TenantId);
  for (const owner of others) {
    for (let number = 0; number < 5; number += 1) await add(owner, `/hang/${owner}/${number}`);
    await append('client.created', {}, owner);
  }
  await add(globex, '/globex');
  outbox.start();
  await eventually(() => expect(received('/hang')).toHaveLength(32));
  await append('client.created', {}, globex);
  release();
  await eventually(() => expect(received('/globex')).toHaveLength(1));
  expect(received('/hang').length).toBeLessThanOrEqual(40);
});

it('a tenant that writes many mails does not keep others waiting for theirs', async () => {
  const { outbox, messages, postgres, mails } = fixture;
  const mail = (subject: string) => ({ to: 'a@b.example', subject, text: 'Hello' });
  await postgres.transaction(async (transaction) => {
    for (let count = 0; count < 40; count += 1) {
      await messages.post(transaction, 'x', mail('acme'), acme);
    }
    await messages.post(transaction, 'x', mail('globex'), globex);
    await messages.post(transaction, 'x', mail('operators'));
  });
  await outbox.deliverDue();
  const order = mails.map(({ subject }) => subject);
  expect(order).toHaveLength(42);
  expect(order.indexOf('globex')).toBeLessThan(8);
  expect(order.indexOf('operators')).toBeLessThan(8);
});

it('a webhook has one ping that waits', async () => {
  const { postgres, webhooksOf } = fixture;
  const { id } = await add(acme, '/acme');
  const pings = await Promise.all(
    [1, 2, 3, 4].map(() => postgres.transaction((transaction) => webhooksOf(acme).ping(transaction, id))),
  );
  expect(pings.filter((ping) => ping !== undefined)).toHaveLength(1);
  await fixture.outbox.deliverDue();
  expect(await webhooksOf(acme).ping(postgres, id)).toBeDefined();
  expect(await webhooksOf(globex).deliveries(id, { limit: 5 })).toEqual([]);
});
