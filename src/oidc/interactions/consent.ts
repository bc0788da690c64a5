import type { Context } from 'koa';
import type { Interaction, Provider } from 'oidc-provider';
import type { ApiResources } from '../../clients/api-resources.ts';
import type { Accounts } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { Texts } from '../../web/i18n/texts.ts';
import type { Render } from '../../web/render.ts';
import { finishInteraction, type OpenInteraction, type PromptPages, seeOther } from './interaction-pages.ts';
import { sendPage } from './page-response.ts';
import { scopeInWords } from './scope-words.ts';

export interface ConsentDependencies {
  provider: Provider;
  accounts: Pick<Accounts, 'get'>;
  resources: Pick<ApiResources, 'get'>;
  adminApiResource: string;
  activity: Pick<ActivityLog, 'note'>;
  render: Render;
}

/** What the provider found missing in the grant; scopes that a role does not give are refused already and not among them. */
interface Missing {
  missingOIDCScope?: string[];
  missingOIDCClaims?: string[];
  missingResourceScopes?: Record<string, string[]>;
}

/** The prompt `consent`: what the application asks for, in plain words, to allow as a whole or not at all. */
export function createConsentPages({
  provider,
  accounts,
  resources,
  adminApiResource,
  activity,
  render,
}: ConsentDependencies): PromptPages {
  async function nameOf(indicator: string, { t }: Texts): Promise<string> {
    if (indicator === adminApiResource) {
      return t('consent.administration');
    }
    return (await resources.get(indicator))?.name ?? indicator;
  }

  async function groupsOf(missing: Missing, texts: Texts): Promise<{ heading: string; items: string[] }[]> {
    const { t } = texts;
    const inWords = (scope: string) => scopeInWords(texts, scope);
    const aboutYou = [
      ...(missing.missingOIDCScope ?? []).map(inWords),
      ...(missing.missingOIDCClaims ?? []).map((claim) => t('consent.claim', { claim })),
    ];
    const byResource = Object.entries(missing.missingResourceScopes ?? {}).map(
      async ([indicator, scopes]) => ({
        heading: await nameOf(indicator, texts),
        items: scopes.map(inWords),
      }),
    );
    const groups = [
      { heading: t('consent.your-account'), items: aboutYou },
      ...(await Promise.all(byResource)),
    ];
    const asked = groups.filter(({ items }) => items.length > 0);
    return asked.length > 0
      ? asked
      : [{ heading: t('consent.your-account'), items: [t('consent.as-before')] }];
  }

  async function grantMissing(interaction: Interaction, accountId: string): Promise<string> {
    const found = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined;
    const grant = found ?? new provider.Grant({ accountId, clientId: String(interaction.params.client_id) });
    const missing = interaction.prompt.details as Missing;
    if (missing.missingOIDCScope) {
      grant.addOIDCScope(missing.missingOIDCScope);
    }
    if (missing.missingOIDCClaims) {
      grant.addOIDCClaims(missing.missingOIDCClaims);
    }
    for (const [indicator, scopes] of Object.entries(missing.missingResourceScopes ?? {})) {
      grant.addResourceScope(indicator, scopes);
    }
    return grant.save();
  }

  return {
    async show(context: Context, open: OpenInteraction) {
      const { interaction, redirectUri } = open;
      const account = await accounts.get(interaction.session?.accountId ?? '');
      const data = {
        clientName: open.clientName,
        email: account?.email ?? '',
        action: open.actionUrl('consent'),
        cancelAction: open.actionUrl('cancel'),
        csrf: open.csrf('consent'),
        cancelCsrf: open.csrf('cancel'),
        groups: await groupsOf(interaction.prompt.details as Missing, open.look.texts),
        returnsTo: placeOf(redirectUri) ?? open.clientName,
      };
      sendPage(context, render('consent', data, open.look), { formTarget: redirectUri });
    },

    forms: {
      async consent(context, { interaction }) {
        const accountId = interaction.session?.accountId;
        if (accountId === undefined) {
          throw new Error('an interaction asks for consent and names no account');
        }
        const [grantId, account] = await Promise.all([
          grantMissing(interaction, accountId),
          accounts.get(accountId),
        ]);
        if (account) {
          const clientId = String(interaction.params.client_id);
          activity.note({ kind: 'application-allowed', account, clientId }, context);
        }
        seeOther(
          context,
          await finishInteraction(interaction, { ...interaction.lastSubmission, consent: { grantId } }),
        );
      },
    },
  };
}

/** Host of a web address; of a native application's address its scheme. */
function placeOf(address: string | undefined): string | undefined {
  const url = address === undefined ? null : URL.parse(address);
  return url ? url.host || url.protocol.slice(0, -1) : undefined;
}
