import { normalizeEmail } from '../../../identity/email-address.ts';
import { AppError } from '../../../kernel/errors.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import { sendPage } from '../../interactions/page-response.ts';
import { type AccountPage, goBack, type SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';

/** How long somebody has to follow the link in the mail. */
export const emailChangeMinutes = 60;

/**
 * Asks for another address. It counts once its link has been followed (`confirmations.ts`). The answer is the same whether or not the address
 * has an account: nobody finds out here who else is with the tenant.
 */
export function createEmailPage({
  issuer,
  people,
  accountLinks,
  sendVerification,
  mailer,
  limits,
  readClientIp,
  render,
  dispatch,
}: AccountParts): AccountPage {
  function htmlOf(signedIn: SignedIn, { email, error }: { email: string; error?: Message }): string {
    const { account, nav, notice, look, actionUrl, csrf } = signedIn;
    const data = {
      nav,
      present: account.email,
      ...(account.emailVerified ? {} : { verify: { action: actionUrl('verify'), csrf: csrf('verify') } }),
      email,
      ...(notice === undefined ? {} : { notice }),
      ...(error === undefined ? {} : { error: look.texts.say(error) }),
      action: actionUrl('change'),
      csrf: csrf('change'),
    };
    return render('account-email', data, look);
  }

  async function sendLink({ account, look }: SignedIn, email: string): Promise<void> {
    if (await people.accounts.findByEmail(account.applicationTenantId, email)) {
      return;
    }
    const token = await accountLinks.issue(account, {
      purpose: 'email-change',
      data: { to: email },
      ttlSeconds: emailChangeMinutes * 60,
    });
    await mailer.send({
      to: email,
      template: 'email-change',
      locale: look.texts.locale,
      variables: { email, link: `${issuer}/confirm-email/${token}`, minutes: String(emailChangeMinutes) },
      usefulSeconds: emailChangeMinutes * 60,
    });
  }

  return {
    path: 'email',
    navigation: 'account.email',
    needsRecentSignIn: true,

    async show(context, signedIn) {
      sendPage(context, htmlOf(signedIn, { email: '' }));
    },

    forms: {
      async verify(context, signedIn) {
        const { account, look } = signedIn;
        if (
          account.emailVerified ||
          (await sendVerification(context, account, look.texts.locale)) === 'sent'
        ) {
          goBack(context, signedIn, 'email', 'verification');
          return;
        }
        const page = { email: '', error: { key: 'sign-in.too-many-attempts' } as const };
        sendPage(context, htmlOf(signedIn, page), { status: 429 });
      },

      async change(context, signedIn, form) {
        const { account } = signedIn;
        const typed = (form.email ?? '').slice(0, 254);
        const email = normalizeEmail(typed);
        if (email === undefined || email === account.email) {
          const page = { email: typed, error: { key: 'sign-up.no-address' } as const };
          sendPage(context, htmlOf(signedIn, page), { status: 422 });
          return;
        }
        try {
          await limits.count({
            purpose: 'verification-mail',
            realm: account.applicationTenantId,
            subject: account.id,
            clientIp: readClientIp(context.req),
          });
        } catch (refused) {
          if (!(refused instanceof AppError) || refused.code !== 'rate_limited') {
            throw refused;
          }
          context.set({ ...refused.headers });
          const page = { email: typed, error: { key: 'sign-in.too-many-attempts' } as const };
          sendPage(context, htmlOf(signedIn, page), { status: 429 });
          return;
        }
        dispatch.run(() => sendLink(signedIn, email));
        goBack(context, signedIn, 'email', 'email');
      },
    },
  };
}
