import type { Account } from '../../identity/accounts.ts';
import type { Group } from '../../identity/groups.ts';
import { metaOf, type ScimResource } from './resource.ts';
import { ScimError } from './scim-error.ts';
import { isObject, textOf } from './user-resource.ts';

export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** A group as RFC 7643 §4.2 has it. */
export function toGroupResource(
  group: Group,
  { members, base }: { members?: readonly Account[]; base: string },
): ScimResource {
  return {
    schemas: [groupSchema],
    id: group.id,
    ...(group.externalId === undefined ? {} : { externalId: group.externalId }),
    displayName: group.name,
    ...(members === undefined || members.length === 0
      ? {}
      : {
          members: members.map(({ id, name }) => ({
            value: id,
            display: name,
            type: 'User',
            $ref: `${base}/Users/${id}`,
          })),
        }),
    meta: metaOf('Group', base, { ...group, version: versionOfGroup(group) }),
  };
}

/** Of the group and of who is in it. */
export function versionOfGroup({ version, membersVersion }: Group): string {
  return membersVersion === undefined ? version : `${version}.${membersVersion}`;
}

export function readDisplayName(value: unknown): string {
  const name = textOf('displayName', value, 100);
  if (name === undefined) {
    throw new ScimError('invalidValue', 'displayName is required.');
  }
  return name;
}

export function readExternalId(value: unknown): string | undefined {
  return textOf('externalId', value);
}

/** Ids of members, from `[{value}]` or, as some clients send them, `{value}`. */
export function readMembers(value: unknown): string[] {
  const list = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  const ids = list.map((member: unknown) => {
    const id = isObject(member) ? member.value : member;
    if (typeof id !== 'string' || id.length > 100) {
      throw new ScimError('invalidValue', 'members must have values.');
    }
    return id;
  });
  return [...new Set(ids)];
}
