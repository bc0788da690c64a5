import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/identity/accounts.ts';
import { admitsAddress, isAddressAllowed, isIpRange } from '../../src/identity/ip-restrictions.ts';
import {
  isPasswordExpired,
  passwordProblems,
  passwordProblemsFor,
  passwordRules,
} from '../../src/identity/password-rules.ts';
import {
  applySecurityPolicyInput,
  createPolicyStore,
  defaultSecurityPolicy,
  securityPolicyInputSchema,
  securityPolicyProblems,
} from '../../src/identity/security-policy.ts';
import { createTexts } from '../../src/web/i18n/texts.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

const { say } = createTexts('en');
const strict = defaultSecurityPolicy.password;
const account = {
  id: 'acc_1',
  email: 'ada@example.com',
  passwordSetAt: '2026-01-01T00:00:00.000Z',
} as Account;

describe('the policy', () => {
  it('has the defaults of B4', () => {
    expect(defaultSecurityPolicy).toEqual({
      password: {
        minLength: 12,
        requireUppercase: true,
        requireNumbers: true,
        requireSpecialChars: true,
        preventPasswordReuse: 3,
        expiryDays: 90,
      },
      session: {
        timeoutSeconds: 3600,
        absoluteTimeoutSeconds: 43_200,
        maxConcurrent: 3,
        extendOnActivity: true,
        requireMfa: false,
      },
      twoFactor: 'off',
      ipRestrictions: [],
      ipDenyList: [],
    });
    expect(applySecurityPolicyInput(undefined)).toEqual(defaultSecurityPolicy);
  });

  it('changes single values by input and keeps the others', () => {
    const policy = applySecurityPolicyInput({
      passwordPolicy: { minLength: 16, requireSpecialChars: false },
      sessionTimeout: 600,
    });
    expect(policy.password).toEqual({ ...strict, minLength: 16, requireSpecialChars: false });
    expect(policy.session).toEqual({ ...defaultSecurityPolicy.session, timeoutSeconds: 600 });
  });

  it('is stored, and is the default before', async () => {
    const { table } = await createTenantTable();
    const store = createPolicyStore({ table });
    expect(await store.get()).toEqual(defaultSecurityPolicy);
    const policy = applySecurityPolicyInput({ ipRestrictions: ['192.0.2.0/24'] });
    await store.put(policy);
    expect(await store.get()).toEqual(policy);
  });

  it('lets a session live as long as its idle time at least', () => {
    expect(applySecurityPolicyInput({ sessionTimeout: 86_400 }).session.absoluteTimeoutSeconds).toBe(86_400);
    expect(
      applySecurityPolicyInput({ sessionTimeout: 600, absoluteSessionTimeout: 900 }).session,
    ).toMatchObject({ timeoutSeconds: 600, absoluteTimeoutSeconds: 900 });
  });

  it('of an older version has defaults for what it does not know', async () => {
    const { table } = await createTenantTable();
    const { absoluteTimeoutSeconds: _, ...session } = defaultSecurityPolicy.session;
    const { ipDenyList: __, ...former } = defaultSecurityPolicy;
    const document = JSON.stringify({ ...former, session: { ...session, timeoutSeconds: 86_400 } });
    await table.put({ pk: 'Policy', sk: 'security', document });
    const policy = await createPolicyStore({ table }).get();
    expect(policy.ipDenyList).toEqual([]);
    expect(policy.session).toMatchObject({ timeoutSeconds: 86_400, absoluteTimeoutSeconds: 86_400 });
  });

  it.each([
    [{ passwordPolicy: { minLength: 7 } }, false],
    [{ passwordPolicy: { minLength: 8 } }, true],
    [{ passwordPolicy: { preventPasswordReuse: 11 } }, false],
    [{ passwordPolicy: { unknown: true } }, false],
    [{ sessionTimeout: 59 }, false],
    [{ sessionTimeout: '3600' }, false],
    [{ twoFactor: 'sometimes' }, false],
    [{ constructor: 1 }, false],
    [{}, true],
  ])('checks the form of %j', (input, valid) => {
    expect(new Ajv().compile(securityPolicyInputSchema)(input)).toBe(valid);
  });

  it('reports a problem with its field, and lets a second factor be required', () => {
    expect(
      securityPolicyProblems({
        requireMFA: true,
        twoFactor: 'required',
        ipRestrictions: ['192.0.2.1', '192.0.2.0/33'],
      }).map(({ field }) => field),
    ).toEqual(['ipRestrictions.1']);
    expect(
      securityPolicyProblems({
        ipDenyList: ['everywhere'],
        sessionTimeout: 7_200,
        absoluteSessionTimeout: 3_600,
      }).map(({ field }) => field),
    ).toEqual(['ipDenyList.0', 'absoluteSessionTimeout']);
  });
});

