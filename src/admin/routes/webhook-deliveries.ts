import { AppError } from '../../kernel/errors.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { PathParameters } from '../access.ts';
import { json } from '../answer-schema.ts';
import { deliveryPageSchema, deliveryStartedSchema } from '../answers/webhooks.ts';
import type { Caller } from '../authenticate.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';
import { findWebhook, type WebhookPlace } from './webhook-place.ts';

/** What became of each message of a webhook, and trying it out. */
export function webhookDeliveryRoutes<Admitted extends Caller>(
  { read, write }: Pick<RouteKinds, 'read' | 'write'>,
  place: WebhookPlace<Admitted>,
  outbox: Pick<Outbox, 'wake'>,
): Route[] {
  const { prefix, whose, operation, mayRead, mayWrite } = place;
  const memberPath = `${prefix}/{webhookId}`;
  const find = (caller: Admitted, params: PathParameters) => findWebhook(place, caller, params);

  return [
    write({
      path: `${memberPath}/ping`,
      operation: operation('pingWebhook'),
      summary: `Send a message to try a webhook${whose} out`,
      answers: { 202: json(deliveryStartedSchema) },
      access: mayWrite,
      body: noQuery,
      async handle({ params, caller, transaction }) {
        const { webhooks, webhook } = await find(caller, params);
        const deliveryId = await webhooks.ping(transaction, webhook.id);
        if (deliveryId === undefined) {
          throw new AppError('not_ready', 'The webhook has a ping that waits for its next attempt.');
        }
        return { status: 202, body: { deliveryId }, afterCommit: () => outbox.wake() };
      },
    }),
    read({
      path: `${memberPath}/deliveries`,
      operation: operation('listDeliveries'),
      summary: `Read the messages of a webhook${whose} and their attempts`,
      answers: { 200: json(deliveryPageSchema) },
      access: mayRead,
      query: querySchema(pageFields),
      async handle({ caller, params, query: { limit = defaultPageSize, cursor } }) {
        const { webhooks, webhook } = await find(caller, params);
        const page = await webhooks.deliveries(webhook.id, {
          limit: limit + 1,
          ...(cursor === undefined ? {} : { before: cursor }),
        });
        const deliveries = page.slice(0, limit);
        const last = deliveries.at(-1);
        return {
          status: 200,
          body: { deliveries, ...(page.length > limit && last !== undefined ? { cursor: last.id } : {}) },
        };
      },
    }),
    write({
      path: `${memberPath}/deliveries/{deliveryId}/redeliver`,
      operation: operation('redeliver'),
      summary: `Deliver a message of a webhook${whose} once more`,
      answers: { 202: json(deliveryStartedSchema) },
      access: mayWrite,
      body: noQuery,
      async handle({ params, caller, transaction }) {
        const { webhooks, webhook } = await find(caller, params);
        const { deliveryId = '' } = params;
        if (!(await webhooks.redeliver(transaction, webhook.id, deliveryId))) {
          throw new AppError('not_ready', 'There is no such message, or it waits for its next attempt.');
        }
        return { status: 202, body: { deliveryId }, afterCommit: () => outbox.wake() };
      },
    }),
  ];
}
