import { admitsOwnCredentials } from '../../identity/application-tenant.ts';
import type { AddressErrand } from './address-page.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';

/** How long somebody has to follow the link in the mail. */
export const resetMinutes = 30;

/**
 * A link to set a new password, for an enabled account that has one. Accounts without a password have another way in, their invitation or
 * their organisation's sign-in, which a link must not get around.
 */
export function createForgottenPassword({
  issuer,
  accounts,
  accountLinks,
  mailer,
}: Pick<SelfServiceDependencies, 'issuer' | 'accounts' | 'accountLinks' | 'mailer'>): AddressErrand {
  return {
    path: '/forgotten-password',
    words: 'forgotten-password',
    purpose: 'recovery-mail',
    isOffered: admitsOwnCredentials,
    problemOf: () => undefined,

    async afterwards({ applicationTenant, email, wayBack, locale }) {
      if (!admitsOwnCredentials(applicationTenant)) {
        return;
      }
      const account = await accounts.findByEmail(applicationTenant.id, email);
      if (!account || account.disabled || account.passwordSetAt === undefined) {
        return;
      }
      const token = await accountLinks.issue(account, {
        purpose: 'password-reset',
        data: { ...wayBack, locale },
        ttlSeconds: resetMinutes * 60,
      });
      await mailer.send({
        to: account.email,
        template: 'password-reset',
        locale,
        variables: {
          name: account.name,
          email: account.email,
          link: `${issuer}/reset-password/${token}`,
          minutes: String(resetMinutes),
        },
        usefulSeconds: resetMinutes * 60,
      });
    },
  };
}
