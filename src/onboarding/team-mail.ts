import type { Mail } from '../cloud/mail/port.ts';
import type { Order } from './order.ts';

interface TeamMailOptions {
  /** The OAuth team's address. */
  to: string;
  publicUrl: URL;
}

/** Tells the OAuth team that an order waits for its decision (A2). The requester's words are quoted as they are: plain text only. */
export function composeTeamMail(order: Order, { to, publicUrl }: TeamMailOptions): Mail {
  const { purpose, tenant } = order.request;
  return {
    to,
    subject: `Registration of tenant ${order.slug} waits for a decision`,
    text: [
      `${order.requester.name} <${order.requester.email}> asks for a tenant.`,
      order.submittedBy === null
        ? 'Nobody has proved to be that person: the request was sent without signing in.'
        : `The request was sent by ${order.submittedBy.email ?? order.submittedBy.actor}, signed in.`,
      '',
      `Name:     ${tenant.name}`,
      `Slug:     ${order.slug}`,
      `Order:    ${order.id}`,
      ...(purpose === undefined ? [] : ['', 'Purpose:', purpose]),
      '',
      ...howToDecide(order, publicUrl),
      '',
    ].join('\n'),
  };
}

/** Tells the OAuth team why an order could not be taken up (A3). It stays open: they decide when the reason is gone, or disapprove it. */
export function composeAttentionMail(
  order: Order,
  { to, publicUrl, reason }: TeamMailOptions & { reason: string },
): Mail {
  return {
    to,
    subject: `Registration of tenant ${order.slug} needs attention`,
    text: [
      `The registration of the tenant "${order.request.tenant.name}" (${order.slug}) could not be processed.`,
      '',
      `Reason: ${reason}`,
      '',
      'It stays open. Once the reason is gone, decide about it:',
      '',
      ...howToDecide(order, publicUrl),
      '',
    ].join('\n'),
  };
}

function howToDecide({ id }: Order, { origin }: URL): string[] {
  const address = `${origin}/api/registrations/${id}`;
  return [
    `Read:       GET  ${address}`,
    `Approve:    POST ${address}/approve      {"comment": "…"}`,
    `Disapprove: POST ${address}/disapprove   {"reason": "…"}`,
  ];
}
