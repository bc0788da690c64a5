import type { Context } from 'koa';
import type { ClientMetadata, Provider } from 'oidc-provider';
import type { Account } from '../../identity/accounts.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { AccountSession } from './account-page.ts';

export interface FoundSession {
  account: Account;
  session: AccountSession;
}

export interface AccountSignIn {
  /** Who is signed in on this browser, when the account may be used. */
  find(context: Context): Promise<FoundSession | undefined>;
  /** Sends the browser to sign in, `again` also when somebody is signed in, and back to the page. */
  begin(context: Context, page: string, options: { again: boolean }): void;
  /** The browser comes back. */
  finish(context: Context): void;
}

/** The account area as a client of its own tenant. No client that a tenant registers can have this id. */
export const accountClientId = 'tenantry:account';

/** It has no secret and redeems no code: that the browser comes back signed in is all it wants. */
export function accountClient(issuer: string): ClientMetadata {
  return {
    client_id: accountClientId,
    client_name: 'Account',
    redirect_uris: [`${issuer}/account/signed-in`],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'none',
  };
}

const pagePath = /^[a-z-]{1,30}(?:\/[a-z-]{1,30}){0,2}$/;

export function createAccountSignIn({
  slug,
  issuer,
  provider,
  findActive,
  random,
}: {
  slug: string;
  issuer: string;
  provider: Provider;
  findActive: (accountId: string) => Promise<Account | undefined>;
  random: Random;
}): AccountSignIn {
  return {
    async find(context) {
      const { accountId, uid, loginTs, amr, authorizations } = await provider.Session.get(context);
      const account = accountId === undefined ? undefined : await findActive(accountId);
      if (!account || loginTs === undefined) {
        return undefined;
      }
      const grantIds = Object.values(authorizations ?? {}).flatMap(({ grantId }) => grantId ?? []);
      return { account, session: { uid, signedInAt: loginTs, methods: amr ?? [], grantIds } };
    },

    begin(context, page, { again }) {
      const { organization, ui_locales: uiLocales } = context.query;
      const query = new URLSearchParams({
        client_id: accountClientId,
        response_type: 'code',
        scope: 'openid',
        redirect_uri: `${issuer}/account/signed-in`,
        state: page,
        // PKCE is for everybody. Nobody knows a verifier, so the code is worth nothing to anybody.
        code_challenge: randomId(random, 32),
        code_challenge_method: 'S256',
        // Not `max_age`: a proof may be recent and still not be enough, and then nothing would be asked.
        ...(again ? { prompt: 'login' } : {}),
        ...(typeof organization === 'string' ? { organization } : {}),
        ...(typeof uiLocales === 'string' ? { ui_locales: uiLocales } : {}),
      });
      context.status = 303;
      context.redirect(`/${slug}/auth?${query}`);
    },

    finish(context) {
      const { state, error } = context.query;
      const page = typeof state === 'string' && pagePath.test(state) ? `/${state}` : '';
      context.status = 303;
      // Who gave up is not asked again at once.
      context.redirect(error === undefined ? `/${slug}/account${page}` : '/');
    },
  };
}
