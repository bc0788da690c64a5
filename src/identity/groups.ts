import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';

/** A named set of people of one application tenant who share roles. */
export interface Group {
  /** `grp_…`; never used again. */
  id: string;
  applicationTenantId: string;
  /** Unique in its application tenant, letter case aside. */
  name: string;
  description: string;
  roles: readonly string[];
  /** What another system that provisions groups calls this one. */
  externalId?: string;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
  /** Changes with every change. */
  version: string;
  /** Changes whenever somebody joins or leaves; absent until somebody does. */
  membersVersion?: string;
  /** How many there are, counted as they come and go; absent for groups that are older than the count. A crash may leave it a little off. */
  memberCount?: number;
}

export type NewGroup = Pick<Group, 'name' | 'description' | 'roles'> & {
  applicationTenantId?: string;
  externalId?: string | undefined;
};

/** Every tenant begins with these (B3): one for each default role. */
export const defaultTenantGroups: readonly (NewGroup & { id: string })[] = [
  {
    id: 'grp_administrators',
    name: 'Administrators',
    description: 'People who look after the tenant',
    roles: ['Admin'],
  },
  {
    id: 'grp_members',
    name: 'Members',
    description: 'Everybody who works with the applications',
    roles: ['Member'],
  },
  { id: 'grp_guests', name: 'Guests', description: 'People who may look but not change', roles: ['Viewer'] },
];

export interface Groups {
  /** `AppError('conflict')` when the application tenant has a group of this name. */
  create(group: NewGroup): Promise<Group>;
  /** Creates or replaces under a known id: what a tenant begins with. */
  put(group: NewGroup & { id: string }): Promise<void>;
  get(id: string): Promise<Group | undefined>;
  findByName(applicationTenantId: string, name: string): Promise<Group | undefined>;
  /** By name; from an index, so one may be a moment old. */
  list(
    applicationTenantId: string,
    page?: { limit?: number; cursor?: string },
  ): Promise<{ groups: Group[]; cursor?: string }>;
  /** `AppError('precondition_failed')` when the group has another version by now. */
  update(
    group: Group,
    change: Partial<Pick<Group, 'name' | 'description' | 'roles' | 'externalId'>>,
  ): Promise<Group>;
  /** Somebody has joined (1) or left (-1). */
  noteMember(id: string, by: 1 | -1): Promise<void>;
  /** Idempotent. Memberships in it count no more; `memberships.ts` removes them. */
  remove(group: Group): Promise<void>;
}

