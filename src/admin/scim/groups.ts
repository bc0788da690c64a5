import {
  auditGroupChanged,
  auditGroupCreated,
  auditGroupMemberAdded,
  auditGroupMemberRemoved,
  auditGroupRemoved,
} from '../../audit/people-events.ts';
import type { Group } from '../../identity/groups.ts';
import { AppError } from '../../kernel/errors.ts';
import { scimAnswers } from '../answers/scim.ts';
import { powerOf } from '../people/power.ts';
import { parseScimFilter, type ScimFilter } from './filter.ts';
import { type GroupChanges, readGroupChanges } from './group-changes.ts';
import { memberIdsOf, membersOf, withoutMembers } from './group-members.ts';
import {
  readDisplayName,
  readExternalId,
  readMembers,
  toGroupResource,
  versionOfGroup,
} from './group-resource.ts';
import { readOperations } from './patch.ts';
import { assertVersion, isShown, listAnswer, pageOf, project, showResource } from './resource.ts';
import { ScimError } from './scim-error.ts';
import type { ScimDependencies, ScimRequest, ScimRouteDefinition } from './scim-route.ts';

/** More are not shown in one answer; groups with more are still changed member by member. */
const maxShownMembers = 10_000;
/** Of all groups of a list together: each is a read. */
const maxListedMembers = 2_000;
/** Groups have no place in a list but by counting, so a list looks at so many. */
const maxListedGroups = 5_000;

