import { createHmac } from 'node:crypto';

/** What signs a webhook's messages: `whsec_` and 32 random bytes in base64 (Standard Webhooks 1.0). */
export function formatWebhookSecret(bytes: Buffer): string {
  return `whsec_${bytes.toString('base64')}`;
}

export interface WebhookHeaders {
  'webhook-id': string;
  /** Epoch seconds. */
  'webhook-timestamp': string;
  /** One signature for each secret, separated by spaces; a receiver accepts the message when one of them is its own. */
  'webhook-signature': string;
}

/**
 * Headers by the Standard Webhooks specification, which receivers have libraries for: HMAC-SHA-256 over id, time and body. The time is that of
 * the attempt, so that a receiver can refuse old messages whoever sends them again.
 */
export function signWebhook(
  secrets: readonly string[],
  message: { id: string; timestampSeconds: number; body: string },
): WebhookHeaders {
  const { id, timestampSeconds, body } = message;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}
