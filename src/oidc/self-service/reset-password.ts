import type { Context } from 'koa';
import type { AccountLink } from '../../identity/account-links.ts';
import { passwordProblemsFor, passwordRules } from '../../identity/password-rules.ts';
import { readFormBody } from '../../web/body.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import type { Message } from '../../web/i18n/texts.ts';
import { assertMethod } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import { sendLinkDone, sendLinkInvalid } from './link-pages.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import { wayBackOfLink } from './way-back.ts';

/**
 * `/reset-password/<token>`: a new password for whoever holds the mail. Ends every session, and everything that applications were given, also for
 * offline access: whoever recovers an account may have lost it to a thief. Tells the owner.
 */
export function createResetPasswordPage(
  dependencies: SelfServiceDependencies,
): (context: Context, token: string) => Promise<void> {
  const { record, accounts, accountLinks, policyOf, deviceWatch, alerts, endAccess } = dependencies;
  const { readClientIp, render, lookFor } = dependencies;

  const findReset = (token: string) => accountLinks.find(token, 'password-reset');

  async function sendForm(
    context: Context,
    token: string,
    page: AccountLink & { problems: readonly Message[]; status: number },
  ): Promise<void> {
    const policy = await policyOf(page.account.applicationTenantId);
    const look = lookFor(context, page.link.data.uiLocales);
    const { t, say } = look.texts;
    const data = {
      title: t('password.expired-title'),
      lead: t('forgotten-password.reset-lead'),
      action: `/${record.slug}/reset-password/${token}`,
      csrf: csrfToken(token, 'reset-password'),
      email: page.account.email,
      rules: passwordRules(policy.password).map(say),
      problems: page.problems.map(say),
      askPresent: false,
      submit: t('password.save'),
    };
    sendPage(context, render('new-password', data, look), { status: page.status });
  }

  async function accept(context: Context, token: string): Promise<void> {
    const form = await readFormBody(context);
    const reset = await findReset(token);
    if (!reset || !isCsrfToken(token, 'reset-password', form.csrf)) {
      sendLinkInvalid(context, dependencies);
      return;
    }
    const { account, link } = reset;
    const { password = '', confirmation = '' } = form;
    const policy = await policyOf(account.applicationTenantId);
    const problems: Message[] =
      password === confirmation
        ? await passwordProblemsFor(accounts, account, policy.password, password)
        : [{ key: 'password.unequal' }];
    if (problems.length > 0) {
      await sendForm(context, token, { ...reset, problems, status: 422 });
      return;
    }
    // Of several uses at once one gets the link; should the rest fail, another mail is a form away.
    const isOurs = await accountLinks.consume(token, 'password-reset');
    if (!isOurs || !(await accounts.setPasswordByMail(account, password))) {
      sendLinkInvalid(context, dependencies);
      return;
    }
    await endAccess(account.id);
    alerts.raise({
      kind: 'password-changed',
      account,
      clientIp: readClientIp(context.req),
      userAgent: context.get('User-Agent'),
      locale: link.data.locale,
    });
    // What strangers did to the account before is not in the way of its owner.
    await deviceWatch.proved(context, account);
    const wayBack = wayBackOfLink(link.data);
    await sendLinkDone(context, dependencies, { words: 'forgotten-password', account, wayBack });
  }

  return async (context, token) => {
    assertMethod(context, ['GET', 'HEAD', 'POST']);
    if (context.method === 'POST') {
      await accept(context, token);
      return;
    }
    const reset = await findReset(token);
    if (reset) {
      await sendForm(context, token, { ...reset, problems: [], status: 200 });
    } else {
      sendLinkInvalid(context, dependencies);
    }
  };
}
