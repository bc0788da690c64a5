import type { Context } from 'koa';
import type { Message } from '../../../web/i18n/texts.ts';
import { isMessageKey } from '../../../web/i18n/texts.ts';
import type { LinkedSources } from '../../interactions/federation/linked-sources.ts';
import type { SourceLinking } from '../../interactions/federation/source-linking.ts';
import { seeOther } from '../../interactions/interaction-pages.ts';
import { sendPage } from '../../interactions/page-response.ts';
import { type AccountPage, goBack, type SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';
import { isLastWayIn, type WaysInOf } from '../ways-in.ts';

/**
 * The sign-in sources that speak for the account (D10): to be taken away from it, and to be added. The last way in stays: an account that nobody
 * gets into is nobody's any more. `linked/add` sends the browser to a source, `linked/return` is where it comes back.
 */
export function createLinkedPages({
  linkedSources,
  linking,
  waysInOf,
  alerts,
  readClientIp,
  render,
}: Pick<AccountParts, 'alerts' | 'readClientIp' | 'render'> & {
  linkedSources: LinkedSources;
  linking: SourceLinking;
  waysInOf: WaysInOf;
}): readonly AccountPage[] {
  async function send(
    context: Context,
    signedIn: SignedIn,
    { error, status = 200 }: { error?: Message; status?: number } = {},
  ): Promise<void> {
    const { account, nav, notice, look, actionUrl, csrf, guardedUrl } = signedIn;
    const { t, say, time } = look.texts;
    const [links, offered] = await Promise.all([linkedSources.listOf(account), linking.offered(account)]);
    const data = {
      nav,
      ...(notice === undefined ? {} : { notice }),
      ...(error === undefined ? {} : { error: say(error) }),
      action: actionUrl('unlink'),
      csrf: csrf('unlink'),
      links: links.map(({ id, sourceName, label, linkedAt }) => ({
        id,
        name: sourceName ?? t('account.linked-gone'),
        label,
        since: t('account.linked-since', { time: time(new Date(linkedAt)) }),
      })),
      offers: offered.map(({ id, name }) => ({ name, url: guardedUrl('linked/add', { source: id }) })),
    };
    sendPage(context, render('account-linked', data, look), { status });
  }

  function explain(context: Context, { pageUrl }: SignedIn, problem: string): void {
    seeOther(context, `${pageUrl('linked')}?problem=${problem}`);
  }

  const linked: AccountPage = {
    path: 'linked',
    navigation: 'account.linked',
    needsRecentSignIn: true,

    async show(context, signedIn) {
      const key = `account.linked-problem-${context.query.problem}`;
      await send(context, signedIn, isMessageKey(key) ? { error: { key } as Message } : {});
    },

    forms: {
      async unlink(context, signedIn, { link: id = '' }) {
        const { account, look } = signedIn;
        const all = await linkedSources.listOf(account);
        const link = all.find((one) => one.id === id);
        if (isLastWayIn(await waysInOf(account), { linkId: id })) {
          await send(context, signedIn, { status: 409, error: { key: 'account.linked-last' } });
          return;
        }
        if (await linkedSources.unlink(account.id, id)) {
          alerts.raise({
            kind: 'source-unlinked',
            account,
            factor: link?.sourceName ?? look.texts.t('account.linked-gone'),
            clientIp: readClientIp(context.req),
            userAgent: context.get('User-Agent'),
            locale: look.texts.locale,
          });
        }
        goBack(context, signedIn, 'linked', 'linked');
      },
    },
  };

  const add: AccountPage = {
    path: 'linked/add',
    parent: 'linked',
    needsRecentSignIn: true,
    isGuarded: true,

    async show(context, signedIn) {
      const { account, session, look, pageUrl } = signedIn;
      const owner = { account, sessionUid: session.uid };
      const target = await linking.begin(owner, String(context.query.source), look.texts.locale);
      if (target instanceof URL) {
        seeOther(context, target.href);
      } else if (target === 'failed') {
        explain(context, signedIn, 'failed');
      } else {
        seeOther(context, pageUrl('linked'));
      }
    },
  };

  const back: AccountPage = {
    path: 'linked/return',
    parent: 'linked',
    needsRecentSignIn: true,

    async show(context, signedIn) {
      const { account, session, look, pageUrl } = signedIn;
      const owner = { account, sessionUid: session.uid };
      const outcome = await linking.finish(owner, new URLSearchParams(context.querystring));
      if (outcome === 'given-up') {
        seeOther(context, pageUrl('linked'));
        return;
      }
      if (typeof outcome === 'string') {
        explain(context, signedIn, outcome);
        return;
      }
      alerts.raise({
        kind: 'source-linked',
        account,
        factor: linkedSources.nameOf(outcome.identity.sourceId) ?? outcome.label,
        clientIp: readClientIp(context.req),
        userAgent: context.get('User-Agent'),
        locale: look.texts.locale,
      });
      goBack(context, signedIn, 'linked', 'link-added');
    },
  };

  return [linked, add, back];
}
