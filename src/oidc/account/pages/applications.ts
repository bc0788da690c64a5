import { sendPage } from '../../interactions/page-response.ts';
import { scopeInWords } from '../../interactions/scope-words.ts';
import type { AccountGrant } from '../account-grants.ts';
import { type AccountPage, goBack, type SignedIn } from '../account-page.ts';
import type { AccountParts } from '../account-parts.ts';
import { accountClientId } from '../account-sign-in.ts';

/** What the account has allowed applications, to be taken back. */
export function createApplicationsPage({
  grants,
  clients,
  resources,
  activity,
  render,
}: Pick<AccountParts, 'grants' | 'clients' | 'resources' | 'activity' | 'render'>): AccountPage {
  async function describe({ look }: SignedIn, grant: AccountGrant) {
    const { texts } = look;
    const named = Object.entries(grant.resources).map(async ([indicator, scopes]) => {
      const name = (await resources.get(indicator))?.name ?? indicator;
      return scopes.map((scope) => `${name}: ${scopeInWords(texts, scope)}`);
    });
    return {
      id: grant.id,
      name: (await clients.get(grant.clientId))?.name ?? grant.clientId,
      since: texts.time(new Date(grant.grantedAt * 1_000)),
      items: [
        ...grant.scopes.map((scope) => scopeInWords(texts, scope)),
        ...(await Promise.all(named)).flat(),
      ],
    };
  }

  return {
    path: 'applications',
    navigation: 'account.applications',

    async show(context, signedIn) {
      const { account, nav, notice, look, actionUrl, csrf } = signedIn;
      const all = await grants.list(account.id);
      const ofOthers = all.filter(({ clientId }) => clientId !== accountClientId);
      const data = {
        nav,
        ...(notice === undefined ? {} : { notice }),
        action: actionUrl('revoke'),
        csrf: csrf('revoke'),
        applications: await Promise.all(ofOthers.map((grant) => describe(signedIn, grant))),
      };
      sendPage(context, render('account-applications', data, look));
    },

    forms: {
      async revoke(context, signedIn, { grant = '' }) {
        const { account } = signedIn;
        const revoked = await grants.revoke(account.id, grant);
        if (revoked) {
          activity.note({ kind: 'application-removed', account, clientId: revoked.clientId }, context);
        }
        goBack(context, signedIn, 'applications', 'application');
      },
    },
  };
}
