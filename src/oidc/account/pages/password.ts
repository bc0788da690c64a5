import type { Context } from 'koa';
import { passwordProblemsFor, passwordRules } from '../../../identity/password-rules.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import type { Form } from '../../interactions/interaction-pages.ts';
import { sendPage } from '../../interactions/page-response.ts';
import { type AccountPage, goBack, type SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';

/** A new password for whoever knows the present one: a browser that was left open is not enough. */
export function createPasswordPage({
  people,
  sessions,
  grants,
  guard,
  alerts,
  policyOf,
  readClientIp,
  render,
}: AccountParts): AccountPage {
  const { accounts } = people;

  async function send(
    context: Context,
    signedIn: SignedIn,
    { problems, status }: { problems: readonly Message[]; status: number },
  ): Promise<void> {
    const { account, nav, notice, look, actionUrl, csrf } = signedIn;
    const { t, say } = look.texts;
    const title = t('account.password');
    if (account.passwordSetAt === undefined) {
      const page = { nav, title, text: t('account.password-none') };
      sendPage(context, render('message', page, look));
      return;
    }
    const policy = await policyOf(account.applicationTenantId);
    const data = {
      nav,
      title,
      lead: t('account.password-lead'),
      ...(notice === undefined ? {} : { notice }),
      action: actionUrl('change'),
      csrf: csrf('change'),
      email: account.email,
      rules: passwordRules(policy.password).map(say),
      problems: problems.map(say),
      askPresent: true,
      askOthers: true,
      submit: t('password.save'),
    };
    const html = render('new-password', data, look);
    sendPage(context, html, { status });
  }

  /** What is wrong, and the status to say it with; nothing when the password has been changed. */
  async function change(
    context: Context,
    { account }: SignedIn,
    { present = '', password = '', confirmation = '' }: Form,
  ): Promise<{ problems: Message[]; status: number } | undefined> {
    const { email, applicationTenantId } = account;
    const outcome = await guard.attempt(context, account, 'present-password', async () => {
      const found = await people.verifyPassword(email, present, applicationTenantId);
      return found?.id === account.id;
    });
    if (outcome !== 'right') {
      return outcome === 'wrong'
        ? { problems: [{ key: 'account.password-wrong' }], status: 422 }
        : { problems: [{ key: 'sign-in.too-many-attempts' }], status: 429 };
    }
    const policy = await policyOf(applicationTenantId);
    const problems: Message[] =
      password === confirmation
        ? await passwordProblemsFor(accounts, account, policy.password, password)
        : [{ key: 'password.unequal' }];
    if (problems.length > 0) {
      return { problems, status: 422 };
    }
    await accounts.setPassword(account.id, password);
    return undefined;
  }

  return {
    path: 'password',
    navigation: 'account.password',

    async show(context, signedIn) {
      await send(context, signedIn, { problems: [], status: 200 });
    },

    forms: {
      async change(context, signedIn, form) {
        const { account, session } = signedIn;
        const refused = await change(context, signedIn, form);
        if (refused) {
          await send(context, signedIn, refused);
          return;
        }
        if (form.others !== undefined) {
          await sessions.endOthers(account.id, session.uid);
          // Whoever was in the account may have let an application stay in it.
          await grants.revokeAll(account.id, { except: session.grantIds });
        }
        const userAgent = context.get('User-Agent');
        const { locale } = signedIn.look.texts;
        alerts.raise({
          kind: 'password-changed',
          account,
          clientIp: readClientIp(context.req),
          userAgent,
          locale,
        });
        goBack(context, signedIn, 'password', 'password');
      },
    },
  };
}
