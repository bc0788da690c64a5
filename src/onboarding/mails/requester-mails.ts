import { composeMail } from '../../cloud/mail/compose-mail.ts';
import type { Mail } from '../../cloud/mail/port.ts';
import type { NewOrder } from '../order.ts';

/** The order id in the status URL is the requester's own capability (A4). */
type Told = Pick<NewOrder, 'id' | 'slug' | 'requester' | 'request'>;

/** Anybody can make us send this to anybody: it holds nothing that was typed in but the slug. */
export function submittedMail(order: Told, { publicUrl }: { publicUrl: URL }): Mail {
  return composeMail({
    to: order.requester.email,
    subject: `Your request for the tenant ${order.slug} has been received`,
    greeting: 'Hello,',
    paragraphs: [
      `a request for the tenant ${order.slug} has been received in your name. The OAuth team will decide about it, and you will be told.`,
    ],
    action: { label: 'Follow your request here', url: statusUrl(order, publicUrl) },
    facts: { Tenant: order.slug, Order: order.id },
    closing: [
      'Whoever has this address can read the request: keep it to yourself.',
      'If you did not ask for this, you need not do anything.',
    ],
  });
}

export function approvedMail(
  order: Told,
  { publicUrl, comment }: { publicUrl: URL; comment?: string },
): Mail {
  return composeMail({
    to: order.requester.email,
    subject: `Your request for the tenant ${order.slug} has been approved`,
    greeting: `Hello ${order.requester.name},`,
    paragraphs: [
      `your request for the tenant "${order.request.tenant.name}" has been approved. The tenant is being set up now.`,
      ...(comment === undefined ? [] : [`The OAuth team says: ${comment}`]),
    ],
    action: { label: 'Follow it here', url: statusUrl(order, publicUrl) },
    closing: ['When it is ready, its administrator gets a mail with a link to set a password.'],
  });
}

export function disapprovedMail(
  order: Told,
  { publicUrl, reason }: { publicUrl: URL; reason: string },
): Mail {
  return composeMail({
    to: order.requester.email,
    subject: `Your request for the tenant ${order.slug} has been disapproved`,
    greeting: `Hello ${order.requester.name},`,
    paragraphs: [
      `your request for the tenant "${order.request.tenant.name}" has been disapproved.`,
      `The reason that the OAuth team gave: ${reason}`,
    ],
    action: { label: 'The history of the request', url: statusUrl(order, publicUrl) },
    closing: ['You can submit another request.'],
  });
}

function statusUrl({ id }: Told, { origin }: URL): string {
  return `${origin}/api/registrations/${id}`;
}
