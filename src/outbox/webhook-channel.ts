import type { Outbound } from '../cloud/http/outbound.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Channel, DeliveryFailed, Undeliverable } from './outbox.ts';
import { signWebhook } from './webhook-signature.ts';
import type { Webhook, Webhooks } from './webhooks.ts';

/** Delivers messages to webhooks: a signed POST that the receiver answers with a 2xx status. */
export function createWebhookChannel({
  webhooks,
  onGone,
  outbound,
  tenantOutbound,
  clock,
}: {
  webhooks: Pick<Webhooks, 'open'>;
  /** The receiver has said that it wants no more messages. */
  onGone: (webhook: Webhook) => Promise<void>;
  /** For the operators' own. */
  outbound: Pick<Outbound, 'request'>;
  /** For those of tenants, which reach no host of the deployment's own that is not meant for them. */
  tenantOutbound: Pick<Outbound, 'request'>;
  clock: Clock;
}): Channel {
  return {
    room: { atOnce: 32, perOwner: 4 },
    async deliver({ id, webhookId, payload }, signal) {
      const webhook = await webhooks.open(webhookId ?? '');
      if (webhook === undefined || !webhook.enabled) {
        throw new Undeliverable('The webhook is not enabled.');
      }
      const headers = signWebhook(webhook.secrets, {
        id,
        timestampSeconds: epochSeconds(clock),
        body: payload,
      });
      const { status } = await (webhook.tenantId === null ? outbound : tenantOutbound).request({
        url: webhook.url,
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Tenantry-Webhooks/1' },
        body: payload,
        signal,
      });
      if (status >= 200 && status < 300) {
        return { status };
      }
      // By the Standard Webhooks specification.
      if (status === 410) {
        await onGone(webhook);
        throw new Undeliverable('The receiver wants no more messages (410).');
      }
      throw new DeliveryFailed(`The receiver answered ${status}.`, status);
    },
  };
}
