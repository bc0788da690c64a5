/**
 * The security policy of an application tenant (E2, B4): the tenant's, with the values in which its own is stricter. Whatever the two say, no
 * value is ever weaker than the tenant's, also when the tenant's became stricter after the application tenant's was set.
 */
import type { FieldError } from '../kernel/errors.ts';
import { isRangeWithin } from './ip-restrictions.ts';
import {
  applySecurityPolicyInput,
  type SecurityPolicy,
  type SecurityPolicyInput,
} from './security-policy.ts';

/** How one value of a policy compares with the tenant's. */
interface Comparison<Value> {
  /** The field of the request form. */
  field: string;
  isWeaker(own: Value, tenants: Value): boolean;
  /** What would be right. */
  rule(tenants: Value): string;
}

type Comparisons = {
  [Section in keyof SecurityPolicy]: SecurityPolicy[Section] extends readonly unknown[] | string
    ? Comparison<SecurityPolicy[Section]>
    : { [Member in keyof SecurityPolicy[Section]]: Comparison<SecurityPolicy[Section][Member]> };
};

function atLeast(field: string): Comparison<number> {
  return {
    field,
    isWeaker: (own, tenants) => own < tenants,
    rule: (tenants) => `must be at least ${tenants}, as in the tenant`,
  };
}

function atMost(field: string): Comparison<number> {
  return {
    field,
    isWeaker: (own, tenants) => own > tenants,
    rule: (tenants) => `must be at most ${tenants}, as in the tenant`,
  };
}

function requiredIfThere(field: string): Comparison<boolean> {
  return {
    field,
    isWeaker: (own, tenants) => !own && tenants,
    rule: () => 'must be true, as in the tenant',
  };
}

/** Every value of a policy stands here: one that is added to the type and not compared does not compile. */
const comparisons: Comparisons = {
  password: {
    minLength: atLeast('passwordPolicy.minLength'),
    requireUppercase: requiredIfThere('passwordPolicy.requireUppercase'),
    requireNumbers: requiredIfThere('passwordPolicy.requireNumbers'),
    requireSpecialChars: requiredIfThere('passwordPolicy.requireSpecialChars'),
    preventPasswordReuse: atLeast('passwordPolicy.preventPasswordReuse'),
    expiryDays: {
      field: 'passwordPolicy.expiryDays',
      // 0 is never.
      isWeaker: (own, tenants) => tenants !== 0 && (own === 0 || own > tenants),
      rule: (tenants) => `must be 1 to ${tenants}, as in the tenant`,
    },
  },
  session: {
    timeoutSeconds: atMost('sessionTimeout'),
    absoluteTimeoutSeconds: atMost('absoluteSessionTimeout'),
    maxConcurrent: atMost('maxConcurrentSessions'),
    extendOnActivity: {
      field: 'extendOnActivity',
      isWeaker: (own, tenants) => own && !tenants,
      rule: () => 'must be false, as in the tenant',
    },
    requireMfa: requiredIfThere('requireMFA'),
  },
  twoFactor: {
    field: 'twoFactor',
    isWeaker: (own, tenants) => own === 'off' && tenants === 'required',
    rule: () => 'must be required, as in the tenant',
  },
  ipRestrictions: {
    field: 'ipRestrictions',
    // None at all means everywhere.
    isWeaker: (own, tenants) =>
      tenants.length > 0 && (own.length === 0 || own.some((range) => !isRangeWithin(range, tenants))),
    rule: (tenants) => `must lie within ${tenants.join(', ')}, as in the tenant`,
  },
  ipDenyList: {
    field: 'ipDenyList',
    isWeaker: (own, tenants) => tenants.some((range) => own.length === 0 || !isRangeWithin(range, own)),
    rule: (tenants) => `must hold ${tenants.join(', ')}, as in the tenant`,
  },
};

/** Where an application tenant's values are weaker than its tenant's, by the fields of the request form. */
export function applicationPolicyProblems(input: SecurityPolicyInput, tenants: SecurityPolicy): FieldError[] {
  const problems: FieldError[] = [];
  combine(tenants, input, (field, message) => problems.push({ field, message }));
  return problems;
}

/** What holds in the application tenant. */
export function applicationPolicy(
  tenants: SecurityPolicy,
  input: SecurityPolicyInput | undefined,
): SecurityPolicy {
  return input === undefined ? tenants : combine(tenants, input, () => {});
}

function combine(
  tenants: SecurityPolicy,
  input: SecurityPolicyInput,
  onWeaker: (field: string, rule: string) => void,
): SecurityPolicy {
  function stronger(comparison: unknown, own: unknown, floor: unknown): unknown {
    if (!isComparison(comparison)) {
      const names = Object.keys(comparison as object);
      const member = (of: unknown, name: string) => (of as Record<string, unknown>)[name];
      return Object.fromEntries(
        names.map((name) => [
          name,
          stronger(member(comparison, name), member(own, name), member(floor, name)),
        ]),
      );
    }
    if (!comparison.isWeaker(own, floor)) {
      return own;
    }
    onWeaker(comparison.field, comparison.rule(floor));
    return floor;
  }
  return stronger(comparisons, applySecurityPolicyInput(input, tenants), tenants) as SecurityPolicy;
}

function isComparison(value: unknown): value is Comparison<unknown> {
  return typeof (value as { isWeaker?: unknown }).isWeaker === 'function';
}
