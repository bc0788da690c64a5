import { type Static, Type } from 'typebox';
import type { Account } from '../../identity/accounts.ts';
import { normalizeEmail } from '../../identity/email-address.ts';
import type { Group } from '../../identity/groups.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import type { VisiblePeople } from './open-people.ts';
import { emailSchema, roleNamesSchema, wordsSchema } from './schemas.ts';

const groupIdsSchema = Type.Array(Type.String({ pattern: '^grp_[A-Za-z0-9_-]{1,64}$' }), {
  maxItems: 50,
  uniqueItems: true,
  description: 'Ids of groups of the same application tenant',
});

/** What can be changed of a person. */
export const userDocument = Type.Object(
  {
    email: emailSchema,
    emailVerified: Type.Boolean(),
    name: wordsSchema(200),
    givenName: Type.Optional(wordsSchema(100)),
    familyName: Type.Optional(wordsSchema(100)),
    externalId: Type.Optional(wordsSchema(200)),
    roles: roleNamesSchema,
    groups: groupIdsSchema,
    disabled: Type.Boolean({ description: 'Signs in nowhere, and its tokens are refused' }),
  },
  { additionalProperties: false },
);

export type UserDocument = Static<typeof userDocument>;

/** A person as lists show one: member by member, since accounts hold more than anybody is shown. */
export function viewListedUser({
  id,
  applicationTenantId,
  email,
  emailVerified,
  name,
  givenName,
  familyName,
  externalId,
  roles,
  disabled,
  passwordSetAt,
  createdAt,
  updatedAt,
}: Account) {
  return {
    id,
    applicationTenantId,
    email,
    emailVerified,
    name,
    ...(givenName === undefined ? {} : { givenName }),
    ...(familyName === undefined ? {} : { familyName }),
    ...(externalId === undefined ? {} : { externalId }),
    roles,
    disabled,
    ...(passwordSetAt === undefined ? {} : { passwordSetAt }),
    createdAt,
    updatedAt,
  };
}

/** A person as the admin API shows one. */
export function viewUser(account: Account, groups: readonly Group[]) {
  return { ...viewListedUser(account), groups: groups.map(({ id }) => id) };
}

/** Of what is shown, what can be changed. */
export function documentOfUser(account: Account, groups: readonly Group[]): UserDocument {
  const { email, emailVerified, name, givenName, familyName, externalId, roles, disabled } = account;
  return {
    email,
    emailVerified,
    name,
    ...(givenName === undefined ? {} : { givenName }),
    ...(familyName === undefined ? {} : { familyName }),
    ...(externalId === undefined ? {} : { externalId }),
    roles: [...roles],
    groups: groups.map(({ id }) => id),
    disabled,
  };
}

export function userProblems({ email }: { email?: string }): FieldError[] {
  return email !== undefined && normalizeEmail(email) === undefined
    ? [{ field: 'email', message: 'must be an e-mail address' }]
    : [];
}

/** The groups of these ids; refuses those that the application tenant does not have, each with its place. */
export async function findGroups(
  { groups }: Pick<VisiblePeople, 'groups'>,
  ids: readonly string[],
  applicationTenantId: string,
): Promise<Group[]> {
  const found = await Promise.all(ids.map((id) => groups.get(id)));
  const fields = found.flatMap((group, index) =>
    group?.applicationTenantId === applicationTenantId
      ? []
      : [{ field: `groups.${index}`, message: 'is no group here' }],
  );
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
  return found.filter((group) => group !== undefined);
}
