import { Type } from 'typebox';
import { auditRoleChanged, auditRoleCreated, auditRoleRemoved } from '../../audit/people-events.ts';
import { defaultApplicationTenantId } from '../../identity/accounts.ts';
import { defaultTenantRoles, operatorRoles, type Role } from '../../identity/admin-scopes.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { AccessRules, PathParameters, TenantCaller } from '../access.ts';
import { json } from '../answer-schema.ts';
import { removedRoleSchema, rolePageSchema, roleSchema } from '../answers/groups.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenPeopleDependencies, openVisiblePeople, type VisiblePeople } from '../people/open-people.ts';
import { powerOf } from '../people/power.ts';
import { optionalWordsSchema, roleNameSchema } from '../people/schemas.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

const roleDocument = Type.Object(
  {
    description: optionalWordsSchema(500),
    scopes: Type.Array(
      Type.String({ pattern: '^[a-z][a-z0-9:._-]{0,63}$', description: 'a word such as orders:read' }),
      {
        maxItems: 100,
        uniqueItems: true,
        description: 'What the role gives; `admin` makes an administrator',
      },
    ),
  },
  { additionalProperties: false },
);
const newRoleSchema = Type.Object(
  {
    name: roleNameSchema,
    description: Type.Optional(roleDocument.properties.description),
    scopes: roleDocument.properties.scopes,
  },
  { additionalProperties: false },
);

/** Roles of a tenant (B3), which count in all its application tenants, and roles that one of them has of its own (E2). */
export function roleRoutes(
  kinds: RouteKinds,
  access: AccessRules,
  dependencies: OpenPeopleDependencies,
): Route[] {
  return [
    ...rolesAt(kinds, dependencies, {
      path: '/api/tenants/{slug}/roles',
      operation: 'Role',
      whose: "the tenant's roles",
      toRead: access.applicationTenant('users:read'),
      toWrite: access.tenant('users:write'),
      // Everybody may see the tenant's own roles: they are what is given to people.
      find: async () => defaultApplicationTenantId,
    }),
    ...rolesAt(kinds, dependencies, {
      path: '/api/tenants/{slug}/application-tenants/{applicationTenantId}/roles',
      operation: 'ApplicationTenantRole',
      whose: 'the roles that an application tenant has of its own',
      toRead: access.applicationTenant('users:read'),
      toWrite: access.applicationTenant('users:write'),
      // Also when it is the default one by its id: whoever is of another must not change its roles.
      find: async ({ choose, chooseToChange }, { applicationTenantId }, toChange) =>
        (await (toChange ? chooseToChange : choose)(applicationTenantId)).id,
    }),
  ];
}

