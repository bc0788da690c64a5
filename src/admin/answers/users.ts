import { Type } from 'typebox';
import { inline, instant, page, shape } from '../answer-schema.ts';

const accountFields = {
  id: Type.String(),
  applicationTenantId: Type.String(),
  email: Type.String(),
  emailVerified: Type.Boolean(),
  name: Type.String(),
  givenName: Type.Optional(Type.String()),
  familyName: Type.Optional(Type.String()),
  externalId: Type.Optional(Type.String()),
  roles: Type.Array(Type.String()),
  disabled: Type.Boolean(),
  passwordSetAt: Type.Optional(instant),
  createdAt: instant,
  updatedAt: instant,
};

export const userSchema = shape('User', {
  ...accountFields,
  groups: Type.Array(Type.String(), { description: 'Ids' }),
});

export const userPageSchema = page('UserPage', 'users', shape('ListedUser', accountFields));

export const endedSchema = shape('EndedUserAccess', { id: Type.String() });

export const invitationSchema = shape('Invitation', {
  id: Type.String(),
  accountId: Type.String(),
  applicationTenantId: Type.String(),
  email: Type.String(),
  invitedBy: Type.String(),
  locale: Type.Optional(Type.String()),
  createdAt: instant,
  sentAt: instant,
  validUntil: instant,
  state: Type.Enum(['pending', 'accepted', 'expired']),
});

export const invitationPageSchema = page('InvitationPage', 'invitations', invitationSchema);

const count = Type.Integer({ minimum: 0 });

export const userImportSchema = shape('UserImport', {
  id: Type.String(),
  applicationTenantId: Type.String(),
  onExisting: Type.Enum(['skip', 'update']),
  state: Type.Enum(['uploading', 'waiting', 'running', 'done', 'failed']),
  total: count,
  processed: count,
  created: count,
  updated: count,
  skipped: count,
  failed: count,
  createdAt: instant,
  finishedAt: Type.Optional(instant),
});

export const importErrorPageSchema = page(
  'ImportErrorPage',
  'errors',
  inline({ line: Type.Integer({ minimum: 1 }), field: Type.String(), message: Type.String() }),
);

/** A line of the export; an import takes it. */
export const exportedUserSchema = shape('ExportedUser', {
  id: Type.String(),
  email: Type.String(),
  emailVerified: Type.Boolean(),
  name: Type.String(),
  givenName: Type.Optional(Type.String()),
  familyName: Type.Optional(Type.String()),
  externalId: Type.Optional(Type.String()),
  roles: Type.Array(Type.String()),
  groups: Type.Array(Type.String(), { description: 'Names' }),
  disabled: Type.Boolean(),
  createdAt: instant,
});
