import type { PageHandler } from '../tenant-pages.ts';
import { createAccountArea } from './account-area.ts';
import type { AccountPage } from './account-page.ts';
import type { AccountParts } from './account-parts.ts';
import { type AccountSignIn, createAccountSignIn } from './account-sign-in.ts';
import { createConfirmationPages } from './confirmations.ts';
import { createApplicationsPage } from './pages/applications.ts';
import { createDataPage } from './pages/data.ts';
import { createEmailPage } from './pages/email.ts';
import { createPasswordPage } from './pages/password.ts';
import { createProfilePage } from './pages/profile.ts';
import { createSessionsPage } from './pages/sessions.ts';

/** The account area with all its pages; `more` makes those of others, between password and sessions. */
export function createAccountPages(
  parts: AccountParts & { cookieKeys: readonly string[] },
  more: (signIn: AccountSignIn) => readonly AccountPage[],
): PageHandler {
  const { record, issuer, provider, people, random } = parts;
  const signIn = createAccountSignIn({
    slug: record.slug,
    issuer,
    provider,
    findActive: people.findActive,
    random,
  });
  const answerArea = createAccountArea({
    ...parts,
    findApplicationTenant: people.applicationTenants.find,
    signIn,
    pages: [
      createProfilePage(parts),
      createEmailPage(parts),
      createPasswordPage(parts),
      ...more(signIn),
      createSessionsPage(parts),
      createApplicationsPage(parts),
      createDataPage(parts),
    ],
  });
  const answerConfirmation = createConfirmationPages(parts);
  return async (context, path) =>
    (await answerArea(context, path)) || (await answerConfirmation(context, path));
}
