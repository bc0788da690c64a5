import type { Context } from 'koa';
import type { ApplicationTenant } from '../../identity/application-tenant.ts';
import { defaultApplicationTenantId, domainOfEmail } from '../../identity/application-tenant.ts';
import type { AttemptPurpose } from '../../identity/attempt-lanes.ts';
import { normalizeEmail } from '../../identity/email-address.ts';
import { admitsAddress } from '../../identity/ip-restrictions.ts';
import { AppError } from '../../kernel/errors.ts';
import { readFormBody } from '../../web/body.ts';
import type { Message } from '../../web/i18n/texts.ts';
import { assertMethod } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import { readWayBack, type WayBack, withWayBack } from './way-back.ts';

/** An address that somebody typed in, and where it belongs. */
export interface Asked {
  email: string;
  applicationTenant: ApplicationTenant;
  wayBack: WayBack;
  /** Of the page, and so of the mail. */
  locale: string;
}

/** What an address is typed in for. */
export interface AddressErrand {
  /** Of the page, below the tenant. */
  path: string;
  words: 'sign-up' | 'forgotten-password';
  purpose: AttemptPurpose;
  /** Whether people of the application tenant have this page at all. */
  isOffered(applicationTenant: ApplicationTenant): boolean;
  /** What is wrong with the address, whether or not it has an account. */
  problemOf(asked: Asked): Message | undefined;
  /** Runs when the answer has been given, so that nothing in it shows by time or text. */
  afterwards(asked: Asked): Promise<void>;
}

/**
 * A page that takes an e-mail address and answers the same whatever is known of it. Its handler returns false, and has written nothing, where
 * the tenant does not offer it.
 */
export function createAddressPage(
  errand: AddressErrand,
  dependencies: SelfServiceDependencies,
): (context: Context) => Promise<boolean> {
  const { record, applicationTenants, policyOf, limits, formGuard, dispatch } = dependencies;
  const { readClientIp, render, lookFor } = dependencies;
  const formName = errand.words;

  /** As sign-in chooses: whom the request names, else whose domain it is, else the tenant's own people (E2). */
  async function chooseApplicationTenant({ organization }: WayBack, email: string) {
    if (organization !== undefined) {
      return applicationTenants.find(organization);
    }
    const owner = email === '' ? undefined : await applicationTenants.findByDomain(domainOfEmail(email));
    return owner ?? applicationTenants.find(defaultApplicationTenantId);
  }

  function sendForm(
    context: Context,
    page: { email: string; wayBack: WayBack; status?: number; error?: Message },
  ): void {
    const { email, wayBack, status = 200, error } = page;
    const look = lookFor(context, wayBack.uiLocales);
    const { t, say } = look.texts;
    const backUrl = interactionUrl(record, wayBack);
    const data = {
      title: t(`${errand.words}.title`),
      lead: t(`${errand.words}.lead`),
      submit: t(`${errand.words}.submit`),
      action: `/${record.slug}${withWayBack(errand.path, wayBack)}`,
      csrf: formGuard.token(context, formName),
      email,
      ...(error === undefined ? {} : { error: say(error) }),
      ...(backUrl === undefined ? {} : { backUrl }),
    };
    sendPage(context, render('address-form', data, look), { status });
  }

  async function take(context: Context, asked: Asked): Promise<void> {
    const { email, applicationTenant, wayBack } = asked;
    const clientIp = readClientIp(context.req);
    if (!admitsAddress(await policyOf(applicationTenant.id), clientIp)) {
      sendForm(context, { email, wayBack, status: 403, error: { key: 'sign-in.wrong-network' } });
      return;
    }
    const error = errand.problemOf(asked);
    if (error) {
      sendForm(context, { email, wayBack, status: 422, error });
      return;
    }
    try {
      const { id: realm } = applicationTenant;
      await limits.count({ purpose: errand.purpose, realm, subject: email, clientIp });
    } catch (refused) {
      if (!(refused instanceof AppError) || refused.code !== 'rate_limited') {
        throw refused;
      }
      context.set({ ...refused.headers });
      sendForm(context, { email, wayBack, status: 429, error: { key: 'sign-in.too-many-attempts' } });
      return;
    }
    // Whether an application tenant is suspended must not show either.
    if (applicationTenant.status === 'active') {
      dispatch.run(() => errand.afterwards(asked));
    }
    const look = lookFor(context, wayBack.uiLocales);
    const { t } = look.texts;
    const page = { title: t(`${errand.words}.sent-title`), text: t(`${errand.words}.sent`, { email }) };
    sendPage(context, render('message', page, look));
  }

  return async (context) => {
    const wayBack = readWayBack(context);
    const named = await chooseApplicationTenant(wayBack, '');
    if (named?.status !== 'active' || !errand.isOffered(named)) {
      return false;
    }
    assertMethod(context, ['GET', 'HEAD', 'POST']);
    if (context.method !== 'POST') {
      sendForm(context, { email: '', wayBack });
      return true;
    }
    const form = await readFormBody(context);
    const typed = (form.email ?? '').slice(0, 254);
    if (!formGuard.isToken(context, formName, form.csrf)) {
      sendForm(context, { email: typed, wayBack, status: 400, error: { key: 'failure.form-expired' } });
      return true;
    }
    const email = normalizeEmail(typed);
    if (email === undefined) {
      sendForm(context, { email: typed, wayBack, status: 422, error: { key: 'sign-up.no-address' } });
      return true;
    }
    const applicationTenant = await chooseApplicationTenant(wayBack, email);
    if (applicationTenant === undefined) {
      return false;
    }
    const { locale } = lookFor(context, wayBack.uiLocales).texts;
    await take(context, { email, applicationTenant, wayBack, locale });
    return true;
  };
}

/** Where the interaction goes on; who does not hold its cookie is told there that the page has expired. */
export function interactionUrl(
  { slug }: SelfServiceDependencies['record'],
  { interaction }: WayBack,
): string | undefined {
  return interaction === undefined ? undefined : `/${slug}/interaction/${interaction}`;
}