describe('passwords', () => {
  it.each([
    ['Correct horse 1!', []],
    ['Zwölf Zeichen1', []],
    ['short1!A', ['at least 12']],
    ['correct horse 1!', ['upper-case']],
    ['Correct horse !!', ['number']],
    ['Correcthorse11', ['special']],
    ['', ['at least 12', 'upper-case', 'number', 'special']],
    [`A1!${'x'.repeat(300)}`, ['longer than 256']],
  ])('judges %j', (password, expected) => {
    const problems = passwordProblems(strict, password).map(say);
    expect(problems).toHaveLength(expected.length);
    expected.forEach((part, index) => {
      expect(problems[index]).toContain(part);
    });
  });

  it('names as many rules as it enforces', () => {
    expect(passwordRules(strict)).toHaveLength(passwordProblems(strict, '').length);
    const lax = { ...strict, requireUppercase: false, requireNumbers: false, requireSpecialChars: false };
    expect(passwordRules(lax)).toHaveLength(passwordProblems(lax, '').length);
  });

  it('refuses the address and recent passwords', async () => {
    const recent = { isRecentPassword: async (_id: string, _password: string, count: number) => count === 3 };
    const never = { isRecentPassword: async () => false };
    expect(await passwordProblemsFor(recent, account, strict, 'Correct horse 1!')).toEqual([
      { key: 'password.recent', values: { count: 3 } },
    ]);
    expect(await passwordProblemsFor(never, account, strict, 'Ada@Example.com1')).toEqual([
      { key: 'password.contains-email' },
    ]);
    expect(await passwordProblemsFor(never, account, strict, 'Correct horse 1!')).toEqual([]);
  });

  it('expire after the days of the policy, or never', () => {
    const clock = testClock(Date.UTC(2026, 0, 1));
    clock.advance(90 * 86_400_000);
    expect(isPasswordExpired(strict, account, clock)).toBe(false);
    clock.advance(1);
    expect(isPasswordExpired(strict, account, clock)).toBe(true);
    expect(isPasswordExpired({ ...strict, expiryDays: 0 }, account, clock)).toBe(false);
  });
});

describe('address ranges', () => {
  it.each(['192.0.2.1', '192.0.2.0/24', '0.0.0.0/0', '2001:db8::/32', '::1'])('knows %s', (range) => {
    expect(isIpRange(range)).toBe(true);
  });

  it.each([
    '',
    '192.0.2',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/024',
    '192.0.2.0/24/8',
    'fe80::1%eth0',
    'example.com',
    '2001:db8::/129',
  ])('refuses %j', (range) => {
    expect(isIpRange(range)).toBe(false);
  });

  it('contain what they say', () => {
    const ranges = ['192.0.2.0/24', '2001:db8::/32'];
    expect(isAddressAllowed([], '203.0.113.9')).toBe(true);
    expect(isAddressAllowed(ranges, '192.0.2.200')).toBe(true);
    expect(isAddressAllowed(ranges, '::ffff:192.0.2.200')).toBe(true);
    expect(isAddressAllowed(ranges, '2001:db8:1::1')).toBe(true);
    expect(isAddressAllowed(ranges, '192.0.3.1')).toBe(false);
    expect(isAddressAllowed(ranges, '2001:db9::1')).toBe(false);
    expect(isAddressAllowed(ranges, 'nonsense')).toBe(false);
  });

  it('are refused before they are allowed', () => {
    const policy = { ipRestrictions: ['192.0.2.0/24'], ipDenyList: ['192.0.2.128/25', '2001:db8::/32'] };
    expect(admitsAddress(policy, '192.0.2.1')).toBe(true);
    expect(admitsAddress(policy, '192.0.2.200')).toBe(false);
    expect(admitsAddress(policy, '::ffff:192.0.2.200')).toBe(false);
    expect(admitsAddress({ ...policy, ipRestrictions: [] }, '203.0.113.9')).toBe(true);
    expect(admitsAddress({ ...policy, ipRestrictions: [] }, '2001:db8:9::1')).toBe(false);
  });
});
