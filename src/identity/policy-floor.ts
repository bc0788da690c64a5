import type { FieldError } from '../kernel/errors.ts';
import type { SecurityPolicy } from './security-policy.ts';

/** The weakest security policy that a deployment takes (B4, C3). */
export interface PolicyFloor {
  minPasswordLength: number;
  /** How many of upper case, numbers and special characters a password must have. */
  minPasswordClasses: number;
  maxSessionSeconds: number;
}

/** Where the policy is weaker than the floor, by the fields of the request form. */
export function policyFloorProblems(policy: SecurityPolicy, floor: PolicyFloor): FieldError[] {
  const problems: FieldError[] = [];
  const { minLength, requireUppercase, requireNumbers, requireSpecialChars } = policy.password;
  if (minLength < floor.minPasswordLength) {
    problems.push({
      field: 'passwordPolicy.minLength',
      message: `must be at least ${floor.minPasswordLength} in this deployment`,
    });
  }
  const classes = [requireUppercase, requireNumbers, requireSpecialChars].filter(Boolean).length;
  if (classes < floor.minPasswordClasses) {
    problems.push({
      field: 'passwordPolicy',
      message: `must require at least ${floor.minPasswordClasses} of upper case, numbers and special characters in this deployment`,
    });
  }
  if (policy.session.timeoutSeconds > floor.maxSessionSeconds) {
    problems.push({
      field: 'sessionTimeout',
      message: `must be at most ${floor.maxSessionSeconds} in this deployment`,
    });
  }
  return problems;
}