/** Groups of SCIM (RFC 7644 §3): those of one application tenant. Roles are given to them by the admin API only. */
export function scimGroups({ clock }: ScimDependencies): ScimRouteDefinition[] {
  async function find({ people, applicationTenant, id }: ScimRequest): Promise<Group> {
    const found = await people.groups.get(id);
    if (found?.applicationTenantId !== applicationTenant.id) {
      throw new AppError('not_found', 'There is no such group.');
    }
    return found;
  }

  async function show(request: ScimRequest, group: Group, most = maxShownMembers) {
    const { base, query } = request;
    const members = isShown('members', query) ? await membersOf(request.people, group, most) : [];
    return toGroupResource(group, { members, base });
  }

  /** The groups that a list looks through: the one that the filter names by itself, or all. */
  async function candidates({ people, applicationTenant }: ScimRequest, filter: ScimFilter | undefined) {
    const name = filter?.equalTo('displayname');
    const groupId = filter?.equalTo('id');
    if (name !== undefined || groupId !== undefined) {
      const named =
        name === undefined
          ? await people.groups.get(groupId ?? '')
          : await people.groups.findByName(applicationTenant.id, name);
      return named?.applicationTenantId === applicationTenant.id ? [named] : [];
    }
    const all: Group[] = [];
    let cursor: string | undefined;
    do {
      const page = await people.groups.list(applicationTenant.id, cursor === undefined ? {} : { cursor });
      all.push(...page.groups);
      cursor = page.cursor;
      if (cursor !== undefined && all.length >= maxListedGroups) {
        throw new ScimError(
          'tooMany',
          'There are too many groups to look through: use a filter on displayName or id (eq).',
        );
      }
    } while (cursor !== undefined);
    return all;
  }

  const event = ({ people, caller }: ScimRequest, { id, applicationTenantId }: Group) => ({
    tenantId: people.record.id,
    actor: caller.actor,
    applicationTenantId,
    groupId: id,
  });

  async function findMembers({ people, applicationTenant }: ScimRequest, ids: Iterable<string>) {
    const found = await Promise.all([...ids].map((id) => people.accounts.get(id)));
    return found.map((account) => {
      if (account?.applicationTenantId !== applicationTenant.id) {
        throw new ScimError('invalidValue', 'members must be users of this application tenant.');
      }
      return account;
    });
  }

  async function change(request: ScimRequest, changes: GroupChanges) {
    const { people, caller, ifMatch, query, transaction } = request;
    const group = await find(request);
    assertVersion(ifMatch, versionOfGroup(group));
    const power = powerOf(caller, people);
    await power.overRoles(group.roles, group.applicationTenantId);
    const { exactly } = changes;
    const joining = await findMembers(request, await withoutMembers(people, group, exactly ?? changes.add));
    for (const account of joining) await power.overAccount(account);
    const leaving =
      exactly === undefined
        ? [...changes.remove]
        : [...(await memberIdsOf(people, group))].filter((id) => !exactly.has(id));
    for (const id of leaving) {
      const account = await people.accounts.get(id);
      if (account !== undefined) await power.overAccount(account);
    }
    const isRenamed = changes.displayName !== undefined || changes.externalId !== undefined;
    const changed = isRenamed ? await people.groups.update(...renaming(group, changes)) : group;
    for (const account of joining) {
      await people.memberships.add(account, changed);
      await auditGroupMemberAdded(transaction, clock, { ...event(request, changed), accountId: account.id });
    }
    for (const accountId of leaving) {
      await people.memberships.remove(accountId, changed.id);
      await auditGroupMemberRemoved(transaction, clock, { ...event(request, changed), accountId });
    }
    if (isRenamed) {
      await auditGroupChanged(transaction, clock, {
        ...event(request, changed),
        name: changed.name,
        roles: changed.roles,
      });
    }
    return showResource(await show(request, await find(request)), query);
  }

  return [
    {
      method: 'POST',
      path: '/Groups',
      summary: 'SCIM: create a group',
      operation: 'scimCreateGroup',
      answers: scimAnswers(201, 'ETag', 'Location'),
      async handle(request) {
        const { people, applicationTenant, caller, body, query, transaction } = request;
        const members = await findMembers(request, readMembers(body.members));
        const power = powerOf(caller, people);
        for (const account of members) await power.overAccount(account);
        const group = await people.groups.create({
          name: readDisplayName(body.displayName),
          description: '',
          roles: [],
          externalId: readExternalId(body.externalId),
          applicationTenantId: applicationTenant.id,
        });
        for (const account of members) await people.memberships.add(account, group);
        await auditGroupCreated(transaction, clock, {
          ...event(request, group),
          name: group.name,
          roles: [],
        });
        return showResource(await show(request, (await people.groups.get(group.id)) ?? group), query, 201);
      },
    },
    {
      method: 'GET',
      path: '/Groups',
      summary: 'SCIM: list and filter groups',
      operation: 'scimListGroups',
      answers: scimAnswers(200),
      async handle(request) {
        const { base, query } = request;
        const { startIndex, count } = pageOf(query);
        const filter = query.filter?.trim() ? parseScimFilter(query.filter) : undefined;
        const all = await candidates(request, filter);
        const found = filter ? all.filter((group) => filter.matches(toGroupResource(group, { base }))) : all;
        const begin = startIndex - 1;
        const shown: Awaited<ReturnType<typeof show>>[] = [];
        let left = maxListedMembers;
        for (const group of found.slice(begin, begin + count)) {
          const resource = await show(request, group, left);
          left -= Array.isArray(resource.members) ? resource.members.length : 0;
          shown.push(resource);
        }
        return listAnswer(
          shown.map((resource) => project(resource, query)),
          { totalResults: found.length, startIndex },
        );
      },
    },
    {
      method: 'GET',
      path: '/Groups/{id}',
      summary: 'SCIM: read a group',
      operation: 'scimGetGroup',
      answers: scimAnswers(200, 'ETag', 'Location'),
      handle: async (request) => showResource(await show(request, await find(request)), request.query),
    },
    {
      method: 'PUT',
      path: '/Groups/{id}',
      summary: 'SCIM: replace a group',
      operation: 'scimReplaceGroup',
      answers: scimAnswers(200, 'ETag', 'Location'),
      handle: ({ body, ...request }) =>
        change(
          { ...request, body },
          {
            displayName: readDisplayName(body.displayName),
            externalId: readExternalId(body.externalId) ?? null,
            add: new Set(),
            remove: new Set(),
            exactly: new Set(readMembers(body.members)),
          },
        ),
    },
    {
      method: 'PATCH',
      path: '/Groups/{id}',
      summary: 'SCIM: change a group',
      operation: 'scimChangeGroup',
      answers: scimAnswers(200, 'ETag', 'Location'),
      handle: (request) => change(request, readGroupChanges(readOperations(request.body))),
    },
    {
      method: 'DELETE',
      path: '/Groups/{id}',
      summary: 'SCIM: delete a group',
      operation: 'scimDeleteGroup',
      answers: scimAnswers(204),
      async handle(request) {
        const { people, caller, ifMatch, transaction } = request;
        const group = await find(request);
        assertVersion(ifMatch, versionOfGroup(group));
        await powerOf(caller, people).overRoles(group.roles, group.applicationTenantId);
        await people.groups.remove(group);
        await people.memberships.removeAll(group.id);
        await auditGroupRemoved(transaction, clock, { ...event(request, group), name: group.name });
        return { status: 204, body: {} };
      },
    },
  ];
}

/** The group without what is taken away, and what is given to it. */
function renaming(
  { externalId: former, ...group }: Group,
  { displayName, externalId = former }: GroupChanges,
): [Group, Partial<Group>] {
  return [
    group,
    {
      ...(displayName === undefined ? {} : { name: displayName }),
      ...(externalId === undefined || externalId === null ? {} : { externalId }),
    },
  ];
}
