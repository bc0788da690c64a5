import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OrderId } from '../kernel/ids.ts';
import type { PostMail } from '../outbox/mail-channel.ts';
import type { Postgres } from '../platform/postgres.ts';
import { disapproveOrder } from './decide.ts';
import { disapprovedMail } from './mails/requester-mails.ts';
import { lockOrder } from './order.ts';

const actor: Actor = { kind: 'system', id: 'expiry' };

/** Disapproves a registration that nobody decided in time; its slug is free again. One that was decided meanwhile stays as it is. */
export async function expireOrder(
  {
    postgres,
    postMail,
    clock,
    publicUrl,
    orderExpiryDays,
  }: { postgres: Postgres; postMail: PostMail; clock: Clock; publicUrl: URL; orderExpiryDays: number },
  orderId: OrderId,
): Promise<void> {
  await postgres.transaction(async (transaction) => {
    const order = await lockOrder(transaction, orderId);
    if (order === undefined || order.status === 'Approved' || order.status === 'Disapproved') {
      return;
    }
    const reason = `Nobody decided about it within ${orderExpiryDays} days.`;
    await disapproveOrder(transaction, { clock }, order, { actor, reason });
    await transaction.query(
      `insert into reminders (subject, stage, at) values ($1, 'expired', $2) on conflict do nothing`,
      [orderId, new Date(clock.now())],
    );
    await postMail(transaction, 'disapproved', disapprovedMail(order, { publicUrl, reason }));
  });
}
