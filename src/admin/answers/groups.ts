import { Type } from 'typebox';
import { inline, instant, page, shape } from '../answer-schema.ts';

export const groupSchema = shape('Group', {
  id: Type.String(),
  applicationTenantId: Type.String(),
  name: Type.String(),
  description: Type.String(),
  roles: Type.Array(Type.String()),
  externalId: Type.Optional(Type.String()),
  createdAt: instant,
  updatedAt: instant,
});

export const groupPageSchema = page('GroupPage', 'groups', groupSchema);

export const memberPageSchema = page(
  'GroupMemberPage',
  'members',
  inline({ userId: Type.String(), email: Type.String(), name: Type.String() }),
);

export const memberSchema = shape('GroupMember', { groupId: Type.String(), userId: Type.String() });

export const removedMemberSchema = shape('RemovedGroupMember', {
  groupId: Type.String(),
  userId: Type.String(),
  removed: Type.Literal(true),
});

export const roleSchema = shape('Role', {
  name: Type.String(),
  description: Type.String(),
  scopes: Type.Array(Type.String()),
  builtIn: Type.Boolean({ description: 'Cannot be changed or removed' }),
});

export const rolePageSchema = page('RolePage', 'roles', roleSchema);

export const removedRoleSchema = shape('RemovedRole', {
  name: Type.String(),
  removed: Type.Literal(true),
});
