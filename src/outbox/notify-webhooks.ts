import type { Actor } from '../kernel/actor.ts';
import type { Queryable } from '../platform/postgres.ts';

/** An event as webhooks tell of it. */
export interface NotifiedEvent {
  id: string;
  /** ISO 8601. */
  at: string;
  event: string;
  severity: string;
  tenantId?: string;
  actor: Actor;
  details: Readonly<Record<string, unknown>>;
}

/**
 * Puts one message per subscribed webhook into the outbox, in the transaction of the event: for those of the operators, and of the event's
 * tenant. A message's id is made from event and webhook, so receivers can tell a repeated delivery.
 */
export async function notifyWebhooks(transaction: Queryable, event: NotifiedEvent): Promise<void> {
  await transaction.query(
    `insert into outbox (id, channel, webhook_id, tenant_id, topic, payload, state, next_attempt_at, created_at)
     select 'msg_' || substr($1, 5) || '_' || substr(id, 5), 'webhook', id, tenant_id, $2, $3, 'waiting', $4, $4
       from webhooks
      where enabled and (tenant_id is null or tenant_id = $5) and exists (
        select 1 from unnest(events) as wanted
         where wanted in ('*', $2) or (right(wanted, 2) = '.*' and starts_with($2, left(wanted, -1))))`,
    [event.id, event.event, JSON.stringify(bodyOf(event)), event.at, event.tenantId ?? null],
  );
}

/** Order ids are capabilities (A4): they stay here, whoever may know them asks the API. */
function bodyOf({ id, at, event, severity, tenantId, actor, details }: NotifiedEvent) {
  const { orderId: _, ...rest } = details;
  return {
    id,
    type: event,
    timestamp: at,
    data: { severity, ...(tenantId === undefined ? {} : { tenantId }), actor, details: rest },
  };
}
