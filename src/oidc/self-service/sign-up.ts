import {
  type ApplicationTenant,
  admitsNewcomer,
  admitsOwnCredentials,
} from '../../identity/application-tenant.ts';
import type { AddressErrand } from './address-page.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import { withWayBack } from './way-back.ts';

/** How long somebody has to follow the link in the mail. */
export const signUpMinutes = 60;

/** Signing up: open, by invitation, or for addresses of verified domains, as the application tenant is set. */
export function createSignUp({
  issuer,
  accounts,
  links,
  mailer,
}: Pick<SelfServiceDependencies, 'issuer' | 'accounts' | 'links' | 'mailer'>): AddressErrand {
  return {
    path: '/sign-up',
    words: 'sign-up',
    purpose: 'sign-up',
    isOffered: offersSignUp,

    problemOf: ({ applicationTenant, email }) =>
      maySignUp(applicationTenant, email) ? undefined : { key: 'sign-up.wrong-domain' },

    async afterwards({ applicationTenant, email, wayBack, locale }) {
      const known = await accounts.findByEmail(applicationTenant.id, email);
      if (known) {
        // Whoever owns the address learns it, and nobody else does.
        const link = `${issuer}${withWayBack('/forgotten-password', { ...wayBack, organization: applicationTenant.id })}`;
        if (!known.disabled) {
          await mailer.send({ to: email, template: 'address-in-use', locale, variables: { email, link } });
        }
        return;
      }
      const token = await links.issue({
        purpose: 'sign-up',
        subject: email,
        data: { ...wayBack, organization: applicationTenant.id },
        ttlSeconds: signUpMinutes * 60,
      });
      await mailer.send({
        to: email,
        template: 'verification',
        locale,
        variables: { email, link: `${issuer}/verify-email/${token}`, minutes: String(signUpMinutes) },
        usefulSeconds: signUpMinutes * 60,
      });
    },
  };
}

/** Whoever signs up sets a password. */
export function offersSignUp(applicationTenant: Pick<ApplicationTenant, 'settings'>): boolean {
  return applicationTenant.settings.signUp !== 'invitation' && admitsOwnCredentials(applicationTenant);
}

/** Asked when the address is typed in, and again when the link is followed: the setting may have changed. */
export function maySignUp(applicationTenant: ApplicationTenant, email: string): boolean {
  return offersSignUp(applicationTenant) && admitsNewcomer(applicationTenant, email);
}
