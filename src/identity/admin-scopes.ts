/**
 * The permission model of the admin API: its scopes, and which role gives which. A request may do what both its token's scope and, for a
 * person, the roles of the account at this moment allow.
 */
import { defaultApplicationTenantId } from './application-tenant.ts';

/** Scopes that act on the platform as a whole; only the platform tenant's issuer offers them. */
export const platformOnlyScopes = [
  'admin',
  'registrations:read',
  'registrations:decide',
  'tenants:validate',
  'tenants:review',
] as const;

/** Scopes that act inside one tenant; every issuer offers them, each for its own tenant. */
export const tenantScopes = [
  'tenants:read',
  'tenants:export',
  'audit:read',
  'clients:read',
  'clients:write',
  'resources:read',
  'resources:write',
  'branding:read',
  'branding:write',
  'sign-in-sources:read',
  'sign-in-sources:write',
  'keys:read',
  'keys:write',
  'api-keys:read',
  'api-keys:write',
  'webhooks:read',
  'webhooks:write',
  'policy:read',
  'policy:write',
  'usage:read',
  'activity:read',
  'users:read',
  'users:write',
  'application-tenants:read',
  'application-tenants:write',
  'scim',
] as const;

/** Of those, what an administrator of an application tenant may have, and there only (E2). */
export const applicationTenantScopes = [
  'users:read',
  'users:write',
  'activity:read',
  'application-tenants:read',
  'application-tenants:write',
  'api-keys:read',
  'api-keys:write',
  'scim',
] as const satisfies readonly (typeof tenantScopes)[number][];

export const adminScopes = [...platformOnlyScopes, ...tenantScopes] as const;

export type AdminScope = (typeof adminScopes)[number];

/** A role of a tenant; its scopes are plain words that the tenant's own applications read too (B3). */
export interface Role {
  name: string;
  description: string;
  scopes: readonly string[];
}

/** Every tenant begins with these (B3). */
export const defaultTenantRoles: readonly Role[] = [
  { name: 'Admin', description: 'Full access to all features', scopes: ['read', 'write', 'delete', 'admin'] },
  { name: 'Member', description: 'Standard user access', scopes: ['read', 'write'] },
  { name: 'Viewer', description: 'Read-only access', scopes: ['read'] },
];

/** The platform tenant's roles (C1, A2). */
export const operatorRoles: readonly Role[] = [
  {
    name: 'Platform Admin',
    description: 'Creates tenants and looks after them',
    scopes: ['admin', 'registrations:read', ...tenantScopes],
  },
  {
    name: 'OAuth Team',
    description: 'Decides registrations',
    scopes: ['registrations:read', 'registrations:decide', 'tenants:read', 'audit:read'],
  },
  {
    name: 'Security Admin',
    description: 'Validates isolation and access policies',
    scopes: ['registrations:read', 'tenants:read', 'tenants:validate', 'audit:read'],
  },
  {
    name: 'Compliance Officer',
    description: 'Reviews the evidence of provisioning',
    scopes: ['registrations:read', 'tenants:read', 'tenants:review', 'audit:read'],
  },
];

/**
 * Admin API scopes that role scopes amount to. For people of the platform tenant they are the scopes themselves; for those of any other
 * tenant the word `admin` stands for all tenant scopes and nothing else gives any. In an application tenant it stands for those by which the
 * application tenant is managed, and access rules hold them to it (E2).
 */
export function adminScopesOfRoles(
  kind: 'platform' | 'tenant',
  roleScopes: readonly string[],
  applicationTenantId: string = defaultApplicationTenantId,
): AdminScope[] {
  const isOfTenant = applicationTenantId === defaultApplicationTenantId;
  if (kind === 'platform') {
    return isOfTenant ? adminScopes.filter((scope) => roleScopes.includes(scope)) : [];
  }
  if (!roleScopes.includes('admin')) {
    return [];
  }
  return isOfTenant ? [...tenantScopes] : [...applicationTenantScopes];
}
