import { auditRegistrationApproved, auditRegistrationDisapproved } from '../audit/events.ts';
import { type Actor, actorName, samePerson } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { OrderId, TenantId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import {
  appendOrderEvent,
  lockOrder,
  moveOrder,
  type NewOrder,
  type Order,
  type OrderStatus,
} from './order.ts';
import { releaseSlug } from './slug-hold.ts';

export interface DecideDependencies {
  queue: Pick<Queue, 'send'>;
  clock: Clock;
}

/**
 * A person's decision (A2). Locks the order and refuses with the state unchanged: `not_found`, `already_decided`, `not_ready` while the
 * order waits for its turn, `separation_of_duties` for the requester's own order. An order that was marked for attention because it could
 * not be taken up (A3) can be decided: the person who decides has looked at it.
 */
export async function lockOrderToDecide(
  transaction: Queryable,
  { orderId, actor }: { orderId: OrderId; actor: Actor },
): Promise<Order> {
  const order = await lockOrder(transaction, orderId);
  if (order === undefined) {
    throw new AppError('not_found', 'There is no such registration.');
  }
  if (order.status === 'Approved' || order.status === 'Disapproved') {
    throw new AppError('already_decided', `This registration is ${order.status} already.`);
  }
  const { requester, submittedBy } = order;
  const isSubmitter =
    submittedBy?.actor === `${actor.kind}:${actor.id}` ||
    samePerson(actor.email, submittedBy?.email ?? undefined);
  if (isSubmitter || samePerson(actor.email, requester.email)) {
    throw new AppError(
      'separation_of_duties',
      'A registration is decided by somebody else than its requester.',
    );
  }
  if (order.status === 'Submitted' && order.attention === null) {
    throw new AppError('not_ready', 'This registration has not been taken up yet. Try again shortly.');
  }
  return order;
}

export type Undecided = NewOrder & { status: OrderStatus };

/**
 * Approves an order that the transaction has locked: order, history, tenant, provisioning job and audit event come to be together or not at
 * all (A2, A6).
 */
export async function approveOrder(
  transaction: Queryable,
  { queue, clock }: DecideDependencies,
  order: Undecided,
  { actor, comment, kind = 'tenant' }: { actor: Actor; comment?: string; kind?: 'platform' | 'tenant' },
): Promise<TenantId> {
  const { tenantId, tenant } = order.request;
  await transaction.query(
    `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by, created_at, updated_at)
     values ($1, $2, $3, $4, 'provisioning', 'queued', $5, $6, $7, $7)`,
    [
      tenantId,
      order.slug,
      tenant.name,
      kind,
      JSON.stringify(tenant),
      actorName(actor),
      new Date(clock.now()),
    ],
  );
  const why = comment === undefined ? {} : { why: comment };
  await recordDecision(transaction, clock, order, { verdict: 'Approved', actor, tenantId, ...why });
  await queue.send(transaction, 'tenant-provisioning', { tenantId });
  await auditRegistrationApproved(transaction, clock, {
    tenantId,
    orderId: order.id,
    slug: order.slug,
    actor,
    ...(comment === undefined ? {} : { comment }),
  });
  return tenantId;
}

/** Disapproves an order that the transaction has locked, and frees its slug. */
export async function disapproveOrder(
  transaction: Queryable,
  { clock }: Pick<DecideDependencies, 'clock'>,
  order: Undecided,
  { actor, reason }: { actor: Actor; reason: string },
): Promise<void> {
  await recordDecision(transaction, clock, order, { verdict: 'Disapproved', actor, why: reason });
  await releaseSlug(transaction, order.slug);
  await auditRegistrationDisapproved(transaction, clock, {
    tenantId: order.request.tenantId,
    orderId: order.id,
    slug: order.slug,
    actor,
    reason,
  });
}

interface Decision {
  verdict: 'Approved' | 'Disapproved';
  actor: Actor;
  why?: string;
  tenantId?: TenantId;
}

async function recordDecision(
  transaction: Queryable,
  clock: Clock,
  order: Undecided,
  { verdict, actor, why, tenantId }: Decision,
): Promise<void> {
  await moveOrder(transaction, clock, {
    orderId: order.id,
    from: order.status,
    to: verdict,
    decision: {
      actor,
      ...(why === undefined ? {} : { why }),
      ...(tenantId === undefined ? {} : { tenantId }),
    },
  });
  await appendOrderEvent(transaction, clock, {
    orderId: order.id,
    what: verdict,
    actor,
    ...(why === undefined ? {} : { why }),
  });
}
