import { type Static, Type } from 'typebox';
import { domainProof } from '../../identity/application-domains.ts';
import type { ApplicationSettings, ApplicationTenant } from '../../identity/application-tenant.ts';
import { securityPolicyInputSchema, securityPolicyProblems } from '../../identity/security-policy.ts';
import type { FieldError } from '../../kernel/errors.ts';
import { wordsSchema } from './schemas.ts';

const signInSourceSchema = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' });

/** What can be changed of an application tenant; members of `settings` that are absent are the tenant's. */
export const applicationTenantDocument = Type.Object(
  {
    name: wordsSchema(100),
    securityPolicy: Type.Optional(securityPolicyInputSchema),
    signInSources: Type.Optional(
      Type.Array(signInSourceSchema, {
        minItems: 1,
        maxItems: 50,
        uniqueItems: true,
        description: 'Ids of sign-in sources, `password` for the password form',
      }),
    ),
    signUp: Type.Enum(['open', 'invitation', 'domain']),
  },
  { additionalProperties: false },
);

export type ApplicationTenantDocument = Static<typeof applicationTenantDocument>;

export function applicationTenantProblems({
  securityPolicy,
}: Partial<ApplicationTenantDocument>): FieldError[] {
  const problems = securityPolicy === undefined ? [] : securityPolicyProblems(securityPolicy);
  return problems.map(({ field, message }) => ({ field: `securityPolicy.${field}`, message }));
}

export function viewApplicationTenant({ version: _, settings, domains, ...shown }: ApplicationTenant) {
  return {
    ...shown,
    ...settings,
    domains: domains.map((domain) => ({
      domain: domain.domain,
      addedAt: domain.addedAt,
      ...(domain.verifiedAt === undefined
        ? { proof: { type: 'TXT', ...domainProof(domain) } }
        : { verifiedAt: domain.verifiedAt }),
    })),
  };
}

export function documentOfApplicationTenant({
  name,
  settings,
}: ApplicationTenant): ApplicationTenantDocument {
  const { securityPolicy, signInSources, signUp } = settings;
  return {
    name,
    ...(securityPolicy === undefined ? {} : { securityPolicy }),
    ...(signInSources === undefined ? {} : { signInSources: [...signInSources] }),
    signUp,
  };
}

export function settingsOf({ name: _, ...settings }: ApplicationTenantDocument): ApplicationSettings {
  return settings;
}
