import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Account } from '../../identity/accounts.ts';
import type { People } from '../../identity/people.ts';
import type { ResourceServers } from '../resource-servers.ts';

/**
 * Leaves of the APIs that an authorization request names the scopes that the person's roles give, where an API goes by roles: the person is not
 * asked to allow what no token will hold. Tokens are cut when they are made, so a role counts from the next one on.
 */
export async function narrowToRoles(
  context: KoaContextWithOIDC,
  account: Account,
  {
    resourceServers,
    people,
  }: { resourceServers: Pick<ResourceServers, 'isByRole'>; people: Pick<People, 'roleScopesOf'> },
): Promise<void> {
  for (const [indicator, resourceServer] of Object.entries(context.oidc.resourceServers ?? {})) {
    if (await resourceServers.isByRole(indicator)) {
      const given = await people.roleScopesOf(account);
      resourceServer.scope = [...resourceServer.scopes].filter((scope) => given.includes(scope)).join(' ');
    }
  }
}
