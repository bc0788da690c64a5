import { auditRegistrationAttention, auditRegistrationTaken } from '../audit/events.ts';
import type { Mailer } from '../cloud/mail/port.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { OrderId } from '../kernel/ids.ts';
import type { PostMail } from '../outbox/mail-channel.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import { type JobHandler, PermanentJobError, type Queue } from '../platform/queue.ts';
import { approveOrder } from './decide.ts';
import { approvedMail } from './mails/requester-mails.ts';
import { appendOrderEvent, lockOrder, moveOrder, type Order } from './order.ts';
import { checkPreconditions, type PreconditionDependencies } from './preconditions.ts';
import { readOrder } from './read-orders.ts';
import { composeAttentionMail, composeTeamMail } from './team-mail.ts';

export interface IntakeDependencies extends PreconditionDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  mailer: Mailer;
  /** Mail in the transaction of what it tells of. */
  postMail: PostMail;
  clock: Clock;
  publicUrl: URL;
  oauthTeamEmail: string;
  /** `automatic`: an order is approved as soon as it is taken up (E5). */
  approval: 'manual' | 'automatic';
}

/** The history shows this to the requester; the reason itself is for operators. */
const attentionNote = 'Could not be processed yet; the OAuth team has been alerted.';

/**
 * Takes orders up one by one (A3): checks the preconditions, moves the order to `In-Process` and tells the OAuth team, or approves at once.
 * May be delivered again at any point: what is done already is not done twice, except that the mail may be sent again.
 */
export function createIntake(dependencies: IntakeDependencies): JobHandler<'registration-intake'> {
  const { postgres, queue, mailer, postMail, clock, publicUrl, oauthTeamEmail, approval } = dependencies;
  const actor: Actor = { kind: 'system', id: 'onboarding' };

  async function takeUp(orderId: OrderId): Promise<Order | undefined> {
    return postgres.transaction(async (transaction) => {
      const order = await lockOrder(transaction, orderId);
      if (order?.status !== 'Submitted') {
        return order;
      }
      const from = order.status;
      await moveOrder(transaction, clock, { orderId, from, to: 'In-Process' });
      await appendOrderEvent(transaction, clock, { orderId, what: 'In-Process', actor });
      await auditRegistrationTaken(transaction, clock, aboutOrder(order, actor));
      const taken: Order = { ...order, status: 'In-Process', attention: null };
      if (approval === 'automatic') {
        await approveOrder(transaction, dependencies, taken, { actor, comment: 'Approved automatically.' });
        await postMail(transaction, 'approved', approvedMail(taken, { publicUrl }));
      }
      return taken;
    });
  }

  return {
    async run({ orderId }, signal) {
      const order = await readOrder(postgres, orderId);
      if (order === undefined || order.status === 'Approved' || order.status === 'Disapproved') {
        return;
      }
      if (order.status === 'Submitted') {
        await checkPreconditions(dependencies, order).catch(asJobError);
      }
      signal.throwIfAborted();
      const taken = await takeUp(orderId);
      if (approval === 'automatic') {
        queue.wake('tenant-provisioning');
      } else if (taken?.status === 'In-Process') {
        await mailer.send(composeTeamMail(taken, { to: oauthTeamEmail, publicUrl }));
      }
    },

    async dead({ orderId }, reason) {
      await postgres.transaction(async (transaction) => {
        const order = await markForAttention(transaction, clock, { orderId, reason, actor });
        if (order !== undefined) {
          const mail = composeAttentionMail(order, { to: oauthTeamEmail, publicUrl, reason });
          await postMail(transaction, 'attention', mail);
        }
      });
    },
  };
}

/**
 * Marks an undecided order once and returns it; after a second delivery, and of an order that was decided meanwhile, nothing is changed and
 * `undefined` returned.
 */
async function markForAttention(
  transaction: Queryable,
  clock: Clock,
  { orderId, reason, actor }: { orderId: OrderId; reason: string; actor: Actor },
): Promise<Order | undefined> {
  const order = await lockOrder(transaction, orderId);
  const open = order?.status === 'Submitted' || order?.status === 'In-Process';
  if (order === undefined || !open || order.attention !== null) {
    return undefined;
  }
  await transaction.query('update orders set attention = $2, updated_at = $3 where id = $1', [
    orderId,
    reason,
    new Date(clock.now()),
  ]);
  await appendOrderEvent(transaction, clock, { orderId, what: 'Attention', actor, why: attentionNote });
  await auditRegistrationAttention(transaction, clock, { ...aboutOrder(order, actor), reason });
  return order;
}

function aboutOrder(order: Order, actor: Actor) {
  return { tenantId: order.request.tenantId, orderId: order.id, slug: order.slug, actor };
}

function asJobError(error: unknown): never {
  throw error instanceof AppError && error.code === 'conflict' ? new PermanentJobError(error.message) : error;
}
