import { Type } from 'typebox';
import { orderStatuses } from '../../onboarding/order.ts';
import { tenantSchema } from '../../onboarding/registration-input.ts';
import { inline, instant, page, shape, webAddress } from '../answer-schema.ts';
import { historyEntrySchema, progressSchema } from './provisioning.ts';

const orderId = Type.String({ pattern: '^ord_[A-Za-z0-9_-]{32}$', description: 'an order id' });
const orderStatus = Type.Enum([...orderStatuses]);
const { features, securityPolicy } = tenantSchema.properties;

export const submittedSchema = shape('SubmittedRegistration', {
  orderId,
  status: orderStatus,
  statusUrl: webAddress,
  slug: Type.String(),
});

/** `viewRegistration`. */
export const registrationViewSchema = shape('Registration', {
  orderId,
  status: orderStatus,
  slug: Type.String(),
  name: Type.String(),
  submittedAt: instant,
  updatedAt: instant,
  history: Type.Array(historyEntrySchema),
  provisioning: Type.Optional(progressSchema),
  issuer: Type.Optional(webAddress),
  firstClientId: Type.Optional(Type.String()),
  url: Type.Optional(Type.String({ description: "Where the tenant's own services answer" })),
});

/** `viewOrderForTeam`. */
const teamViewSchema = shape('RegistrationForTeam', {
  orderId,
  status: orderStatus,
  source: Type.Enum(['registration', 'operator', 'bootstrap']),
  slug: Type.String(),
  name: Type.String(),
  requester: inline({ name: Type.String(), email: Type.String() }),
  submittedBy: Type.Optional(
    Type.String({
      description: 'Who sent it, proved by an access token; absent: nobody proved who they are',
    }),
  ),
  purpose: Type.Optional(Type.String()),
  features,
  securityPolicy,
  redirectUris: Type.Array(Type.String()),
  clientType: Type.Enum(['web', 'spa', 'native']),
  attention: Type.Union([Type.String(), Type.Null()], { description: 'Why an operator must look at it' }),
  tenantId: Type.Union([Type.String(), Type.Null()]),
  submittedAt: instant,
  updatedAt: instant,
});

export const registrationPageSchema = page('RegistrationPage', 'registrations', teamViewSchema);
