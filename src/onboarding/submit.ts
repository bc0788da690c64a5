import { auditRegistrationSubmitted } from '../audit/events.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OrderId, Slug, TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Queryable } from '../platform/postgres.ts';
import { appendOrderEvent, insertOrder, type NewOrder, type OrderSource } from './order.ts';
import type { TenantRequest } from './tenant-request.ts';

export interface Submission {
  id: OrderId;
  source: OrderSource;
  /** Held for this order already. */
  slug: Slug;
  requester: { name: string; email: string };
  tenant: TenantRequest;
  purpose?: string;
  actor: Actor;
  /** The actor has proved who they are by an access token: a duty of theirs. */
  isProved?: boolean;
}

/** Writes a new order with its first history entry and audit event (A1, A5). */
export async function submitOrder(
  transaction: Queryable,
  { clock, random }: { clock: Clock; random: Random },
  { id, source, slug, requester, tenant, purpose, actor, isProved = false }: Submission,
): Promise<NewOrder> {
  const tenantId = `ten_${randomId(random)}` as TenantId;
  const order: NewOrder = {
    id,
    source,
    slug,
    requester,
    request: { tenantId, tenant, ...(purpose === undefined ? {} : { purpose }) },
  };
  await insertOrder(transaction, clock, order, isProved ? actor : undefined);
  await appendOrderEvent(transaction, clock, { orderId: id, what: 'Submitted', actor });
  await auditRegistrationSubmitted(transaction, clock, {
    tenantId,
    orderId: id,
    slug,
    name: tenant.name,
    source,
    requester,
    actor,
  });
  return order;
}
