import type { Grant, KoaContextWithOIDC } from 'oidc-provider';
import type { Account } from '../../identity/accounts.ts';
import { type AdminScope, adminScopes, adminScopesOfRoles } from '../../identity/admin-scopes.ts';
import type { People } from '../../identity/people.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';

export interface AdminScopeFilter {
  /**
   * Refuses in `grant` every requested admin API scope that the account's roles do not give, and takes back those given earlier. Refused
   * scopes count as answered, so the person is not asked for them. Refusals are never stored: a role given later counts at the next request.
   */
  apply(context: KoaContextWithOIDC, account: Account, grant: Grant): Promise<void>;
}

export function createAdminScopeFilter({
  kind,
  people,
  adminApiResource,
}: {
  kind: TenantRecord['kind'];
  people: Pick<People, 'roleScopesOf'>;
  adminApiResource: string;
}): AdminScopeFilter {
  async function allowedTo(account: Account): Promise<AdminScope[]> {
    return adminScopesOfRoles(kind, await people.roleScopesOf(account), account.applicationTenantId);
  }
  return {
    async apply(context, account, grant) {
      const resourceServer = context.oidc.resourceServers?.[adminApiResource];
      if (!resourceServer) {
        return;
      }
      const allowed = new Set<string>(await allowedTo(account));
      const granted = words(grant.getResourceScope(adminApiResource));
      const kept = granted.filter((scope) => allowed.has(scope));
      if (kept.length < granted.length) {
        grant.resources = { ...grant.resources, [adminApiResource]: kept.join(' ') };
        await grant.save();
      }
      const refused = adminScopes.filter(
        (scope) => context.oidc.requestParamScopes.has(scope) && !allowed.has(scope),
      );
      if (refused.length > 0) {
        grant.rejectResourceScope(adminApiResource, [...refused]);
      }
    },
  };
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
