import { auditUserChanged, auditUserCreated, auditUserRemoved } from '../../audit/people-events.ts';
import type { Account } from '../../identity/accounts.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AccountAccessOf } from '../../oidc/account-access.ts';
import { scimAnswers } from '../answers/scim.ts';
import { assertRolesExist } from '../people/check-roles.ts';
import { powerOf } from '../people/power.ts';
import { removeUser } from '../people/remove-user.ts';
import { createUserFinder } from './find-users.ts';
import { patchResource, readOperations } from './patch.ts';
import { assertVersion, isShown, listAnswer, pageOf, project, showResource } from './resource.ts';
import type { ScimDependencies, ScimRequest, ScimRouteDefinition } from './scim-route.ts';
import { isProvedAddress, readUserResource, toUserResource } from './user-resource.ts';

export interface ScimUserDependencies extends ScimDependencies {
  accountAccess: AccountAccessOf;
}

/** Users of SCIM (RFC 7644 §3): the accounts of one application tenant. */
export function scimUsers({ clock, accountAccess }: ScimUserDependencies): ScimRouteDefinition[] {
  const findUsers = createUserFinder();

  async function find({ people, applicationTenant, id }: ScimRequest): Promise<Account> {
    const found = await people.accounts.get(id);
    if (found?.applicationTenantId !== applicationTenant.id) {
      throw new AppError('not_found', 'There is no such user.');
    }
    return found;
  }

  async function show({ people, base, query }: ScimRequest, account: Account) {
    const groups = isShown('groups', query) ? await people.memberships.groupsOf(account) : [];
    return toUserResource(account, { groups, base });
  }

  const event = ({ people, caller }: ScimRequest, { id, applicationTenantId }: Account) => ({
    tenantId: people.record.id,
    actor: caller.actor,
    accountId: id,
    applicationTenantId,
  });

  async function replace(
    request: ScimRequest,
    account: Account,
    resource: Readonly<Record<string, unknown>>,
  ) {
    const { people, applicationTenant, caller, ifMatch, query, transaction } = request;
    assertVersion(ifMatch, account.version);
    const power = powerOf(caller, people);
    await power.overAccount(account);
    const next = readUserResource(resource);
    await assertRolesExist(people, next.roles ?? [], applicationTenant.id);
    await power.overRoles(next.roles ?? [], applicationTenant.id);
    const moved = next.email !== account.email;
    const changed = await people.accounts.update(
      account.id,
      { ...next, ...(moved ? { emailVerified: isProvedAddress(next.email, applicationTenant) } : {}) },
      account.version,
    );
    if (changed.disabled && !account.disabled) {
      await accountAccess(people.record).end(changed.id);
    }
    await auditUserChanged(transaction, clock, {
      ...event(request, changed),
      changed: ['scim'],
      roles: changed.roles,
      disabled: changed.disabled,
    });
    return showResource(await show(request, changed), query);
  }

  return [
    {
      method: 'POST',
      path: '/Users',
      summary: 'SCIM: create a user',
      operation: 'scimCreateUser',
      answers: scimAnswers(201, 'ETag', 'Location'),
      async handle(request) {
        const { people, applicationTenant, caller, body, query, transaction } = request;
        const { roles = [], ...given } = readUserResource(body);
        await assertRolesExist(people, roles, applicationTenant.id);
        await powerOf(caller, people).overRoles(roles, applicationTenant.id);
        const account = await people.accounts.create({
          ...given,
          roles,
          givenName: given.givenName ?? undefined,
          familyName: given.familyName ?? undefined,
          externalId: given.externalId ?? undefined,
          emailVerified: isProvedAddress(given.email, applicationTenant),
          applicationTenantId: applicationTenant.id,
        });
        await auditUserCreated(transaction, clock, { ...event(request, account), roles: account.roles });
        return showResource(await show(request, account), query, 201);
      },
    },
    {
      method: 'GET',
      path: '/Users',
      summary: 'SCIM: list and filter users',
      operation: 'scimListUsers',
      answers: scimAnswers(200),
      async handle(request) {
        const { query } = request;
        const page = pageOf(query);
        const { accounts, totalResults } = await findUsers(request, query.filter, page);
        const shown = await Promise.all(accounts.map((account) => show(request, account)));
        return listAnswer(
          shown.map((resource) => project(resource, query)),
          { totalResults, startIndex: page.startIndex },
        );
      },
    },
    {
      method: 'GET',
      path: '/Users/{id}',
      summary: 'SCIM: read a user',
      operation: 'scimGetUser',
      answers: scimAnswers(200, 'ETag', 'Location'),
      handle: async (request) => showResource(await show(request, await find(request)), request.query),
    },
    {
      method: 'PUT',
      path: '/Users/{id}',
      summary: 'SCIM: replace a user',
      operation: 'scimReplaceUser',
      answers: scimAnswers(200, 'ETag', 'Location'),
      handle: async (request) => replace(request, await find(request), request.body),
    },
    {
      method: 'PATCH',
      path: '/Users/{id}',
      summary: 'SCIM: change a user',
      operation: 'scimChangeUser',
      answers: scimAnswers(200, 'ETag', 'Location'),
      async handle(request) {
        const operations = readOperations(request.body);
        const account = await find(request);
        const present = toUserResource(account, { base: request.base });
        // A resource without roles has none to show; after a patch that is what it says.
        const patched = { roles: [], ...patchResource(present, operations) };
        return replace(request, account, settleNames(present, patched));
      },
    },
    {
      method: 'DELETE',
      path: '/Users/{id}',
      summary: 'SCIM: delete a user',
      operation: 'scimDeleteUser',
      answers: scimAnswers(204),
      async handle(request) {
        const { people, caller, ifMatch, transaction } = request;
        const account = await find(request);
        assertVersion(ifMatch, account.version);
        await powerOf(caller, people).overAccount(account);
        await removeUser({ accounts: people.accounts, access: accountAccess(people.record) }, account);
        await auditUserRemoved(transaction, clock, event(request, account));
        return { status: 204, body: {} };
      },
    },
  ];
}

/** One name has three attributes here. The one that a patch has changed decides, a name's parts included. */
function settleNames(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Record<string, unknown> {
  const nameOf = (resource: Record<string, unknown>) => (resource.name ?? {}) as Record<string, unknown>;
  if (after.displayName !== before.displayName) {
    return after;
  }
  const [former, latter] = [nameOf(before), nameOf(after)];
  const { displayName: _, ...rest } = after;
  if (latter.formatted !== former.formatted) {
    return rest;
  }
  const partsChanged = latter.givenName !== former.givenName || latter.familyName !== former.familyName;
  const { formatted: __, ...parts } = latter;
  return partsChanged ? { ...rest, name: parts } : after;
}
