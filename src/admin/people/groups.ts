import { Type } from 'typebox';
import type { Group } from '../../identity/groups.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantCaller } from '../access.ts';
import type { VisiblePeople } from './open-people.ts';
import { optionalWordsSchema, roleNamesSchema, wordsSchema } from './schemas.ts';

/** What can be changed of a group. */
export const groupDocument = Type.Object(
  {
    name: wordsSchema(100),
    description: optionalWordsSchema(500),
    roles: roleNamesSchema,
  },
  { additionalProperties: false },
);

export function viewGroup({
  id,
  applicationTenantId,
  name,
  description,
  roles,
  externalId,
  createdAt,
  updatedAt,
}: Group) {
  return {
    id,
    applicationTenantId,
    name,
    description,
    roles,
    ...(externalId === undefined ? {} : { externalId }),
    createdAt,
    updatedAt,
  };
}

/** `AppError('not_found')` for a group that does not exist, and for one that the caller may not know of. */
export async function findGroup(
  { groups }: Pick<VisiblePeople, 'groups'>,
  { applicationTenantId: own }: TenantCaller,
  id: string | undefined,
): Promise<Group> {
  const group = await groups.get(id ?? '');
  if (!group || (own !== undefined && group.applicationTenantId !== own)) {
    throw new AppError('not_found', 'There is no such group.');
  }
  return group;
}
