import type { Clock } from '../kernel/clock.ts';
import type { Message } from '../web/i18n/texts.ts';
import type { Account, Accounts } from './accounts.ts';
import { isCommonPassword } from './common-passwords.ts';
import { maxPasswordLength } from './password-hash.ts';
import type { SecurityPolicy } from './security-policy.ts';

type PasswordPolicy = SecurityPolicy['password'];

/** The rules of the policy as something a person can follow while choosing (B4). */
export function passwordRules(policy: PasswordPolicy): Message[] {
  const rules: Message[] = [{ key: 'password.rule-length', values: { count: policy.minLength } }];
  if (policy.requireUppercase) {
    rules.push({ key: 'password.rule-uppercase' });
  }
  if (policy.requireNumbers) {
    rules.push({ key: 'password.rule-number' });
  }
  if (policy.requireSpecialChars) {
    rules.push({ key: 'password.rule-special' });
  }
  return rules;
}

/** What is wrong with the password by itself; none when it is fine. */
export function passwordProblems(policy: PasswordPolicy, password: string): Message[] {
  const text = password.normalize('NFKC');
  const length = [...text].length;
  const problems: Message[] = [];
  if (length > maxPasswordLength) {
    return [{ key: 'password.too-long', values: { count: maxPasswordLength } }];
  }
  if (length < policy.minLength) {
    problems.push({ key: 'password.too-short', values: { count: policy.minLength } });
  }
  if (policy.requireUppercase && !/\p{Lu}/u.test(text)) {
    problems.push({ key: 'password.needs-uppercase' });
  }
  if (policy.requireNumbers && !/\p{Nd}/u.test(text)) {
    problems.push({ key: 'password.needs-number' });
  }
  if (policy.requireSpecialChars && !/[^\p{L}\p{M}\p{N}]/u.test(text)) {
    problems.push({ key: 'password.needs-special' });
  }
  if (problems.length === 0 && isCommonPassword(password)) {
    problems.push({ key: 'password.common' });
  }
  return problems;
}

/** The same, for the first password of an account that is about to be. */
export function passwordProblemsOfNew(
  policy: PasswordPolicy,
  { email, password }: { email: string; password: string },
): Message[] {
  const problems = passwordProblems(policy, password);
  return problems.length === 0 && password.toLowerCase().includes(email)
    ? [{ key: 'password.contains-email' }]
    : problems;
}

/** The same, and that it is none of the account's latest passwords nor its address. */
export async function passwordProblemsFor(
  accounts: Pick<Accounts, 'isRecentPassword'>,
  account: Account,
  policy: PasswordPolicy,
  password: string,
): Promise<Message[]> {
  const problems = passwordProblemsOfNew(policy, { email: account.email, password });
  if (problems.length > 0) {
    return problems;
  }
  if (await accounts.isRecentPassword(account.id, password, policy.preventPasswordReuse)) {
    return [{ key: 'password.recent', values: { count: policy.preventPasswordReuse } }];
  }
  return [];
}

/** Whether the account's password is older than the policy allows (B4). */
export function isPasswordExpired(policy: PasswordPolicy, account: Account, clock: Clock): boolean {
  if (policy.expiryDays === 0 || account.passwordSetAt === undefined) {
    return false;
  }
  return clock.now() - Date.parse(account.passwordSetAt) > policy.expiryDays * 86_400_000;
}
