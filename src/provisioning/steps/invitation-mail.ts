import { composeMail } from '../../cloud/mail/compose-mail.ts';
import type { Mail } from '../../cloud/mail/port.ts';

/** The welcome mail to the initial admin (B12, D8, D9). The subject names the slug only: a tenant's name is free text. */
export function invitationMail(invitation: {
  to: string;
  adminName: string;
  tenantName: string;
  slug: string;
  issuer: string;
  clientId: string;
  link: string;
  days: number;
  /** Of the tenant's own services, if it has any (D9). */
  url?: string;
}): Mail {
  const { to, adminName, tenantName, slug, issuer, clientId, link, days, url } = invitation;
  return composeMail({
    to,
    subject: `Your tenant ${slug} is ready: set your password`,
    greeting: `Hello ${adminName},`,
    paragraphs: [`your tenant "${tenantName}" has been set up, and you are its first administrator.`],
    action: { label: 'Set your password here', url: link },
    facts: {
      Issuer: issuer,
      Discovery: `${issuer}/.well-known/openid-configuration`,
      'First client': clientId,
      'Command line': `npx tenantry --server ${new URL(issuer).origin} login --tenant ${slug}`,
      ...(url === undefined ? {} : { 'Your services': url }),
    },
    closing: [`The link works once, within ${days} days. Do not pass it on.`],
  });
}
