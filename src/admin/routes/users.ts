import { Type } from 'typebox';
import {
  auditUserChanged,
  auditUserCreated,
  auditUserFactorsReset,
  auditUserRemoved,
  auditUserSignedOut,
} from '../../audit/people-events.ts';
import type { Account } from '../../identity/accounts.ts';
import type { AccountAccess, AccountAccessOf } from '../../oidc/account-access.ts';
import type { AccessRules } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import { endedSchema, userPageSchema, userSchema } from '../answers/users.ts';
import { assertMatch, showMember } from '../etag.ts';
import { changedMembers } from '../people/changed-members.ts';
import { assertRolesExist } from '../people/check-roles.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { powerOf } from '../people/power.ts';
import { removeUser } from '../people/remove-user.ts';
import { applicationTenantField, optionalWordsSchema } from '../people/schemas.ts';
import {
  documentOfUser,
  findGroups,
  userDocument,
  userProblems,
  viewListedUser,
  viewUser,
} from '../people/users.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface UserRoutesDependencies extends OpenPeopleDependencies {
  publicUrl: URL;
  /** What else there is of an account, and where it may be signed in. */
  accountAccess: AccountAccessOf;
}

const { email, emailVerified, name, givenName, familyName, externalId, roles, groups, disabled } =
  userDocument.properties;
const newUserSchema = Type.Object(
  {
    ...applicationTenantField,
    email,
    emailVerified: Type.Optional(emailVerified),
    name,
    givenName,
    familyName,
    externalId,
    roles: Type.Optional(roles),
    groups: Type.Optional(groups),
    disabled: Type.Optional(disabled),
  },
  { additionalProperties: false },
);

