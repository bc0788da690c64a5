import { Type } from 'typebox';
import { auditGroupMemberAdded, auditGroupMemberRemoved } from '../../audit/people-events.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json } from '../answer-schema.ts';
import { memberPageSchema, memberSchema, removedMemberSchema } from '../answers/groups.ts';
import { findGroup } from '../people/groups.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { powerOf } from '../people/power.ts';
import { defaultPageSize, noQuery, pageFields, querySchema, tokenSchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

const newMemberSchema = Type.Object({ userId: tokenSchema }, { additionalProperties: false });

const path = '/api/tenants/{slug}/groups/{groupId}/members';

/** Who is in a group. Being in it gives its roles, so it takes whoever may give them. */
export function groupMemberRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: OpenPeopleDependencies,
): Route[] {
  const { clock } = dependencies;

  async function open(caller: TenantCaller, groupId: string | undefined, userId: string | undefined) {
    const people = await openVisiblePeople(dependencies, caller);
    const group = await findGroup(people, caller, groupId);
    const account = await people.account(userId);
    if (account.applicationTenantId !== group.applicationTenantId) {
      throw new AppError('not_found', 'There is no such user.');
    }
    const power = powerOf(caller, people);
    await power.overRoles(group.roles, group.applicationTenantId);
    await power.overAccount(account);
    const event = {
      tenantId: people.record.id,
      actor: caller.actor,
      applicationTenantId: account.applicationTenantId,
      accountId: account.id,
      groupId: group.id,
    };
    return { people, group, account, event };
  }

  return [
    read({
      path,
      summary: 'List the members of a group',
      operation: 'listGroupMembers',
      answers: { 200: json(memberPageSchema) },
      access: access.applicationTenant('users:read'),
      query: querySchema(pageFields),
      async handle({ caller, params, query: { limit = defaultPageSize, cursor } }) {
        const people = await openVisiblePeople(dependencies, caller);
        const group = await findGroup(people, caller, params.groupId);
        const page = await people.memberships.membersOf(group, {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        });
        const members = page.accounts.map(({ id, email, name }) => ({ userId: id, email, name }));
        return {
          status: 200,
          body: { members, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) },
        };
      },
    }),
    write({
      path,
      summary: 'Add a user to a group',
      operation: 'addGroupMember',
      answers: { 201: json(memberSchema) },
      access: access.applicationTenant('users:write'),
      body: newMemberSchema,
      async handle({ caller, params, body, transaction }) {
        const { people, group, account, event } = await open(caller, params.groupId, body.userId);
        await people.memberships.add(account, group);
        await auditGroupMemberAdded(transaction, clock, event);
        return { status: 201, body: { groupId: group.id, userId: account.id } };
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/{userId}`,
      summary: 'Take a user out of a group',
      operation: 'removeGroupMember',
      answers: { 200: json(removedMemberSchema) },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, transaction }) {
        const { people, group, account, event } = await open(caller, params.groupId, params.userId);
        if (!(await people.memberships.isMember(account.id, group.id))) {
          throw new AppError('not_found', 'There is no such member.');
        }
        await people.memberships.remove(account.id, group.id);
        await auditGroupMemberRemoved(transaction, clock, event);
        return { status: 200, body: { groupId: group.id, userId: account.id, removed: true } };
      },
    }),
  ];
}
