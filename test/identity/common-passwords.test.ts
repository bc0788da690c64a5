import { describe, expect, it } from 'vitest';
import { isCommonPassword } from '../../src/identity/common-passwords.ts';
import { passwordProblems } from '../../src/identity/password-rules.ts';
import { defaultSecurityPolicy } from '../../src/identity/security-policy.ts';

describe('common passwords (B4)', () => {
  it.each([
    'password',
    'Password123!',
    'P@ssw0rd2024!',
    '!!Dragon!!2024',
    '1qaz2wsx3edc',
    'QWERTYUIOP-2024',
    'ｐａｓｓｗｏｒｄ１２３！',
  ])('are refused in every dress: %s', (password) => {
    expect(isCommonPassword(password)).toBe(true);
  });

  it.each(['Correct-Horse-7-Battery', 'Another horse 2!', 'dragon-lighthouse-42!', '一二三四五六七八九十'])(
    'do not include %s',
    (password) => {
      expect(isCommonPassword(password)).toBe(false);
    },
  );

  it('are the only problem of a password that follows every other rule', () => {
    const problems = passwordProblems(defaultSecurityPolicy.password, 'Password1234!');
    expect(problems).toEqual([{ key: 'password.common' }]);
  });
});
