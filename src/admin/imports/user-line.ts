import { type Static, Type } from 'typebox';
import { normalizeEmail } from '../../identity/email-address.ts';
import { foreignHashProblem } from '../../identity/password-hash.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import { compileSchema } from '../../web/compile-schema.ts';
import { wordsSchema } from '../people/schemas.ts';
import { userDocument } from '../people/users.ts';

const { email, emailVerified, name, givenName, familyName, externalId, roles, disabled } =
  userDocument.properties;

const lineSchema = Type.Object(
  {
    email,
    emailVerified: Type.Optional(emailVerified),
    name: Type.Optional(name),
    givenName,
    familyName,
    externalId,
    roles: Type.Optional(roles),
    groups: Type.Optional(
      Type.Array(wordsSchema(100), { maxItems: 50, uniqueItems: true, description: 'Names of groups' }),
    ),
    disabled: Type.Optional(disabled),
    passwordHash: Type.Optional(Type.String({ maxLength: 512 })),
    passwordSetAt: Type.Optional(Type.String({ format: 'date-time' })),
    // An export has them, and comes back as it was.
    id: Type.Optional(Type.String({ maxLength: 200 })),
    createdAt: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);

export type UserLine = Static<typeof lineSchema>;

const validate = compileSchema({
  schema: lineSchema,
  problems: ({ email: address, passwordHash }) => [
    ...(address !== undefined && normalizeEmail(address) === undefined
      ? [{ field: 'email', message: 'must be an e-mail address' }]
      : []),
    ...(passwordHash === undefined ? [] : hashProblems(passwordHash)),
  ],
});

function hashProblems(passwordHash: string): FieldError[] {
  const problem = foreignHashProblem(passwordHash);
  return problem === undefined ? [] : [{ field: 'passwordHash', message: problem }];
}

/** A line of an upload as a user, or what is wrong with it. */
export function readUserLine(value: unknown): { user: UserLine } | { problems: readonly FieldError[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      problems: [{ field: '', message: 'must be a JSON object, or in CSV have a cell for each column' }],
    };
  }
  try {
    return { user: validate(value) };
  } catch (error) {
    if (error instanceof AppError && error.fields.length > 0) {
      return { problems: error.fields };
    }
    throw error;
  }
}

/** The name that is shown: what is given, or what its parts make, or the address. */
export function nameOfLine({
  name: given,
  givenName: first,
  familyName: last,
  email: address,
}: UserLine): string {
  const parts = [first, last].filter((part) => part !== undefined).join(' ');
  return given ?? (parts === '' ? address.trim() : parts);
}