/** The people of a tenant, by application tenant (E2, B7). */
export function userRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: UserRoutesDependencies,
): Route[] {
  const { clock, publicUrl, accountAccess } = dependencies;
  const about = ({ id, applicationTenantId }: Account) => ({ accountId: id, applicationTenantId });

  const ending = (
    action: 'end-sessions' | 'reset-factors',
    summary: string,
    end: (held: AccountAccess, accountId: string) => Promise<void>,
  ) =>
    write({
      path: `/api/tenants/{slug}/users/{userId}/${action}`,
      summary,
      operation: action === 'end-sessions' ? 'endUserSessions' : 'resetUserFactors',
      answers: { 200: json(endedSchema) },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const account = await people.account(params.userId);
        await powerOf(caller, people).overAccount(account);
        await end(accountAccess(people.record), account.id);
        const audit = action === 'end-sessions' ? auditUserSignedOut : auditUserFactorsReset;
        await audit(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          ...about(account),
        });
        return { status: 200, body: { id: account.id } };
      },
    });

  return [
    write({
      path: '/api/tenants/{slug}/users',
      summary: 'Create a user',
      operation: 'createUser',
      answers: { 201: json(userSchema, 'ETag', 'Location') },
      access: access.applicationTenant('users:write'),
      body: newUserSchema,
      problems: userProblems,
      async handle({ body, caller, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { applicationTenant, groups: groupIds = [], roles: roleNames = [], ...given } = body;
        const { id: applicationTenantId } = await people.chooseToChange(applicationTenant);
        const power = powerOf(caller, people);
        await assertRolesExist(people, roleNames, applicationTenantId);
        const joined = await findGroups(people, groupIds, applicationTenantId);
        const allRoles = [...roleNames, ...joined.flatMap((group) => group.roles)];
        await power.overRoles(allRoles, applicationTenantId);
        const account = await people.accounts.create({ ...given, roles: roleNames, applicationTenantId });
        await Promise.all(joined.map((group) => people.memberships.add(account, group)));
        await auditUserCreated(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          ...about(account),
          roles: roleNames,
        });
        return showMember(viewUser(account, joined), {
          status: 201,
          headers: { Location: `${publicUrl.origin}/api/tenants/${caller.slug}/users/${account.id}` },
        });
      },
    }),
    read({
      path: '/api/tenants/{slug}/users',
      summary: 'List and search users',
      operation: 'listUsers',
      answers: { 200: json(userPageSchema) },
      access: access.applicationTenant('users:read'),
      query: querySchema({
        ...pageFields,
        ...applicationTenantField,
        search: Type.Optional(optionalWordsSchema(200)),
      }),
      async handle({ caller, query: { applicationTenant, search = '', limit = defaultPageSize, cursor } }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { id: applicationTenantId } = await people.choose(applicationTenant);
        const page = { applicationTenantId, limit, ...(cursor === undefined ? {} : { cursor }) };
        const found =
          search.trim() === ''
            ? await people.accounts.list(page)
            : await people.accounts.search({ ...page, text: search });
        const users = found.accounts.map(viewListedUser);
        return {
          status: 200,
          body: { users, ...(found.cursor === undefined ? {} : { cursor: found.cursor }) },
        };
      },
    }),
    read({
      path: '/api/tenants/{slug}/users/{userId}',
      summary: 'Read a user',
      operation: 'getUser',
      answers: { 200: json(userSchema, 'ETag') },
      access: access.applicationTenant('users:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const people = await openVisiblePeople(dependencies, caller);
        const account = await people.account(params.userId);
        return showMember(viewUser(account, await people.memberships.groupsOf(account)));
      },
    }),
    change({
      path: '/api/tenants/{slug}/users/{userId}',
      summary: 'Change a user',
      operation: 'updateUser',
      answers: { 200: json(userSchema, 'ETag') },
      access: access.applicationTenant('users:write'),
      document: userDocument,
      problems: userProblems,
      async handle({ caller, params, ifMatch, merge, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { memberships } = people;
        const account = await people.account(params.userId);
        const { applicationTenantId } = account;
        const power = powerOf(caller, people);
        await power.overAccount(account);
        const former = await memberships.groupsOf(account);
        assertMatch(ifMatch, viewUser(account, former));
        const before = documentOfUser(account, former);
        const { groups: groupIds, ...next } = merge(before);
        await assertRolesExist(people, next.roles, applicationTenantId);
        const joined = await findGroups(people, groupIds, applicationTenantId);
        await power.overRoles(
          [...next.roles, ...joined.flatMap((group) => group.roles)],
          applicationTenantId,
        );
        const changed = await people.accounts.update(
          account.id,
          {
            ...next,
            // An address that changes is unproved, whatever was so of the former one.
            ...(next.email !== account.email && next.emailVerified === account.emailVerified
              ? { emailVerified: false }
              : {}),
            givenName: next.givenName ?? null,
            familyName: next.familyName ?? null,
            externalId: next.externalId ?? null,
          },
          account.version,
        );
        const left = former.filter(({ id }) => !groupIds.includes(id));
        await Promise.all([
          ...joined.map((group) => memberships.add(changed, group)),
          ...left.map(({ id }) => memberships.remove(changed.id, id)),
        ]);
        if (changed.disabled && !account.disabled) {
          await accountAccess(people.record).end(changed.id);
        }
        const after = documentOfUser(changed, joined);
        await auditUserChanged(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          ...about(changed),
          // Names of what changed only: the log is kept for ever, and personal data must not be.
          changed: changedMembers(before, after),
          roles: after.roles,
          disabled: after.disabled,
        });
        return showMember(viewUser(changed, await memberships.groupsOf(changed)));
      },
    }),
    write({
      method: 'DELETE',
      path: '/api/tenants/{slug}/users/{userId}',
      summary: 'Delete a user with everything that belongs to it',
      operation: 'deleteUser',
      answers: { 200: json(removedSchema) },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, ifMatch, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const account = await people.account(params.userId);
        await powerOf(caller, people).overAccount(account);
        assertMatch(ifMatch, viewUser(account, await people.memberships.groupsOf(account)));
        await removeUser({ accounts: people.accounts, access: accountAccess(people.record) }, account);
        await auditUserRemoved(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          ...about(account),
        });
        return { status: 200, body: { id: account.id, removed: true } };
      },
    }),
    ending('end-sessions', 'Take back all access that a user has at this moment', async (held, id) => {
      await held.end(id);
    }),
    ending('reset-factors', 'Take away all second factors of a user who has lost them', async (held, id) => {
      await held.resetFactors(id);
      await held.end(id);
    }),
  ];
}
