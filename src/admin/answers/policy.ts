import { Type } from 'typebox';
import { securityPolicyInputSchema } from '../../identity/security-policy.ts';
import { shape } from '../answer-schema.ts';

/** As in requests, with every value. */
export const policySchema = shape('SecurityPolicy', Type.Required(securityPolicyInputSchema).properties);
