import { sendPage } from '../../interactions/page-response.ts';
import { isPersonName } from '../../self-service/person-name.ts';
import { type AccountPage, goBack, type SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';

/** The name, and the way out. */
export function createProfilePage({
  people,
  activity,
  render,
  record,
}: Pick<AccountParts, 'people' | 'activity' | 'render' | 'record'>): AccountPage {
  function htmlOf(signedIn: SignedIn, page: { name: string; error?: string }): string {
    const { nav, notice, look, actionUrl, csrf } = signedIn;
    const data = {
      nav,
      ...page,
      ...(notice === undefined ? {} : { notice }),
      action: actionUrl('save'),
      csrf: csrf('save'),
      signOutUrl: `/${record.slug}/session/end`,
    };
    return render('account-profile', data, look);
  }

  return {
    path: '',
    navigation: 'account.profile',

    async show(context, signedIn) {
      sendPage(context, htmlOf(signedIn, { name: signedIn.account.name }));
    },

    forms: {
      async save(context, signedIn, form) {
        const name = (form.name ?? '').trim();
        if (!isPersonName(name)) {
          const error = signedIn.look.texts.t('sign-up.no-name');
          sendPage(context, htmlOf(signedIn, { name: name.slice(0, 200), error }), { status: 422 });
          return;
        }
        await people.accounts.update(signedIn.account.id, { name });
        activity.note({ kind: 'profile-changed', account: signedIn.account }, context);
        goBack(context, signedIn, '', 'profile');
      },
    },
  };
}
