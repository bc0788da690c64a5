import type { ApplicationRules } from '../../identity/application-rules.ts';
import { isSecondFactorRequired } from '../../identity/security-policy.ts';
import type { FactorSteps } from '../interactions/factor-steps.ts';
import type { LinkedSources } from '../interactions/federation/linked-sources.ts';
import type { SourceLinking } from '../interactions/federation/source-linking.ts';
import type { AccountPage } from './account-page.ts';
import type { AccountParts } from './account-parts.ts';
import type { AccountSignIn } from './account-sign-in.ts';
import { createFactorPages } from './factor-pages.ts';
import { createLinkedPages } from './pages/linked.ts';
import { createWaysInOf } from './ways-in.ts';

/** The pages of the area for what leads into the account besides its password: second factors, passkeys, sign-in sources. */
export function createCredentialPages(
  {
    factorSteps,
    applicationRules,
    linkedSources,
    linking,
    sessions,
    alerts,
    readClientIp,
    render,
  }: Pick<AccountParts, 'sessions' | 'alerts' | 'readClientIp' | 'render'> & {
    factorSteps: FactorSteps;
    applicationRules: ApplicationRules;
    linkedSources: LinkedSources;
    linking: SourceLinking;
  },
  signIn: AccountSignIn,
): readonly AccountPage[] {
  const waysInOf = createWaysInOf({ ...applicationRules, linkedSources, factors: factorSteps.factors });
  return [
    ...createFactorPages({
      ...factorSteps,
      waysInOf,
      isSecondFactorRequired: async ({ applicationTenantId }) =>
        isSecondFactorRequired(await applicationRules.policyOf(applicationTenantId)),
      askForSecondFactor: (context, path) => signIn.begin(context, path, { again: true }),
      endOtherSessions: async (accountId, uid) => void (await sessions.endOthers(accountId, uid)),
      render,
    }),
    ...createLinkedPages({ linkedSources, linking, waysInOf, alerts, readClientIp, render }),
  ];
}
