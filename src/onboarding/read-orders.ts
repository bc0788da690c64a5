import { AppError } from '../kernel/errors.ts';
import type { OrderId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import { type Order, type OrderStatus, orderColumns } from './order.ts';

/** One entry of an order's history: what, when, by whom, why (A5). */
export interface OrderEvent {
  /** ISO 8601. */
  at: string;
  what: string;
  by: string;
  why?: string;
}

/** The order, or `undefined` for an id that names none. Whoever knows the id may read the order (A4). */
export async function readOrder(db: Queryable, orderId: OrderId): Promise<Order | undefined> {
  const { rows } = await db.query<Order>(`select ${orderColumns} from orders where id = $1`, [orderId]);
  return rows[0];
}

/** The order that a tenant came from. */
export async function readOrderOfTenant(db: Queryable, tenantId: string): Promise<Order | undefined> {
  const { rows } = await db.query<Order>(`select ${orderColumns} from orders where tenant_id = $1`, [
    tenantId,
  ]);
  return rows[0];
}

/** Oldest entry first. */
export async function readOrderHistory(db: Queryable, orderId: OrderId): Promise<OrderEvent[]> {
  const { rows } = await db.query<{ at: Date; what: string; by: string; why: string | null }>(
    'select at, what, by, why from order_events where order_id = $1 order by sequence',
    [orderId],
  );
  return rows.map(({ at, what, by, why }) => ({
    at: at.toISOString(),
    what,
    by,
    ...(why === null ? {} : { why }),
  }));
}

export interface OrderPage {
  orders: Order[];
  /** Present when there are more. */
  cursor?: string;
}

/** Orders in the order in which they came. A cursor that is none of ours: `AppError('invalid_request')`. */
export async function listOrders(
  db: Queryable,
  { status, limit, cursor }: { status?: OrderStatus; limit: number; cursor?: string },
): Promise<OrderPage> {
  if (cursor !== undefined && !/^[0-9]{1,18}$/.test(cursor)) {
    throw new AppError('invalid_request', 'The cursor is not valid.');
  }
  const { rows } = await db.query<Order>(
    `select ${orderColumns} from orders
      where ($1::text is null or status = $1) and position > $2 order by position limit $3`,
    [status ?? null, cursor ?? '0', limit + 1],
  );
  const orders = rows.slice(0, limit);
  const last = orders.at(-1);
  return {
    orders,
    ...(rows.length > limit && last !== undefined ? { cursor: last.position } : {}),
  };
}
