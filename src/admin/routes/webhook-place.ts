import type { Outbound } from '../../cloud/http/outbound.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Webhook, Webhooks } from '../../outbox/webhooks.ts';
import type { Access, PathParameters } from '../access.ts';
import type { Caller } from '../authenticate.ts';

/** Whose webhooks, and who may look after them. */
export interface WebhookPlace<Admitted extends Caller> {
  prefix: string;
  /** Behind each summary. */
  whose: string;
  /** The name of an operation at this place, from the operators' name of it. */
  operation: (name: string) => string;
  mayRead: Access<Admitted>;
  mayWrite: Access<Admitted>;
  outbound: Pick<Outbound, 'problemOf'>;
  open(caller: Admitted): Promise<OpenWebhooks>;
}

interface OpenWebhooks {
  webhooks: Webhooks;
  /** For the audit log. */
  owner: { tenantId?: TenantId };
  /** How many there can be, if there is a bound. */
  max?: number;
}

/** The webhook of the path at its place. `AppError('not_found')` when there is none, or it is another owner's. */
export async function findWebhook<Admitted extends Caller>(
  { open }: Pick<WebhookPlace<Admitted>, 'open'>,
  caller: Admitted,
  { webhookId = '' }: PathParameters,
): Promise<OpenWebhooks & { webhook: Webhook }> {
  const opened = await open(caller);
  const webhook = await opened.webhooks.get(webhookId);
  if (webhook === undefined) {
    throw noSuchWebhook();
  }
  return { ...opened, webhook };
}

export function noSuchWebhook(): AppError {
  return new AppError('not_found', 'There is no such webhook.');
}
