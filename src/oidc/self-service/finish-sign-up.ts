import type { Context } from 'koa';
import type { Account } from '../../identity/accounts.ts';
import type { ApplicationTenant } from '../../identity/application-tenant.ts';
import type { Link } from '../../identity/links.ts';
import { hashPassword } from '../../identity/password-hash.ts';
import { passwordProblemsOfNew, passwordRules } from '../../identity/password-rules.ts';
import { AppError } from '../../kernel/errors.ts';
import { readFormBody } from '../../web/body.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import type { Message } from '../../web/i18n/texts.ts';
import { assertMethod } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import { sendLinkDone, sendLinkInvalid } from './link-pages.ts';
import { isPersonName } from './person-name.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import { maySignUp } from './sign-up.ts';
import { wayBackOfLink } from './way-back.ts';

interface SignUpInHand {
  link: Link;
  applicationTenant: ApplicationTenant;
}

/** `/verify-email/<token>`: the link proves the address, and the form that follows makes the account. */
export function createFinishSignUpPage(
  dependencies: SelfServiceDependencies,
): (context: Context, token: string) => Promise<void> {
  const { record, accounts, applicationTenants, links, policyOf, deviceWatch, render, lookFor } =
    dependencies;

  async function findSignUp(token: string): Promise<SignUpInHand | undefined> {
    const link = await links.peek(token, 'sign-up');
    const applicationTenant = link && (await applicationTenants.find(link.data.organization ?? ''));
    return applicationTenant && maySignUp(applicationTenant, link.subject)
      ? { link, applicationTenant }
      : undefined;
  }

  async function sendForm(
    context: Context,
    token: string,
    page: SignUpInHand & { name: string; problems: readonly Message[]; status: number },
  ): Promise<void> {
    const { link, applicationTenant, name, problems, status } = page;
    const policy = await policyOf(applicationTenant.id);
    const look = lookFor(context, link.data.uiLocales);
    const { t, say } = look.texts;
    const data = {
      title: t('sign-up.finish-title'),
      lead: t('sign-up.finish-lead'),
      action: `/${record.slug}/verify-email/${token}`,
      csrf: csrfToken(token, 'verify-email'),
      email: link.subject,
      name,
      rules: passwordRules(policy.password).map(say),
      problems: problems.map(say),
      submit: t('sign-up.finish-submit'),
    };
    sendPage(context, render('finish-sign-up', data, look), { status });
  }

  async function problemsOf(
    { link: { subject: email }, applicationTenant }: SignUpInHand,
    form: Readonly<Record<string, string>>,
  ): Promise<Message[]> {
    const { name = '', password = '', confirmation = '' } = form;
    const policy = await policyOf(applicationTenant.id);
    return [
      ...(isPersonName(name) ? [] : [{ key: 'sign-up.no-name' } as const]),
      ...(password === confirmation
        ? passwordProblemsOfNew(policy.password, { email, password })
        : [{ key: 'password.unequal' } as const]),
    ];
  }

  /** The account with everything in one write: of several uses of the link, or of several links, exactly one makes it. */
  async function create(
    { link, applicationTenant }: SignUpInHand,
    { name, password }: { name: string; password: string },
  ): Promise<Account | undefined> {
    try {
      return await accounts.create({
        applicationTenantId: applicationTenant.id,
        email: link.subject,
        name,
        roles: [],
        emailVerified: true,
        passwordHash: await hashPassword(password),
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') {
        return undefined;
      }
      throw error;
    }
  }

  async function accept(context: Context, token: string): Promise<void> {
    const form = await readFormBody(context);
    const signUp = await findSignUp(token);
    if (!signUp || !isCsrfToken(token, 'verify-email', form.csrf)) {
      sendLinkInvalid(context, dependencies);
      return;
    }
    const { link } = signUp;
    const name = (form.name ?? '').trim();
    const problems = await problemsOf(signUp, { ...form, name });
    if (problems.length > 0) {
      await sendForm(context, token, { ...signUp, name: name.slice(0, 200), problems, status: 422 });
      return;
    }
    const account = await create(signUp, { name, password: form.password ?? '' });
    await links.consume(token, 'sign-up');
    if (!account) {
      sendLinkInvalid(context, dependencies);
      return;
    }
    await deviceWatch.proved(context, account);
    dependencies.activity.note({ kind: 'signed-up', account }, context);
    await sendLinkDone(context, dependencies, {
      words: 'sign-up',
      account,
      wayBack: wayBackOfLink(link.data),
    });
  }

  return async (context, token) => {
    assertMethod(context, ['GET', 'HEAD', 'POST']);
    if (context.method === 'POST') {
      await accept(context, token);
      return;
    }
    const signUp = await findSignUp(token);
    if (signUp) {
      await sendForm(context, token, { ...signUp, name: '', problems: [], status: 200 });
    } else {
      sendLinkInvalid(context, dependencies);
    }
  };
}
