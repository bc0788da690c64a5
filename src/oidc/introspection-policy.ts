import type { Configuration } from 'oidc-provider';
import type { ResourceServers } from './resource-servers.ts';
import type { ProviderHooks } from './tenant-pages.ts';

type AllowedPolicy = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['introspection']>['allowedPolicy']
>;

/**
 * Who learns about a token (RFC 7662 §2.1): the client that holds it, and the API that it is meant for. A token of a client that is gone or
 * disabled, or of a person who may not sign in, is worth nothing, whatever it says of its own time. Where scopes go by roles, it is worth what the
 * roles give now.
 */
export function createIntrospectionPolicy({
  resourceServers,
  findAccount,
  roleScopesOf,
}: {
  resourceServers: Pick<ResourceServers, 'mayIntrospect' | 'isByRole'>;
} & Pick<ProviderHooks, 'findAccount' | 'roleScopesOf'>): AllowedPolicy {
  return async (context, client, token) => {
    if (token.clientId !== client.clientId) {
      const isForTheApi =
        client.clientAuthMethod !== 'none' &&
        'aud' in token &&
        typeof token.aud === 'string' &&
        (await resourceServers.mayIntrospect(client, token.aud));
      if (!isForTheApi || !(await context.oidc.provider.Client.find(token.clientId ?? ''))) {
        return false;
      }
    }
    if (!('accountId' in token) || token.accountId === undefined) {
      return true;
    }
    const account = await findAccount(context, token.accountId, token);
    if (account === undefined) {
      return false;
    }
    if ('aud' in token && typeof token.aud === 'string' && (await resourceServers.isByRole(token.aud))) {
      context.oidc.entity('Account', account);
      const given = (await roleScopesOf(context)) ?? [];
      // The answer is made of the token, which is not stored again.
      token.scope = token.scope
        ?.split(' ')
        .filter((scope) => given.includes(scope))
        .join(' ');
    }
    return true;
  };
}
