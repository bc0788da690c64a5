import { type Actor, actorName } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { OrderId, Slug, TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { TenantRequest } from './tenant-request.ts';

/** Spelled exactly so (A4). */
export const orderStatuses = ['Submitted', 'In-Process', 'Approved', 'Disapproved'] as const;
export type OrderStatus = (typeof orderStatuses)[number];
export type OrderSource = 'registration' | 'operator' | 'bootstrap';

/** 192 random bits: the id is the capability to read the order (A4). */
export function newOrderId(random: Random): OrderId {
  return `ord_${randomId(random, 24)}` as OrderId;
}

/** The id when the text has the form of one; nothing else is worth a query, or fit for one. */
export function parseOrderId(text: string | undefined): OrderId | undefined {
  return text !== undefined && /^ord_[A-Za-z0-9_-]{32}$/.test(text) ? (text as OrderId) : undefined;
}

/** What an order asked for. The tenant's id is chosen with the order, so that the tenant's audit chain begins with it. */
export interface OrderRequest {
  tenantId: TenantId;
  tenant: TenantRequest;
  purpose?: string;
}

export interface Order {
  id: OrderId;
  position: string;
  source: OrderSource;
  slug: Slug;
  name: string;
  requester: { name: string; email: string };
  /** Who sent it with an access token, as `<kind>:<id>`, and their address; null when nobody proved who they are. */
  submittedBy: { actor: string; email: string | null } | null;
  request: OrderRequest;
  status: OrderStatus;
  /** Why an operator must look at it. */
  attention: string | null;
  /** Set once the order is approved. */
  tenantId: TenantId | null;
  createdAt: Date;
  updatedAt: Date;
}

export const orderColumns = `id, position, source, slug, name,
  json_build_object('name', requester_name, 'email', requester_email) as requester,
  case when submitted_by is not null then json_build_object('actor', submitted_by, 'email', submitted_by_email) end as "submittedBy",
  request, status, attention, tenant_id as "tenantId", created_at as "createdAt", updated_at as "updatedAt"`;

/** The order, locked until the transaction ends: whoever changes an order holds this lock. */
export async function lockOrder(transaction: Queryable, orderId: OrderId): Promise<Order | undefined> {
  const { rows } = await transaction.query<Order>(
    `select ${orderColumns} from orders where id = $1 for update`,
    [orderId],
  );
  return rows[0];
}

export type NewOrder = Pick<Order, 'id' | 'source' | 'slug' | 'requester' | 'request'>;

/** `submitter`: whoever proved to have sent it. */
export async function insertOrder(
  transaction: Queryable,
  clock: Clock,
  order: NewOrder,
  submitter?: Actor,
): Promise<void> {
  await transaction.query(
    `insert into orders (id, source, slug, name, requester_name, requester_email, request, status, created_at, updated_at,
                         submitted_by, submitted_by_email)
     values ($1, $2, $3, $4, $5, $6, $7, 'Submitted', $8, $8, $9, $10)`,
    [
      order.id,
      order.source,
      order.slug,
      order.request.tenant.name,
      order.requester.name,
      order.requester.email,
      JSON.stringify(order.request),
      new Date(clock.now()),
      submitter === undefined ? null : `${submitter.kind}:${submitter.id}`,
      submitter?.email ?? null,
    ],
  );
}

export interface OrderMove {
  orderId: OrderId;
  from: OrderStatus;
  to: OrderStatus;
  /** Who decided and why; the tenant that an approval brings about. */
  decision?: { actor: Actor; why?: string; tenantId?: TenantId };
}

/** Moves a locked order from one status to another; not finding it in the first is a fault of the caller. */
export async function moveOrder(
  transaction: Queryable,
  clock: Clock,
  { orderId, from, to, decision }: OrderMove,
): Promise<void> {
  const now = new Date(clock.now());
  const { rowCount } = await transaction.query(
    `update orders set status = $3, attention = null, updated_at = $4, decided_by = $5, decided_by_email = $6,
            decision_reason = $7, decided_at = $8, tenant_id = $9
      where id = $1 and status = $2`,
    [
      orderId,
      from,
      to,
      now,
      decision === undefined ? null : `${decision.actor.kind}:${decision.actor.id}`,
      decision?.actor.email ?? null,
      decision?.why ?? null,
      decision === undefined ? null : now,
      decision?.tenantId ?? null,
    ],
  );
  if (rowCount !== 1) {
    throw new AppError('server_error', 'Something went wrong.', { detail: `the order is not ${from}` });
  }
}

/** Adds to the order's history (A5); the order row must be locked or new, which makes the numbers follow one another. */
export async function appendOrderEvent(
  transaction: Queryable,
  clock: Clock,
  event: { orderId: OrderId; what: string; actor: Actor; why?: string },
): Promise<void> {
  await transaction.query(
    `insert into order_events (order_id, sequence, at, what, by, why)
     select $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5 from order_events where order_id = $1`,
    [event.orderId, new Date(clock.now()), event.what, actorName(event.actor), event.why ?? null],
  );
}
