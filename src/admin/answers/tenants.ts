import { Type } from 'typebox';
import { tenantSchema } from '../../onboarding/registration-input.ts';
import { inline, instant, page, shape, webAddress } from '../answer-schema.ts';
import { noteSchema } from './people.ts';
import { historyEntrySchema, provisioningStateSchema, tenantProgressSchema } from './provisioning.ts';

const { features, securityPolicy, keyMode } = tenantSchema.properties;

const tenantStatus = Type.Enum([
  'provisioning',
  'active',
  'suspended',
  'blocked',
  'deleting',
  'failed',
  'deleted',
]);

const identity = {
  id: Type.String({ examples: ['ten_QxLf2q8jTkmJ0o5lXr3xBg'] }),
  name: Type.String(),
  slug: Type.String(),
  status: tenantStatus,
  onboardingStatus: provisioningStateSchema,
};

const standing = {
  suspension: Type.Optional(noteSchema),
  blocking: Type.Optional(noteSchema),
  deletion: Type.Optional(inline({ ...noteSchema.properties, dueAt: Type.Optional(instant) })),
  pending: Type.Optional(
    Type.Literal(true, { description: 'What was decided last is not in force yet; it will be by itself' }),
  ),
};

export const createdTenantSchema = shape('CreatedTenant', identity);

/** `viewGoverned`. */
export const governedTenantSchema = shape('GovernedTenant', { ...identity, ...standing });

export const deletedTenantSchema = shape('DeletedTenant', {
  ...identity,
  ...standing,
  exportUrl: webAddress,
  restoreUrl: webAddress,
});

const tenantFields = {
  ...identity,
  ...standing,
  kind: Type.Enum(['platform', 'tenant']),
  createdBy: Type.String(),
  issuer: Type.Optional(webAddress),
  createdAt: instant,
  updatedAt: instant,
};

export const tenantPageSchema = page('TenantPage', 'tenants', shape('Tenant', tenantFields));

export const tenantViewSchema = shape('TenantInFull', {
  ...tenantFields,
  requested: inline({ features, securityPolicy, keyMode }),
  registration: inline({
    orderId: Type.Optional(Type.String()),
    status: Type.Optional(Type.String()),
    history: Type.Array(historyEntrySchema),
  }),
  provisioning: Type.Optional(tenantProgressSchema),
});

/** One line of `exportTenant`; what else is in it depends on the type. */
export const exportLineSchema = Type.Object(
  {
    type: Type.Enum([
      'tenant',
      'security-policy',
      'role',
      'group',
      'application-tenant',
      'resource',
      'client',
      'account',
      'end',
    ]),
  },
  { title: 'ExportLine', additionalProperties: true },
);
