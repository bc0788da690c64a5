import { describe, expect, it } from 'vitest';
import { applicationPolicy, applicationPolicyProblems } from '../../src/identity/application-policy.ts';
import { applySecurityPolicyInput, type SecurityPolicyInput } from '../../src/identity/security-policy.ts';

const tenants = applySecurityPolicyInput({
  passwordPolicy: { minLength: 12, requireUppercase: true, preventPasswordReuse: 3, expiryDays: 90 },
  sessionTimeout: 3600,
  maxConcurrentSessions: 3,
  extendOnActivity: false,
  requireMFA: true,
  twoFactor: 'required',
  ipRestrictions: ['192.0.2.0/24', '2001:db8::/32'],
  ipDenyList: ['192.0.2.66'],
  absoluteSessionTimeout: 7200,
});

/** Of each field a value that is stronger, or as strong, and one that is weaker. */
const fields: [field: string, allowed: SecurityPolicyInput, refused: SecurityPolicyInput][] = [
  ['passwordPolicy.minLength', { passwordPolicy: { minLength: 14 } }, { passwordPolicy: { minLength: 11 } }],
  [
    'passwordPolicy.requireUppercase',
    { passwordPolicy: { requireUppercase: true } },
    { passwordPolicy: { requireUppercase: false } },
  ],
  [
    'passwordPolicy.requireNumbers',
    { passwordPolicy: { requireNumbers: true } },
    { passwordPolicy: { requireNumbers: false } },
  ],
  [
    'passwordPolicy.requireSpecialChars',
    { passwordPolicy: { requireSpecialChars: true } },
    { passwordPolicy: { requireSpecialChars: false } },
  ],
  [
    'passwordPolicy.preventPasswordReuse',
    { passwordPolicy: { preventPasswordReuse: 4 } },
    { passwordPolicy: { preventPasswordReuse: 0 } },
  ],
  [
    'passwordPolicy.expiryDays',
    { passwordPolicy: { expiryDays: 30 } },
    { passwordPolicy: { expiryDays: 91 } },
  ],
  [
    'passwordPolicy.expiryDays',
    { passwordPolicy: { expiryDays: 90 } },
    { passwordPolicy: { expiryDays: 0 } },
  ],
  ['sessionTimeout', { sessionTimeout: 60 }, { sessionTimeout: 3601 }],
  ['absoluteSessionTimeout', { absoluteSessionTimeout: 3600 }, { absoluteSessionTimeout: 7201 }],
  ['ipDenyList', { ipDenyList: ['192.0.2.64/28', '192.0.2.1'] }, { ipDenyList: [] }],
  ['ipDenyList', { ipDenyList: ['192.0.2.66'] }, { ipDenyList: ['192.0.2.1'] }],
  ['maxConcurrentSessions', { maxConcurrentSessions: 1 }, { maxConcurrentSessions: 4 }],
  ['extendOnActivity', { extendOnActivity: false }, { extendOnActivity: true }],
  ['requireMFA', { requireMFA: true }, { requireMFA: false }],
  ['twoFactor', { twoFactor: 'required' }, { twoFactor: 'off' }],
  ['ipRestrictions', { ipRestrictions: ['192.0.2.128/25'] }, { ipRestrictions: [] }],
  ['ipRestrictions', { ipRestrictions: ['192.0.2.7'] }, { ipRestrictions: ['192.0.2.7', '192.0.0.0/16'] }],
  ['ipRestrictions', { ipRestrictions: ['2001:db8:1::/48'] }, { ipRestrictions: ['2001:db9::/48'] }],
  ['ipRestrictions', { ipRestrictions: ['192.0.2.0/24'] }, { ipRestrictions: ['198.51.100.1'] }],
];

describe('the policy of an application tenant (E2)', () => {
  it.each(fields)('%s may be stronger: %o, and not weaker: %o', (field, allowed, refused) => {
    expect(applicationPolicyProblems(allowed, tenants)).toEqual([]);
    expect(applicationPolicy(tenants, allowed)).toEqual(applySecurityPolicyInput(allowed, tenants));
    expect(applicationPolicyProblems(refused, tenants)).toEqual([{ field, message: expect.any(String) }]);
    // What was allowed once, and is weaker by now, does not count.
    expect(applicationPolicy(tenants, refused)).toEqual(tenants);
  });

  it('names every field that is weaker, and keeps those that are not', () => {
    const mixed: SecurityPolicyInput = { sessionTimeout: 60, requireMFA: false, maxConcurrentSessions: 50 };
    expect(applicationPolicyProblems(mixed, tenants).map(({ field }) => field)).toEqual([
      'maxConcurrentSessions',
      'requireMFA',
    ]);
    expect(applicationPolicy(tenants, mixed).session).toEqual({ ...tenants.session, timeoutSeconds: 60 });
  });

  it('is the tenant’s when it has none of its own', () => {
    expect(applicationPolicy(tenants, undefined)).toBe(tenants);
    const open = applySecurityPolicyInput({ passwordPolicy: { expiryDays: 0 }, extendOnActivity: true });
    expect(
      applicationPolicyProblems({ passwordPolicy: { expiryDays: 0 }, ipRestrictions: ['::1'] }, open),
    ).toEqual([]);
  });
});
