import type { SecurityPolicyInput } from '../identity/security-policy.ts';
import type { KeyMode } from '../kernel/tenant.ts';

export type FirstClientType = 'web' | 'spa' | 'native';

/** What was asked for, as the column `tenants.request` keeps it; provisioning builds the tenant from it. */
export interface TenantRequest {
  name: string;
  features: Features;
  /** In the form in which it was asked for (B1); defaults are applied when the tenant is built. */
  securityPolicy: SecurityPolicyInput;
  /** Of the first client (B13); empty: the tenant begins with a machine client. */
  redirectUris: readonly string[];
  clientType: FirstClientType;
  /** Chosen by an operator; absent: the deployment's. */
  keyMode?: KeyMode;
  /** Who is invited as initial admin (B7); absent: nobody is. */
  admin?: { name: string; email: string };
}

/** Feature names by area (B1). */
export interface Features {
  auth?: readonly string[];
  storage?: readonly string[];
  email?: readonly string[];
  hosting?: readonly string[];
}
