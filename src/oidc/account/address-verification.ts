import type { Context } from 'koa';
import type { AccountLinks } from '../../identity/account-links.ts';
import type { Account } from '../../identity/accounts.ts';
import type { AttemptLimits } from '../../identity/attempt-limits.ts';
import type { MailDispatch } from '../../identity/mail-dispatch.ts';
import type { TenantMailer } from '../../identity/tenant-mailer.ts';
import { AppError } from '../../kernel/errors.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';

/** How long somebody has to follow the link in the mail. */
export const verificationMinutes = 60;

/**
 * Mails a link that proves the address that the account has (`confirmations.ts` takes it), unless the account has had too many: then `Retry-After`
 * is set.
 */
export type SendVerification = (
  context: Context,
  account: Account,
  locale: string,
) => Promise<'sent' | 'must-wait'>;

export function createSendVerification({
  issuer,
  accountLinks,
  limits,
  mailer,
  dispatch,
  readClientIp,
}: {
  issuer: string;
  accountLinks: Pick<AccountLinks, 'issue'>;
  limits: Pick<AttemptLimits, 'count'>;
  mailer: Pick<TenantMailer, 'send'>;
  dispatch: Pick<MailDispatch, 'run'>;
  readClientIp: ReadClientIp;
}): SendVerification {
  async function send(account: Account, locale: string): Promise<void> {
    const { email } = account;
    const token = await accountLinks.issue(account, {
      purpose: 'address-verification',
      ttlSeconds: verificationMinutes * 60,
    });
    await mailer.send({
      to: email,
      template: 'verification',
      locale,
      variables: { email, link: `${issuer}/verify-address/${token}`, minutes: String(verificationMinutes) },
      usefulSeconds: verificationMinutes * 60,
    });
  }

  return async (context, account, locale) => {
    try {
      await limits.count({
        purpose: 'verification-mail',
        realm: account.applicationTenantId,
        subject: account.id,
        clientIp: readClientIp(context.req),
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'rate_limited') {
        context.set({ ...error.headers });
        return 'must-wait';
      }
      throw error;
    }
    dispatch.run(() => send(account, locale));
    return 'sent';
  };
}
