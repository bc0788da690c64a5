import { sendPage } from '../../interactions/page-response.ts';
import { type AccountPage, goBack } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';

/** Where the account is signed in. */
export function createSessionsPage({
  sessions,
  activity,
  render,
}: Pick<AccountParts, 'sessions' | 'activity' | 'render'>): AccountPage {
  return {
    path: 'sessions',
    navigation: 'account.sessions',

    async show(context, { account, session, nav, notice, look, actionUrl, csrf }) {
      const { t, time } = look.texts;
      const living = await sessions.list(account.id);
      const data = {
        nav,
        ...(notice === undefined ? {} : { notice }),
        endAction: actionUrl('end'),
        endCsrf: csrf('end'),
        endOthersAction: actionUrl('end-others'),
        endOthersCsrf: csrf('end-others'),
        sessions: living.map(({ uid, device, network, startedAt, lastActiveAt }) => ({
          uid,
          device,
          isThis: uid === session.uid,
          since: t('account.session-since', { time: time(new Date(startedAt)), network }),
          active: t('account.session-active', { time: time(new Date(lastActiveAt)) }),
        })),
      };
      sendPage(context, render('account-sessions', data, look));
    },

    forms: {
      async end(context, signedIn, { uid = '' }) {
        if (await sessions.end(signedIn.account.id, uid)) {
          activity.note({ kind: 'sessions-ended', account: signedIn.account }, context);
        }
        goBack(context, signedIn, 'sessions', 'session');
      },
      async 'end-others'(context, signedIn) {
        await sessions.endOthers(signedIn.account.id, signedIn.session.uid);
        activity.note({ kind: 'sessions-ended', account: signedIn.account }, context);
        goBack(context, signedIn, 'sessions', 'sessions');
      },
    },
  };
}
