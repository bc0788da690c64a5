import { type Static, Type } from 'typebox';
import type { FieldError } from '../kernel/errors.ts';
import { resemblesAccountId } from '../kernel/ids.ts';
import { clientSettingProblems } from './client-setting-problems.ts';
import { clientSettingFields, scopePattern } from './client-settings.ts';
import { clientTypes, usesRedirects } from './client-type.ts';
import { redirectUriProblems } from './redirect-uris.ts';

/** Unreserved URL characters only, so that a client id needs no escaping in Basic credentials (RFC 6749 §2.3.1), a URL or a key. */
export const clientIdPattern = '^[A-Za-z0-9][A-Za-z0-9._-]{1,62}[A-Za-z0-9]$';

const redirectUrisSchema = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 20 });

const documentFields = {
  name: Type.String({ minLength: 1, maxLength: 100, description: 'Shown to users at sign-in and consent' }),
  type: Type.Enum([...clientTypes]),
  enabled: Type.Optional(Type.Boolean({ description: 'A disabled client is refused like an unknown one' })),
  redirectUris: Type.Optional(redirectUrisSchema),
  postLogoutRedirectUris: Type.Optional(redirectUrisSchema),
  scopes: Type.Optional(
    Type.Array(Type.String({ pattern: scopePattern }), {
      maxItems: 100,
      uniqueItems: true,
      description: 'API scopes that the client may ask for',
    }),
  ),
  ...clientSettingFields,
};

/** What an administrator of the tenant may change of a client, and its type, which stays. */
export const clientDocumentSchema = Type.Object(documentFields, { additionalProperties: false });

/** The body of a client registration: what an administrator of the tenant sends (E1, B13). */
export const clientInputSchema = Type.Object(
  {
    ...documentFields,
    clientId: Type.Optional(
      Type.String({ pattern: clientIdPattern, description: 'Chosen by the server when absent' }),
    ),
  },
  { additionalProperties: false },
);

export type ClientDocument = Static<typeof clientDocumentSchema>;

export type ClientInput = Static<typeof clientInputSchema>;

/**
 * What the schema cannot say about a client: every problem, each with its field (B9). Of the input some members may be missing that the
 * schema has refused; without a type nothing can be said.
 */
export function validateClientInput({ type, clientId, ...input }: Partial<ClientInput>): FieldError[] {
  const idProblems =
    clientId !== undefined && resemblesAccountId(clientId)
      ? [{ field: 'clientId', message: 'must not begin as the ids of users do (acc_)' }]
      : [];
  if (type === undefined) {
    return idProblems;
  }
  const redirectUris = input.redirectUris ?? [];
  const problems = [
    ...idProblems,
    ...redirectUriProblems(type, redirectUris),
    ...redirectUriProblems(type, input.postLogoutRedirectUris ?? [], 'postLogoutRedirectUris'),
    ...clientSettingProblems(type, input),
    ...resourceScopeProblems(input),
  ];
  if (usesRedirects(type) && redirectUris.length === 0) {
    problems.push({ field: 'redirectUris', message: `a ${type} client needs at least one redirect URI` });
  }
  return problems;
}

/** What a client may ask for at an API is part of what it may ask for at all. */
function resourceScopeProblems({ scopes = [], resourceScopes = [] }: Partial<ClientInput>): FieldError[] {
  return resourceScopes.flatMap(({ resource, scopes: there = [] }, index) => [
    ...(resourceScopes.findIndex((entry) => entry.resource === resource) < index
      ? [{ field: `resourceScopes.${index}.resource`, message: 'is given twice' }]
      : []),
    ...there.flatMap((scope, place) =>
      scopes.includes(scope)
        ? []
        : [
            {
              field: `resourceScopes.${index}.scopes.${place}`,
              message: 'is not among the scopes of the client',
            },
          ],
    ),
  ]);
}
