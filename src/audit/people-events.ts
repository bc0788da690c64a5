/**
 * Audit events about people and where they belong (B7, E2), as those of `events.ts`. None holds a person's name or address: the log is kept
 * for ever, and personal data must not be.
 */
import { type About, define } from './events.ts';

interface AboutUser extends About {
  accountId: string;
  applicationTenantId: string;
}

interface AboutApplicationTenant extends About {
  applicationTenantId: string;
}

export const auditUserCreated = define<AboutUser & { roles: readonly string[] }>('user.created', 'notice');
export const auditUserChanged = define<
  AboutUser & { changed: readonly string[]; roles: readonly string[]; disabled: boolean }
>('user.changed', 'notice');
export const auditUserRemoved = define<AboutUser>('user.removed', 'notice');
export const auditUserInvited = define<AboutUser & { invitationId: string }>('user.invited', 'notice');
export const auditInvitationRevoked = define<AboutUser & { invitationId: string }>(
  'user.invitation-revoked',
  'notice',
);
export const auditUserSignedOut = define<AboutUser>('user.signed-out', 'notice');
export const auditUserFactorsReset = define<AboutUser>('user.factors-reset', 'high');
export const auditUserImportStarted = define<AboutApplicationTenant & { importId: string }>(
  'user.import-started',
  'notice',
);
export const auditUsersExported = define<AboutApplicationTenant>('user.exported', 'notice');
export const auditGroupCreated = define<
  AboutApplicationTenant & { groupId: string; name: string; roles: readonly string[] }
>('group.created', 'notice');
export const auditGroupChanged = define<
  AboutApplicationTenant & { groupId: string; name: string; roles: readonly string[] }
>('group.changed', 'notice');
export const auditGroupRemoved = define<AboutApplicationTenant & { groupId: string; name: string }>(
  'group.removed',
  'notice',
);
export const auditGroupMemberAdded = define<AboutUser & { groupId: string }>('group.member-added', 'notice');
export const auditGroupMemberRemoved = define<AboutUser & { groupId: string }>(
  'group.member-removed',
  'notice',
);
export const auditRoleCreated = define<AboutApplicationTenant & { role: string; scopes: readonly string[] }>(
  'role.created',
  'notice',
);
export const auditRoleChanged = define<AboutApplicationTenant & { role: string; scopes: readonly string[] }>(
  'role.changed',
  'notice',
);
export const auditRoleRemoved = define<AboutApplicationTenant & { role: string }>('role.removed', 'notice');
export const auditApplicationTenantCreated = define<AboutApplicationTenant & { slug: string }>(
  'application-tenant.created',
  'notice',
);
export const auditApplicationTenantChanged = define<
  AboutApplicationTenant & { slug: string; changed: readonly string[] }
>('application-tenant.changed', 'notice');
export const auditApplicationTenantSuspended = define<AboutApplicationTenant & { slug: string }>(
  'application-tenant.suspended',
  'high',
);
export const auditApplicationTenantResumed = define<AboutApplicationTenant & { slug: string }>(
  'application-tenant.resumed',
  'notice',
);
export const auditApplicationTenantRemoved = define<AboutApplicationTenant & { slug: string }>(
  'application-tenant.removed',
  'high',
);
export const auditDomainAdded = define<AboutApplicationTenant & { domain: string }>(
  'application-tenant.domain-added',
  'notice',
);
export const auditDomainVerified = define<AboutApplicationTenant & { domain: string }>(
  'application-tenant.domain-verified',
  'notice',
);
export const auditDomainRemoved = define<AboutApplicationTenant & { domain: string }>(
  'application-tenant.domain-removed',
  'notice',
);
