import type { Context } from 'koa';
import { type Account, defaultApplicationTenantId } from '../../identity/accounts.ts';
import { sendPage } from '../interactions/page-response.ts';
import { interactionUrl } from './address-page.ts';
import type { SelfServiceDependencies } from './self-service-parts.ts';
import type { WayBack } from './way-back.ts';

type PageParts = Pick<SelfServiceDependencies, 'record' | 'render' | 'lookFor'>;

/** One page for every link that is not, or no more, what it should be. */
export function sendLinkInvalid(context: Context, { render, lookFor }: PageParts): void {
  const look = lookFor(context);
  const { t } = look.texts;
  const page = { title: t('invitation.invalid-title'), text: t('self-service.invalid') };
  sendPage(context, render('message', page, look), { status: 404 });
}

/** A password has been set by a link: the person gets on from here, to the application that they came from or else to their account. */
export async function sendLinkDone(
  context: Context,
  { record, justProved, render, lookFor }: PageParts & Pick<SelfServiceDependencies, 'justProved'>,
  {
    words,
    account,
    wayBack,
  }: { words: 'sign-up' | 'forgotten-password'; account: Account; wayBack: WayBack },
): Promise<void> {
  await justProved.note(context, account.id, wayBack.interaction);
  const look = lookFor(context, wayBack.uiLocales);
  const { t } = look.texts;
  const interaction = interactionUrl(record, wayBack);
  const page = {
    title: t(`${words}.done-title`),
    text: t(`${words}.done`, { email: account.email }),
    goOn:
      interaction === undefined
        ? { url: accountUrl(record, account), label: t('self-service.to-account') }
        : { url: interaction, label: t('self-service.go-on') },
  };
  sendPage(context, render('message', page, look));
}

/** The account area, for this very account. */
export function accountUrl(
  { slug }: SelfServiceDependencies['record'],
  { applicationTenantId }: Pick<Account, 'applicationTenantId'>,
): string {
  const isTenants = applicationTenantId === defaultApplicationTenantId;
  return `/${slug}/account${isTenants ? '' : `?organization=${applicationTenantId}`}`;
}
