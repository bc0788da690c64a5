import { Type } from 'typebox';
import { auditGroupChanged, auditGroupCreated, auditGroupRemoved } from '../../audit/people-events.ts';
import type { Group } from '../../identity/groups.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import { groupPageSchema, groupSchema } from '../answers/groups.ts';
import { assertMatch, showMember } from '../etag.ts';
import { assertRolesExist } from '../people/check-roles.ts';
import { findGroup, groupDocument, viewGroup } from '../people/groups.ts';
import { type OpenPeopleDependencies, openVisiblePeople, type VisiblePeople } from '../people/open-people.ts';
import { powerOf } from '../people/power.ts';
import { applicationTenantField } from '../people/schemas.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface GroupRoutesDependencies extends OpenPeopleDependencies {
  publicUrl: URL;
}

const { name, description, roles } = groupDocument.properties;
const newGroupSchema = Type.Object(
  {
    ...applicationTenantField,
    name,
    description: Type.Optional(description),
    roles: Type.Optional(roles),
  },
  { additionalProperties: false },
);

const path = '/api/tenants/{slug}/groups';

/** Groups: people of one application tenant who share roles (B3, E2). */
export function groupRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: GroupRoutesDependencies,
): Route[] {
  const { clock, publicUrl } = dependencies;
  const event = ({ record }: VisiblePeople, { actor }: TenantCaller, group: Group) => ({
    tenantId: record.id,
    actor,
    applicationTenantId: group.applicationTenantId,
    groupId: group.id,
    name: group.name,
  });

  return [
    write({
      path,
      summary: 'Create a group',
      operation: 'createGroup',
      answers: { 201: json(groupSchema, 'ETag', 'Location') },
      access: access.applicationTenant('users:write'),
      body: newGroupSchema,
      async handle({ caller, body, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { applicationTenant, description: words = '', roles: names = [], ...given } = body;
        const { id: applicationTenantId } = await people.chooseToChange(applicationTenant);
        await assertRolesExist(people, names, applicationTenantId);
        await powerOf(caller, people).overRoles(names, applicationTenantId);
        const group = await people.groups.create({
          ...given,
          description: words,
          roles: names,
          applicationTenantId,
        });
        await auditGroupCreated(transaction, clock, { ...event(people, caller, group), roles: names });
        return showMember(viewGroup(group), {
          status: 201,
          headers: { Location: `${publicUrl.origin}/api/tenants/${caller.slug}/groups/${group.id}` },
        });
      },
    }),
    read({
      path,
      summary: 'List groups',
      operation: 'listGroups',
      answers: { 200: json(groupPageSchema) },
      access: access.applicationTenant('users:read'),
      query: querySchema({ ...pageFields, ...applicationTenantField }),
      async handle({ caller, query: { applicationTenant, limit = defaultPageSize, cursor } }) {
        const { choose, groups } = await openVisiblePeople(dependencies, caller);
        const { id } = await choose(applicationTenant);
        const page = await groups.list(id, { limit, ...(cursor === undefined ? {} : { cursor }) });
        return { status: 200, body: { ...page, groups: page.groups.map(viewGroup) } };
      },
    }),
    read({
      path: `${path}/{groupId}`,
      summary: 'Read a group',
      operation: 'getGroup',
      answers: { 200: json(groupSchema, 'ETag') },
      access: access.applicationTenant('users:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const people = await openVisiblePeople(dependencies, caller);
        return showMember(viewGroup(await findGroup(people, caller, params.groupId)));
      },
    }),
    change({
      path: `${path}/{groupId}`,
      summary: 'Change a group',
      operation: 'updateGroup',
      answers: { 200: json(groupSchema, 'ETag') },
      access: access.applicationTenant('users:write'),
      document: groupDocument,
      async handle({ caller, params, ifMatch, merge, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const group = await findGroup(people, caller, params.groupId);
        const { applicationTenantId } = group;
        assertMatch(ifMatch, viewGroup(group));
        const { name: formerName, description: words, roles: formerRoles } = group;
        const next = merge({ name: formerName, description: words, roles: [...formerRoles] });
        await assertRolesExist(people, next.roles, applicationTenantId);
        await powerOf(caller, people).overRoles([...formerRoles, ...next.roles], applicationTenantId);
        const changed = await people.groups.update(group, next);
        await auditGroupChanged(transaction, clock, {
          ...event(people, caller, changed),
          roles: changed.roles,
        });
        return showMember(viewGroup(changed));
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/{groupId}`,
      summary: 'Delete a group; its members stay',
      operation: 'deleteGroup',
      answers: { 200: json(removedSchema) },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, ifMatch, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const group = await findGroup(people, caller, params.groupId);
        assertMatch(ifMatch, viewGroup(group));
        await powerOf(caller, people).overRoles(group.roles, group.applicationTenantId);
        await people.groups.remove(group);
        await people.memberships.removeAll(group.id);
        await auditGroupRemoved(transaction, clock, event(people, caller, group));
        return { status: 200, body: { id: group.id, removed: true } };
      },
    }),
  ];
}
