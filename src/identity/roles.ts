import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import { AppError } from '../kernel/errors.ts';
import type { Role } from './admin-scopes.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';

/** Absent: the tenant's own roles, which count in every application tenant. */
type Where = string | undefined;

export interface Roles {
  /** A role that counts in the application tenant: the tenant's, or else its own. */
  get(name: string, applicationTenantId?: Where): Promise<Role | undefined>;
  /** One of the tenant's, or one that an application tenant has of its own. */
  getOwn(name: string, applicationTenantId?: Where): Promise<Role | undefined>;
  /** Those of the tenant, or those that an application tenant has of its own. */
  list(applicationTenantId?: Where): Promise<Role[]>;
  /** The same by pages, in the order of their names; strongly consistent. */
  page(
    applicationTenantId: Where,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ roles: Role[]; cursor?: string }>;
  /** `AppError('conflict')` when a role of this name counts there already. */
  create(role: Role, applicationTenantId?: Where): Promise<void>;
  /** Creates or replaces. */
  put(role: Role, applicationTenantId?: Where): Promise<void>;
  /** `AppError('precondition_failed')` when the role is not `present` any more. */
  replace(present: Role, next: Role, applicationTenantId?: Where): Promise<void>;
  /** Idempotent. Whoever had it has it in name only. */
  remove(name: string, applicationTenantId?: Where): Promise<void>;
  /** Every scope that one of the roles gives there; names that are no role give none. */
  scopesOf(roleNames: readonly string[], applicationTenantId?: Where): Promise<string[]>;
}

/** A tenant's roles (B3), one item each, and the roles that application tenants have of their own (E2). */
export function createRoles({ table }: { table: Table }): Roles {
  async function getOwn(name: string, where: Where): Promise<Role | undefined> {
    const item = await table.get(keyOf(name, where));
    return item && readRole(item);
  }

  async function get(name: string, where: Where): Promise<Role | undefined> {
    const role = await getOwn(name, undefined);
    return role ?? (isOfTenant(where) ? undefined : getOwn(name, where));
  }

  return {
    get,
    getOwn,
    async page(where, { limit, cursor }) {
      const found = await table.query({
        pk: partitionOf(where),
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        roles: found.items.map(readRole),
        ...(found.cursor === undefined ? {} : { cursor: found.cursor }),
      };
    },
    async list(where) {
      const roles: Role[] = [];
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: partitionOf(where),
          ...(cursor === undefined ? {} : { cursor }),
        });
        roles.push(...page.items.map(readRole));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return roles;
    },
    async create(role, where) {
      if (await get(role.name, where)) {
        throw nameTaken();
      }
      try {
        await table.put(toItem(role, where), [{ exists: false }]);
      } catch (error) {
        throw error instanceof ConditionFailed ? nameTaken() : error;
      }
    },
    async put(role, where) {
      await table.put(toItem(role, where));
    },
    async replace(present, next, where) {
      const { description, scopes } = toItem(present, where);
      try {
        await table.put(toItem({ ...next, name: present.name }, where), [
          { attribute: 'description', equals: String(description) },
          { attribute: 'scopes', equals: String(scopes) },
        ]);
      } catch (error) {
        throw error instanceof ConditionFailed
          ? new AppError('precondition_failed', 'The role was changed by somebody else. Read it again.')
          : error;
      }
    },
    async remove(name, where) {
      await table.delete(keyOf(name, where));
    },
    async scopesOf(roleNames, where) {
      const roles = await Promise.all([...new Set(roleNames)].map((name) => get(name, where)));
      return [...new Set(roles.flatMap((role) => role?.scopes ?? []))];
    },
  };
}

function isOfTenant(where: Where): boolean {
  return where === undefined || where === defaultApplicationTenantId;
}

function partitionOf(where: Where): string {
  return isOfTenant(where) ? 'Role' : `Role#${where}`;
}

function keyOf(name: string, where: Where): ItemKey {
  return { pk: partitionOf(where), sk: name };
}

function nameTaken(): AppError {
  return new AppError('conflict', 'There is a role with this name.', {
    fields: [{ field: 'name', message: 'is taken' }],
  });
}

function toItem({ name, description, scopes }: Role, where: Where): Item {
  return { ...keyOf(name, where), description, scopes: JSON.stringify(scopes) };
}

function readRole(item: Item): Role {
  return {
    name: item.sk,
    description: String(item.description),
    scopes: JSON.parse(String(item.scopes)) as string[],
  };
}
