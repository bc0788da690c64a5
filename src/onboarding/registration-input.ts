import { type Static, Type } from 'typebox';
import { redirectUriProblems } from '../clients/redirect-uris.ts';
import { normalizeEmail } from '../identity/email-address.ts';
import { type PolicyFloor, policyFloorProblems } from '../identity/policy-floor.ts';
import {
  applySecurityPolicyInput,
  securityPolicyInputSchema,
  securityPolicyProblems,
} from '../identity/security-policy.ts';
import type { FieldError } from '../kernel/errors.ts';
import { parseSlug, slugRule } from '../kernel/slug.ts';
import type { TenantRequest } from './tenant-request.ts';

/** Controls and the marks that turn the direction of text would let one name look like another. */
const unsafe = '\\p{Cc}\\p{Cs}\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';

const nameSchema = Type.String({
  maxLength: 100,
  pattern: `^(?!\\s)(?=.*[\\p{L}\\p{N}])[^${unsafe}]+(?<!\\s)$`,
  description: 'a name of 1 to 100 characters without control characters and without spaces around it',
  examples: ['Payments'],
});

const personSchema = Type.Object(
  {
    name: { ...nameSchema, examples: ['Ada Lovelace'] },
    email: Type.String({ maxLength: 254, examples: ['ada@payments.example'] }),
  },
  { additionalProperties: false },
);

/** Free text of several lines: a purpose, a comment, a reason. */
export const remarkSchema = Type.String({
  maxLength: 2000,
  pattern: `^(?=[^]*\\S)(?:[\\n\\r\\t]|[^${unsafe}])+$`,
  description: 'a text of 1 to 2000 characters',
  examples: ['As agreed.'],
});

const feature = <const Names extends string[]>(names: [...Names]) =>
  Type.Optional(Type.Array(Type.Enum(names), { uniqueItems: true }));

const tenantFields = {
  name: nameSchema,
  slug: Type.Optional(Type.String({ description: slugRule })),
  features: Type.Optional(
    Type.Object(
      {
        auth: feature(['password', '2fa', 'passkey']),
        // A place for files, a database, a cache; and services of the tenant's own.
        storage: feature(['s3', 'postgresql', 'redis']),
        email: feature(['templates']),
        hosting: feature(['ecs']),
      },
      { additionalProperties: false },
    ),
  ),
  securityPolicy: Type.Optional(securityPolicyInputSchema),
  redirectUris: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 20 })),
  clientType: Type.Optional(Type.Enum(['web', 'spa', 'native'])),
};

/** The body of a registration (A1). */
export const registrationSchema = Type.Object(
  { ...tenantFields, requester: personSchema, purpose: Type.Optional(remarkSchema) },
  { additionalProperties: false },
);

/** The body with which an operator creates a tenant (B1). */
export const tenantSchema = Type.Object(
  {
    ...tenantFields,
    admin: Type.Optional(personSchema),
    purpose: Type.Optional(remarkSchema),
    keyMode: Type.Optional(Type.Enum(['local', 'kms', 'kms-envelope'])),
  },
  { additionalProperties: false },
);

export type RegistrationBody = Static<typeof registrationSchema>;
export type TenantBody = Static<typeof tenantSchema>;

type Fields = Partial<RegistrationBody & TenantBody>;

/** What this deployment can give besides table and keys, in the words of `features`. */
export interface OfferedFeatures {
  storage: readonly string[];
  hosting: readonly string[];
}

/**
 * What the schema cannot say (B9, D1): every problem, each with its field. `body` holds only those members that fit the schema, so that
 * these problems and the schema's own can be told in one answer.
 */
export function tenantFieldProblems(
  body: Fields,
  { policyFloor, offers }: { policyFloor: PolicyFloor; offers: OfferedFeatures },
): FieldError[] {
  const { slug, features, securityPolicy, redirectUris, clientType, requester, admin } = body;
  const problems: FieldError[] = [];
  if (slug !== undefined && parseSlug(slug) === undefined) {
    problems.push({ field: 'slug', message: `must be ${slugRule}` });
  }
  if (features?.auth !== undefined && !features.auth.includes('password')) {
    problems.push({
      field: 'features.auth',
      message: 'must include password, which the other methods build on',
    });
  }
  for (const area of ['storage', 'hosting'] as const) {
    const missing = (features?.[area] ?? []).filter((word) => !offers[area].includes(word));
    if (missing.length > 0) {
      problems.push({
        field: `features.${area}`,
        message: `${missing.join(' and ')} cannot be had in this deployment`,
      });
    }
  }
  for (const { field, message } of securityPolicy === undefined
    ? []
    : [
        ...securityPolicyProblems(securityPolicy),
        // What validation would refuse at the end is better known at the beginning.
        ...policyFloorProblems(applySecurityPolicyInput(securityPolicy), policyFloor),
      ]) {
    problems.push({ field: `securityPolicy.${field}`, message });
  }
  problems.push(...redirectUriProblems(clientType ?? 'web', redirectUris ?? []));
  if (clientType !== undefined && (redirectUris ?? []).length === 0) {
    problems.push({
      field: 'redirectUris',
      message: 'a client of this type needs at least one redirect URI',
    });
  }
  for (const [field, person] of Object.entries({ requester, admin })) {
    // The schema may have refused the address itself.
    const email: string | undefined = person?.email;
    if (email !== undefined && normalizeEmail(email) === undefined) {
      problems.push({ field: `${field}.email`, message: 'must be an e-mail address' });
    }
  }
  return problems;
}

/** What the tenant is built from; the body has passed both kinds of checks. */
export function toTenantRequest(body: Fields & { name: string }): Omit<TenantRequest, 'admin'> {
  return {
    name: body.name,
    features: body.features ?? {},
    securityPolicy: body.securityPolicy ?? {},
    redirectUris: body.redirectUris ?? [],
    clientType: body.clientType ?? 'web',
    ...(body.keyMode === undefined ? {} : { keyMode: body.keyMode }),
  };
}

/** A person as the body names them, the address in its normal form. */
export function toPerson({ name, email }: { name: string; email: string }): { name: string; email: string } {
  return { name, email: normalizeEmail(email) ?? email };
}