function rolesAt(
  { read, write, change }: RouteKinds,
  dependencies: OpenPeopleDependencies,
  {
    path,
    operation,
    whose,
    toRead,
    toWrite,
    find: findOwner,
  }: {
    path: string;
    operation: string;
    whose: string;
    toRead: ReturnType<AccessRules['tenant']>;
    toWrite: ReturnType<AccessRules['tenant']>;
    /** The id of the application tenant whose roles they are. */
    find: (people: VisiblePeople, params: PathParameters, toChange: boolean) => Promise<string>;
  },
): Route[] {
  const { clock } = dependencies;

  async function open(caller: TenantCaller, params: PathParameters, { toChange }: { toChange: boolean }) {
    const people = await openVisiblePeople(dependencies, caller);
    const id = await findOwner(people, params, toChange);
    return { people, id, power: powerOf(caller, people) };
  }

  async function find({ people, id }: Awaited<ReturnType<typeof open>>, name = ''): Promise<Role> {
    const found = await people.roles.getOwn(name, id);
    if (!found) {
      throw new AppError('not_found', 'There is no such role.');
    }
    return found;
  }

  const event = (
    { people, id }: Awaited<ReturnType<typeof open>>,
    { actor }: TenantCaller,
    role: string,
  ) => ({
    tenantId: people.record.id,
    actor,
    applicationTenantId: id,
    role,
  });

  return [
    read({
      path,
      summary: `List ${whose}`,
      operation: `list${operation}s`,
      answers: { 200: json(rolePageSchema) },
      access: toRead,
      query: querySchema(pageFields),
      async handle({ caller, params, query: { limit = defaultPageSize, cursor } }) {
        const { people, id } = await open(caller, params, { toChange: false });
        const page = await people.roles.page(id, { limit, cursor });
        const roles = page.roles.map((role) => viewRole(role, people.record));
        return { status: 200, body: { ...page, roles } };
      },
    }),
    write({
      path,
      summary: `Add to ${whose}`,
      operation: `create${operation}`,
      answers: { 201: json(roleSchema, 'ETag') },
      access: toWrite,
      body: newRoleSchema,
      async handle({ caller, params, body: { description = '', ...given }, transaction }) {
        const opened = await open(caller, params, { toChange: true });
        const { people, id, power } = opened;
        power.overScopes(given.scopes, id);
        const role = { ...given, description };
        await people.roles.create(role, id);
        await auditRoleCreated(transaction, clock, {
          ...event(opened, caller, role.name),
          scopes: role.scopes,
        });
        return showMember(viewRole(role, people.record), { status: 201 });
      },
    }),
    read({
      path: `${path}/{role}`,
      summary: `Read one of ${whose}`,
      operation: `get${operation}`,
      answers: { 200: json(roleSchema, 'ETag') },
      access: toRead,
      query: noQuery,
      async handle({ caller, params }) {
        const opened = await open(caller, params, { toChange: false });
        return showMember(viewRole(await find(opened, params.role), opened.people.record));
      },
    }),
    change({
      path: `${path}/{role}`,
      summary: `Change one of ${whose}`,
      operation: `update${operation}`,
      answers: { 200: json(roleSchema, 'ETag') },
      access: toWrite,
      document: roleDocument,
      async handle({ caller, params, ifMatch, merge, transaction }) {
        const opened = await open(caller, params, { toChange: true });
        const { people, id, power } = opened;
        const present = await find(opened, params.role);
        assertNotBuiltIn(present, people.record);
        assertMatch(ifMatch, viewRole(present, people.record));
        const next = merge({ description: present.description, scopes: [...present.scopes] });
        power.overScopes([...present.scopes, ...next.scopes], id);
        const role = { ...next, name: present.name };
        await people.roles.replace(present, role, id);
        await auditRoleChanged(transaction, clock, {
          ...event(opened, caller, role.name),
          scopes: role.scopes,
        });
        return showMember(viewRole(role, people.record));
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/{role}`,
      summary: `Remove one of ${whose}`,
      operation: `delete${operation}`,
      answers: { 200: json(removedRoleSchema) },
      access: toWrite,
      body: noQuery,
      async handle({ caller, params, ifMatch, transaction }) {
        const opened = await open(caller, params, { toChange: true });
        const { people, id, power } = opened;
        const present = await find(opened, params.role);
        assertNotBuiltIn(present, people.record);
        assertMatch(ifMatch, viewRole(present, people.record));
        power.overScopes(present.scopes, id);
        await people.roles.remove(present.name, id);
        await auditRoleRemoved(transaction, clock, event(opened, caller, present.name));
        return { status: 200, body: { name: present.name, removed: true } };
      },
    }),
  ];
}

function viewRole(role: Role, record: TenantRecord) {
  return { ...role, builtIn: isBuiltIn(role, record) };
}

function isBuiltIn({ name }: Role, { kind }: TenantRecord): boolean {
  return (kind === 'platform' ? operatorRoles : defaultTenantRoles).some((role) => role.name === name);
}

/** Without them nobody could look after the tenant, and separation of duties would be what somebody makes of it (B3, C1). */
function assertNotBuiltIn(role: Role, record: TenantRecord): void {
  if (isBuiltIn(role, record)) {
    throw new AppError('conflict', 'This role is built in: it cannot be changed.');
  }
}
