import { composeMail } from '../../cloud/mail/compose-mail.ts';
import type { Mail } from '../../cloud/mail/port.ts';

/** Something that waits for a person's decision: an order, or a tenant at one of its gates. */
export interface Waiting {
  what: 'decision' | 'validation' | 'compliance review';
  slug: string;
  name: string;
  since: Date;
  /** Where the decision is sent to. */
  address: string;
}

/** Reminds those who decide (C4). `escalated`: it has been waiting for longer than a reminder should need. */
export function reminderMail(
  waiting: Waiting,
  { to, now, escalated }: { to: string; now: Date; escalated: boolean },
): Mail {
  const { what, slug, name, since, address } = waiting;
  const subject = `Tenant ${slug} still waits for its ${what}`;
  return composeMail({
    to,
    subject: escalated ? `Overdue: ${subject}` : subject,
    paragraphs: [
      `The tenant "${name}" has been waiting for its ${what} for ${inWords(now.getTime() - since.getTime())}.`,
      ...(escalated ? ['This is longer than it should take; somebody else may have to decide.'] : []),
    ],
    facts: { Tenant: slug, 'Waiting since': since.toISOString(), Decide: `POST ${address}` },
  });
}

function inWords(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 48) {
    return hours === 1 ? 'an hour' : `${hours} hours`;
  }
  return `${Math.floor(hours / 24)} days`;
}
