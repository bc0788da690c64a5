import { UpstreamFailure } from '../../../cloud/upstream-failure.ts';
import type { Account } from '../../../identity/accounts.ts';
import { identityOf, isInCharge } from '../../../identity/federated-sign-in.ts';
import type { SignInSource } from '../../../identity/sign-in-source.ts';
import type { UpstreamConnections } from '../../../identity/upstream-connections.ts';
import { personOfClaims } from '../../../identity/upstream-person.ts';
import type { Log } from '../../../platform/log.ts';
import type { LinkToBe } from '../sign-in-state.ts';
import type { FederationStates } from './federation-state.ts';
import type { UsableSources } from './usable-sources.ts';

/** Whoever is signed in, and in which session. */
export interface LinkOwner {
  account: Account;
  sessionUid: string;
}

/**
 * `taken`: the identity belongs to another account. `address`: the source is for people with other addresses. `failed`: the provider cannot be used
 * at the moment, or gave no answer that can be believed. `expired`: nobody left by this state, or in another session, or it was used.
 */
export type LinkProblem = 'taken' | 'address' | 'failed' | 'expired';

export interface SourceLinking {
  /** OpenID providers that people of the account's application tenant may use. */
  offered(account: Account): Promise<{ id: string; name: string }[]>;
  /** Where the browser goes to sign in; `undefined` for a source that is not offered. */
  begin(owner: LinkOwner, sourceId: string, uiLocales: string): Promise<URL | 'failed' | undefined>;
  /** The browser is back, with these parameters. What has been linked; or why nothing was. Nothing is said of somebody who gave up. */
  finish(owner: LinkOwner, query: URLSearchParams): Promise<LinkToBe | LinkProblem | 'given-up'>;
}

/**
 * Adding a sign-in source to an account whose owner is signed in. The state is bound to session and account: an answer that somebody else got, or that
 * is for somebody else, adds nothing. An identity that has an account stays with it.
 */
export function createSourceLinking({
  issuer,
  usable,
  connections,
  states,
  link,
  log,
}: {
  /** `<origin>/<slug>`. */
  issuer: string;
  usable: UsableSources;
  connections: Pick<UpstreamConnections, 'openid'>;
  states: FederationStates;
  /** False when the identity belongs to another account. */
  link: (link: LinkToBe, account: Account) => Promise<boolean>;
  log: Log;
}): SourceLinking {
  async function unlessFailing<Result>(
    source: SignInSource,
    work: () => Promise<Result>,
  ): Promise<Result | 'failed' | 'given-up'> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) {
        throw error;
      }
      if (error.kind === 'denied') {
        return 'given-up';
      }
      log.warn({ source: source.id, failure: error.kind, reason: error.message }, 'sign-in source failed');
      return 'failed';
    }
  }

  async function findOffered(
    { applicationTenantId }: Account,
    id: string,
  ): Promise<SignInSource | undefined> {
    return (await usable.list(applicationTenantId, 'openid')).find((source) => source.id === id);
  }

  return {
    async offered({ applicationTenantId }) {
      const sources = await usable.list(applicationTenantId, 'openid');
      return sources.map(({ id, name }) => ({ id, name }));
    },

    async begin({ account, sessionUid }, sourceId, uiLocales) {
      const source = await findOffered(account, sourceId);
      if (source === undefined) {
        return undefined;
      }
      const url = await unlessFailing(source, async () => {
        const provider = await connections.openid(source);
        const canChoose = (await provider.prompts()).includes('select_account');
        const owner = { accountId: account.id, sessionUid };
        const begun = await states.begin({ sourceId, owner });
        return provider.authorizationUrl({
          ...begun,
          redirectUri: callbackOf(issuer, source),
          // Whoever the browser is signed in as there may not be whom the person means.
          parameters: { ui_locales: uiLocales, ...(canChoose ? { prompt: 'select_account' } : {}) },
        });
      });
      return url === 'given-up' ? 'failed' : url;
    },

    async finish({ account, sessionUid }, query) {
      const state = query.get('state') ?? '';
      const begun = await states.consume(state);
      const source = begun && (await findOffered(account, begun.sourceId));
      const isOwn = begun?.owner?.accountId === account.id && begun.owner.sessionUid === sessionUid;
      if (!source || !isOwn) {
        return 'expired';
      }
      return unlessFailing(source, async () => {
        const provider = await connections.openid(source);
        const checks = { ...begun, state, redirectUri: callbackOf(issuer, source) };
        const person = personOfClaims(await provider.redeem(query, checks), source);
        if (source.domains?.length && !(person.emailVerified && isInCharge(source, person.email ?? ''))) {
          return 'address';
        }
        const { applicationTenantId } = account;
        const made: LinkToBe = {
          identity: identityOf({ source, applicationTenantId, person }),
          label: person.email ?? person.subject,
        };
        return (await link(made, account)) ? made : 'taken';
      });
    },
  };
}

/** One address per source, so that an answer of one provider is never taken for another's (RFC 9700 §4.4). */
export function callbackOf(issuer: string, { id }: Pick<SignInSource, 'id'>): string {
  return `${issuer}/federation/${id}/callback`;
}
