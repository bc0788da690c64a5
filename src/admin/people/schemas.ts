import { Type } from 'typebox';
import { tokenSchema } from '../queries.ts';

/** Text that people read: something visible, no control characters. */
export function wordsSchema(maxLength: number) {
  return Type.String({
    maxLength,
    pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]+$',
    description: `text of at most ${maxLength} characters on one line`,
  });
}

/** The same, or nothing. */
export function optionalWordsSchema(maxLength: number) {
  return Type.String({
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    description: `text of at most ${maxLength} characters on one line`,
  });
}

export const emailSchema = Type.String({
  maxLength: 254,
  description: 'E-mail address',
  examples: ['ada@example.com'],
});

export const roleNameSchema = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$',
  description: 'up to 64 letters, digits, spaces, dots, hyphens and underscores',
});

export const roleNamesSchema = Type.Array(roleNameSchema, { maxItems: 50, uniqueItems: true });

/** An application tenant by id or slug. */
export const applicationTenantField = { applicationTenant: Type.Optional(tokenSchema) };
