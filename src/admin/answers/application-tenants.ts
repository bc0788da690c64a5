import { Type } from 'typebox';
import { securityPolicyInputSchema } from '../../identity/security-policy.ts';
import { inline, instant, page, shape } from '../answer-schema.ts';

const domainSchema = shape('ApplicationDomain', {
  domain: Type.String(),
  addedAt: instant,
  verifiedAt: Type.Optional(instant),
  proof: Type.Optional(
    inline({
      type: Type.Literal('TXT'),
      name: Type.String({ description: 'Where the DNS has to have the record' }),
      value: Type.String(),
    }),
  ),
});

export const applicationTenantSchema = shape('ApplicationTenant', {
  id: Type.String({ description: '`default`, or `apt_…`' }),
  slug: Type.String(),
  name: Type.String(),
  status: Type.Enum(['active', 'suspended', 'removing']),
  securityPolicy: Type.Optional(securityPolicyInputSchema),
  signInSources: Type.Optional(Type.Array(Type.String())),
  signUp: Type.Enum(['open', 'invitation', 'domain']),
  domains: Type.Array(domainSchema),
  createdAt: Type.Optional(instant),
  updatedAt: Type.Optional(instant),
});

export const applicationTenantPageSchema = page(
  'ApplicationTenantPage',
  'applicationTenants',
  applicationTenantSchema,
);
