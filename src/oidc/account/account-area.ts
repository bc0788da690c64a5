/**
 * The account area: what people do about their account while they are signed in, at `/<slug>/account/…`. Owns the frame: who is there, how
 * fresh the proof of it is, navigation, and the token of every form. What the pages do is theirs (`account-page.ts`).
 *
 * Whoever is signed in at the provider is signed in here: there is no second session. Who is not, or not recently enough for a page, is sent
 * through the authorization endpoint as any application would send them (`account-sign-in.ts`), so all that guards a sign-in, second factors
 * and limits among it, guards this area too. The tokens of forms are bound to the session and end with it.
 */
import { createHmac } from 'node:crypto';
import type { Context } from 'koa';
import type { PolicyOf } from '../../identity/application-rules.ts';
import type { ApplicationTenants } from '../../identity/application-tenants.ts';
import { classOfMethods, singleFactor } from '../../identity/authentication-level.ts';
import { admitsAddress } from '../../identity/ip-restrictions.ts';
import { isSecondFactorRequired, type SecurityPolicy } from '../../identity/security-policy.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { readFormBody } from '../../web/body.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import { isMessageKey } from '../../web/i18n/texts.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import { assertMethod } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import type { PageHandler } from '../tenant-pages.ts';
import type { AccountPage, SignedIn } from './account-page.ts';
import type { AccountSignIn, FoundSession } from './account-sign-in.ts';

export interface AccountAreaDependencies {
  record: Pick<TenantRecord, 'slug'>;
  signIn: AccountSignIn;
  /** In the order of the navigation. */
  pages: readonly AccountPage[];
  policyOf: PolicyOf;
  findApplicationTenant: ApplicationTenants['find'];
  /** The first signs, all verify. */
  cookieKeys: readonly string[];
  readClientIp: ReadClientIp;
  render: Render;
  lookFor: LookFor;
  clock: Clock;
}

/** How recent a proof must be for pages that ask for a recent one. */
export const recentSeconds = 10 * 60;

/** Names no form: those have no slash. */
const guardOf = (path: string) => `${path} /`;

const areaPath = /^\/account((?:\/[a-z-]{1,30}){0,3})$/;

export function createAccountArea(dependencies: AccountAreaDependencies): PageHandler {
  const { record, signIn, pages, policyOf, findApplicationTenant, cookieKeys } = dependencies;
  const { readClientIp, render, lookFor, clock } = dependencies;
  const root = `/${record.slug}/account`;
  const pageUrl = (path: string) => (path === '' ? root : `${root}/${path}`);
  const pagesByPath = new Map(pages.map((page) => [page.path, page]));

  /** The session's uid is no secret; together with a cookie key it makes one. */
  function secretsOf(uid: string): string[] {
    return cookieKeys.map((key) =>
      createHmac('sha256', key).update(`account-area ${record.slug} ${uid}`).digest('base64url'),
    );
  }

  function toSignedIn(context: Context, page: AccountPage, { account, session }: FoundSession): SignedIn {
    const look = lookFor(context);
    const { t } = look.texts;
    const done = `account.done-${context.query.done}`;
    const [secret = ''] = secretsOf(session.uid);
    return {
      account,
      session,
      look,
      nav: pages.flatMap(({ path, navigation }) =>
        navigation === undefined
          ? []
          : [{ label: t(navigation), url: pageUrl(path), isCurrent: path === page.path }],
      ),
      ...(isMessageKey(done) ? { notice: t(done) } : {}),
      pageUrl,
      guardedUrl: (path, query) => {
        const token = csrfToken(secret, guardOf(path));
        return `${pageUrl(path)}?${new URLSearchParams({ ...query, token })}`;
      },
      actionUrl: (form) => `${pageUrl(page.path)}/${form}`,
      csrf: (form) => csrfToken(secret, `${page.path} ${form}`),
    };
  }

  /** The page of a path, and the form when the path's last part is one of it. */
  function find(path: string): { page: AccountPage; form?: string } | undefined {
    const page = pagesByPath.get(path);
    if (page) {
      return { page };
    }
    const end = path.lastIndexOf('/');
    const parent = pagesByPath.get(path.slice(0, Math.max(0, end)));
    const form = path.slice(end + 1);
    return parent?.forms && Object.hasOwn(parent.forms, form) ? { page: parent, form } : undefined;
  }

  /** What is missing before `page` is shown: anybody at all, somebody of the application tenant that the address names, or a better proof. */
  async function whatIsMissing(
    context: Context,
    page: AccountPage,
    present: FoundSession | undefined,
    policy: SecurityPolicy,
  ): Promise<'person' | 'second-factor' | 'recent-sign-in' | undefined> {
    if (!present || !(await isOfNamed(context, present))) {
      return 'person';
    }
    const { methods, signedInAt } = present.session;
    if (page.needsRecentSignIn && epochSeconds(clock) - signedInAt > recentSeconds) {
      return 'recent-sign-in';
    }
    // The policy of today: the session may be from before it became stricter.
    return isSecondFactorRequired(policy) && classOfMethods(methods) === singleFactor
      ? 'second-factor'
      : undefined;
  }

  async function isOfNamed({ query }: Context, { account }: FoundSession): Promise<boolean> {
    const { organization } = query;
    return (
      typeof organization !== 'string' ||
      (await findApplicationTenant(organization))?.id === account.applicationTenantId
    );
  }

  function sendMessage(context: Context, words: 'wrong-network' | 'expired', status: number): void {
    const look = lookFor(context);
    const { t } = look.texts;
    const page =
      words === 'expired'
        ? { title: t('failure.expired-title'), text: t('failure.form-expired') }
        : { title: t('failure.refused-title'), text: t('sign-in.wrong-network') };
    sendPage(context, render('message', page, look), { status });
  }

  return async (context, path) => {
    if (path === '/account/signed-in') {
      assertMethod(context, ['GET', 'HEAD']);
      signIn.finish(context);
      return true;
    }
    const inside = areaPath.exec(path)?.[1];
    const found = inside === undefined ? undefined : find(inside.slice(1));
    if (!found) {
      return false;
    }
    const { page, form: formName } = found;
    assertMethod(context, formName === undefined ? ['GET', 'HEAD'] : ['POST']);
    const present = await signIn.find(context);
    const policy = await policyOf(present?.account.applicationTenantId);
    if (!admitsAddress(policy, readClientIp(context.req))) {
      sendMessage(context, 'wrong-network', 403);
      return true;
    }
    const missing = await whatIsMissing(context, page, present, policy);
    if (!present || missing) {
      // The provider knows what else is missing, and asks for no more than that.
      signIn.begin(context, page.parent ?? page.path, { again: missing === 'recent-sign-in' });
      return true;
    }
    const signedIn = toSignedIn(context, page, present);
    const isToken = (what: string, given: unknown) =>
      typeof given === 'string' &&
      secretsOf(present.session.uid).some((secret) => isCsrfToken(secret, what, given));
    if (formName === undefined) {
      if (page.isGuarded && !isToken(guardOf(page.path), context.query.token)) {
        sendMessage(context, 'expired', 400);
      } else {
        await page.show(context, signedIn);
      }
      return true;
    }
    const form = await readFormBody(context);
    if (!isToken(`${page.path} ${formName}`, form.csrf)) {
      sendMessage(context, 'expired', 400);
      return true;
    }
    await page.forms?.[formName]?.(context, signedIn, form);
    return true;
  };
}