/** A tenant's groups, one item each; a pointer item makes the name unique. */
export function createGroups({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): Groups {
  const stamp = () => ({ updatedAt: new Date(clock.now()).toISOString(), version: randomId(random) });

  async function get(id: string): Promise<Group | undefined> {
    const item = idPattern.test(id) ? await table.get(keyOf(id)) : undefined;
    return item && readGroup(item);
  }

  /** The name's holder when that is a group which carries the name; what a crash left behind holds nothing. */
  async function holderOf(applicationTenantId: string, name: string): Promise<Group | undefined> {
    const pointer = await table.get(nameKey(applicationTenantId, name));
    const group = pointer && (await get(String(pointer.groupId)));
    return group?.applicationTenantId === applicationTenantId && fold(group.name) === fold(name)
      ? group
      : undefined;
  }

  async function claimName(applicationTenantId: string, name: string, id: string): Promise<void> {
    const key = nameKey(applicationTenantId, name);
    const pointer = await table.get(key);
    if (pointer?.groupId === id) {
      return;
    }
    if (pointer && (await holderOf(applicationTenantId, name))) {
      throw nameTaken();
    }
    try {
      await table.put(
        { ...key, groupId: id },
        pointer ? [{ attribute: 'groupId', equals: String(pointer.groupId) }] : [{ exists: false }],
      );
    } catch (error) {
      throw error instanceof ConditionFailed ? nameTaken() : error;
    }
  }

  async function releaseName({ applicationTenantId, id }: Group, name: string): Promise<void> {
    try {
      await table.delete(nameKey(applicationTenantId, name), [{ attribute: 'groupId', equals: id }]);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) {
        throw error;
      }
    }
  }

  function newGroup(
    { applicationTenantId = defaultApplicationTenantId, ...given }: NewGroup,
    id: string,
  ): Group {
    const { externalId, ...rest } = given;
    const stamped = stamp();
    return {
      ...rest,
      ...(externalId === undefined ? {} : { externalId }),
      id,
      applicationTenantId,
      createdAt: stamped.updatedAt,
      ...stamped,
      memberCount: 0,
    };
  }

  return {
    get,
    findByName: holderOf,

    async create(input) {
      const group = newGroup(input, `grp_${randomId(random)}`);
      await claimName(group.applicationTenantId, group.name, group.id);
      await table.put(toItem(group));
      return group;
    },

    async put(input) {
      const group = newGroup(input, input.id);
      await table.put({ ...nameKey(group.applicationTenantId, group.name), groupId: group.id });
      await table.put(toItem(group));
    },

    async list(applicationTenantId, { limit, cursor } = {}) {
      const page = await table.query({
        index: 'gsi1',
        pk: 'Groups',
        skPrefix: `${applicationTenantId}#`,
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const groups = page.items.map(readGroup);
      return page.cursor === undefined ? { groups } : { groups, cursor: page.cursor };
    },

    async update(group, change) {
      const next = { ...group, ...change, ...stamp() };
      const { pk, sk, externalId, ...set } = toItem(next);
      const renamed = fold(next.name) !== fold(group.name);
      if (renamed) {
        await claimName(group.applicationTenantId, next.name, group.id);
      }
      try {
        // Who joins or leaves meanwhile is noted in the same item.
        await table.update(
          { pk, sk },
          externalId === undefined
            ? { set: withoutMembers(set), remove: ['externalId'] }
            : { set: { ...withoutMembers(set), externalId } },
          [{ attribute: 'version', equals: group.version }],
        );
      } catch (error) {
        throw error instanceof ConditionFailed ? changedMeanwhile() : error;
      }
      if (renamed) {
        await releaseName(group, group.name);
      }
      return next;
    },

    async noteMember(id, by) {
      const set = { membersVersion: randomId(random) };
      const counted = table.update(keyOf(id), { set, add: { memberCount: by } }, [
        { attribute: 'memberCount', below: Number.MAX_SAFE_INTEGER },
      ]);
      if (!(await succeeds(counted))) {
        await succeeds(table.update(keyOf(id), { set }, [{ exists: true }]));
      }
    },

    async remove(group) {
      await table.delete(keyOf(group.id));
      await releaseName(group, group.name);
    },
  };
}

const idPattern = /^grp_[A-Za-z0-9_-]{1,64}$/;

function keyOf(id: string): ItemKey {
  return { pk: `Group#${id}`, sk: 'group' };
}

function nameKey(applicationTenantId: string, name: string): ItemKey {
  return { pk: `GroupName#${applicationTenantId}#${fold(name)}`, sk: 'pointer' };
}

function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

function nameTaken(): AppError {
  return new AppError('conflict', 'There is a group with this name.', {
    fields: [{ field: 'name', message: 'is taken' }],
  });
}

function changedMeanwhile(): AppError {
  return new AppError('precondition_failed', 'The group was changed by somebody else. Read it again.');
}

function toItem({ id, roles, ...group }: Group): Item {
  return {
    ...keyOf(id),
    gsi1pk: 'Groups',
    gsi1sk: `${group.applicationTenantId}#${fold(group.name)}`,
    ...group,
    roles: JSON.stringify(roles),
  };
}

function withoutMembers({ membersVersion: _, memberCount: __, ...set }: Omit<Item, 'pk' | 'sk'>) {
  return set as Record<string, string>;
}

function readGroup(item: Item): Group {
  const { externalId, membersVersion, memberCount } = item;
  return {
    id: item.pk.slice('Group#'.length),
    applicationTenantId: String(item.applicationTenantId),
    name: String(item.name),
    description: String(item.description),
    roles: JSON.parse(String(item.roles)) as string[],
    ...(externalId === undefined ? {} : { externalId: String(externalId) }),
    createdAt: String(item.createdAt),
    updatedAt: String(item.updatedAt),
    version: String(item.version),
    ...(membersVersion === undefined ? {} : { membersVersion: String(membersVersion) }),
    ...(memberCount === undefined ? {} : { memberCount: Number(memberCount) }),
  };
}
