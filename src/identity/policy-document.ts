import type { SecurityPolicy, SecurityPolicyInput } from './security-policy.ts';

/** A policy in the form that requests have (B1), with every value: what `applySecurityPolicyInput` makes the same policy of. */
export type PolicyDocument = Required<SecurityPolicyInput> & {
  passwordPolicy: Required<NonNullable<SecurityPolicyInput['passwordPolicy']>>;
};

export function policyDocument({
  password,
  session,
  twoFactor,
  ipRestrictions,
  ipDenyList,
}: SecurityPolicy): PolicyDocument {
  return {
    passwordPolicy: { ...password },
    sessionTimeout: session.timeoutSeconds,
    absoluteSessionTimeout: session.absoluteTimeoutSeconds,
    maxConcurrentSessions: session.maxConcurrent,
    extendOnActivity: session.extendOnActivity,
    requireMFA: session.requireMfa,
    twoFactor,
    ipRestrictions: [...ipRestrictions],
    ipDenyList: [...ipDenyList],
  };
}
