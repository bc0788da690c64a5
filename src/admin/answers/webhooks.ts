import { Type } from 'typebox';
import { inline, instant, page, shape } from '../answer-schema.ts';

const webhookFields = {
  id: Type.String(),
  url: Type.String(),
  events: Type.Array(Type.String()),
  description: Type.String(),
  enabled: Type.Boolean(),
  createdBy: Type.String(),
  createdAt: instant,
  formerSecretUntil: Type.Optional(instant),
};

export const webhookSchema = shape('Webhook', webhookFields);

export const webhookWithSecretSchema = shape('WebhookWithSecret', {
  ...webhookFields,
  secret: Type.Optional(Type.String({ description: 'Shown this once' })),
});

export const webhookPageSchema = page('WebhookPage', 'webhooks', webhookSchema);

export const deliveryStartedSchema = shape('DeliveryStarted', { deliveryId: Type.String() });

const deliverySchema = shape('Delivery', {
  id: Type.String(),
  event: Type.String(),
  state: Type.Enum(['waiting', 'delivered', 'dead']),
  createdAt: instant,
  nextAttemptAt: Type.Union([instant, Type.Null()]),
  attempts: Type.Array(
    inline({
      at: instant,
      milliseconds: Type.Integer({ minimum: 0 }),
      status: Type.Union([Type.Integer(), Type.Null()]),
      error: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});

export const deliveryPageSchema = page('DeliveryPage', 'deliveries', deliverySchema);
