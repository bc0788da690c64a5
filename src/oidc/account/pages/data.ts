import type { Context } from 'koa';
import { adminScopesOfRoles } from '../../../identity/admin-scopes.ts';
import { normalizeEmail } from '../../../identity/email-address.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import { sendPage } from '../../interactions/page-response.ts';
import { createReadAccountData } from '../account-data.ts';
import type { AccountPage, SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';

/** Everything about the account, to take away; and the end of it. */
export function createDataPage({
  record,
  people,
  sessions,
  grants,
  factors,
  linkedSources,
  removeCredentials,
  activity,
  render,
}: AccountParts): AccountPage {
  const readAccountData = createReadAccountData({
    ...people,
    factors,
    linkedSources,
    sessions,
    grants,
    activity,
  });

  function send(
    context: Context,
    signedIn: SignedIn,
    { error, status }: { error?: Message; status: number },
  ): void {
    const { nav, look, actionUrl, csrf } = signedIn;
    const data = {
      nav,
      downloadAction: actionUrl('download'),
      downloadCsrf: csrf('download'),
      deleteAction: actionUrl('delete'),
      deleteCsrf: csrf('delete'),
      ...(error === undefined ? {} : { error: look.texts.say(error) }),
    };
    sendPage(context, render('account-data', data, look), { status });
  }

  /** Whoever administers the tenant might be the last to do so. */
  async function isAdministrator({ account }: SignedIn): Promise<boolean> {
    return adminScopesOfRoles(record.kind, await people.roleScopesOf(account)).length > 0;
  }

  return {
    path: 'data',
    navigation: 'account.data',
    needsRecentSignIn: true,

    async show(context, signedIn) {
      send(context, signedIn, { status: 200 });
    },

    forms: {
      async download(context, { account }) {
        const data = await readAccountData(account);
        activity.note({ kind: 'data-downloaded', account }, context);
        context.set('Content-Disposition', 'attachment; filename="account.json"');
        context.set('Cache-Control', 'no-store');
        context.type = 'application/json; charset=utf-8';
        context.body = `${JSON.stringify(data, null, 2)}\n`;
      },

      async delete(context, signedIn, { email = '' }) {
        const { account, look } = signedIn;
        if (normalizeEmail(email) !== account.email) {
          send(context, signedIn, { error: { key: 'account.delete-wrong' }, status: 422 });
          return;
        }
        if (await isAdministrator(signedIn)) {
          send(context, signedIn, { error: { key: 'account.delete-administrator' }, status: 422 });
          return;
        }
        // From here on nobody signs in to it; should the rest fail, an administrator finds it disabled.
        await people.accounts.setDisabled(account.id, true);
        await sessions.endAll(account.id);
        await grants.revokeAll(account.id);
        await removeCredentials(account.id);
        await people.accounts.remove(account.id);
        const { id: userId, applicationTenantId } = account;
        activity.note({ kind: 'account-deleted', userId, applicationTenantId }, context);
        const { t } = look.texts;
        const page = { title: t('account.deleted-title'), text: t('account.deleted') };
        sendPage(context, render('message', page, look));
      },
    },
  };
}
