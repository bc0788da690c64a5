import type { AccessRules } from '../access.ts';
import type { RouteGroup, RouteKinds } from '../route.ts';
import { scimDiscovery } from '../scim/discovery.ts';
import { scimGroups } from '../scim/groups.ts';
import { scimRoutes } from '../scim/scim-route.ts';
import { type ScimUserDependencies, scimUsers } from '../scim/users.ts';
import { type ApplicationDomainRoutesDependencies, applicationDomainRoutes } from './application-domains.ts';
import { type ApplicationTenantRoutesDependencies, applicationTenantRoutes } from './application-tenants.ts';
import { groupMemberRoutes } from './group-members.ts';
import { type GroupRoutesDependencies, groupRoutes } from './groups.ts';
import { type InvitationRoutesDependencies, invitationRoutes } from './invitations.ts';
import { roleRoutes } from './roles.ts';
import { type UserImportRoutesDependencies, userImportRoutes } from './user-imports.ts';
import { type UserRoutesDependencies, userRoutes } from './users.ts';

export type PeopleRoutesDependencies = ApplicationTenantRoutesDependencies &
  ApplicationDomainRoutesDependencies &
  GroupRoutesDependencies &
  InvitationRoutesDependencies &
  ScimUserDependencies &
  UserImportRoutesDependencies &
  UserRoutesDependencies;

/** A tenant's people and where they belong (E2, B3, B7). */
export function peopleGroups(
  kinds: RouteKinds,
  access: AccessRules,
  dependencies: PeopleRoutesDependencies,
): RouteGroup[] {
  return [
    {
      tag: 'Application tenants',
      about: 'A tenant’s own customers, each with users of its own.',
      routes: [
        ...applicationTenantRoutes(kinds, access, dependencies),
        ...applicationDomainRoutes(kinds, access, dependencies),
      ],
    },
    {
      tag: 'Users',
      about: 'The people of a tenant: one by one, in bulk, and by invitation.',
      routes: [
        ...userRoutes(kinds, access, dependencies),
        ...userImportRoutes(kinds, access, dependencies),
        ...invitationRoutes(kinds, access, dependencies),
      ],
    },
    {
      tag: 'Groups and roles',
      about: 'What people may do, and with whom they share it.',
      routes: [
        ...groupRoutes(kinds, access, dependencies),
        ...groupMemberRoutes(kinds, access, dependencies),
        ...roleRoutes(kinds, access, dependencies),
      ],
    },
    {
      tag: 'SCIM',
      about: 'Provisioning of users and groups by another system (RFC 7644).',
      routes: scimRoutes(access, dependencies, [
        ...scimUsers(dependencies),
        ...scimGroups(dependencies),
        ...scimDiscovery(),
      ]),
    },
  ];
}
