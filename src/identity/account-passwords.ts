import { type Condition, ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { type Account, accountKey, readAccount, versionOf } from './account.ts';
import type { AccountNames } from './account-names.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';
import { normalizeEmail } from './email-address.ts';
import { hashPassword, isPresentHash, maxPasswordLength, verifyPasswordHash } from './password-hash.ts';
import { maxPasswordHistory } from './security-policy.ts';

export interface AccountPasswords {
  /**
   * Sets the password of an account that was invited at `email`, which counts as verified from then on. False, and nothing changed, when the
   * account has a password already (of several uses of its invitations exactly one counts) or another address by now.
   */
  setFirstPassword(id: string, password: string, email: string): Promise<boolean>;
  /** The same for a hash that was made elsewhere; says nothing of the address. `passwordSetAt` is ISO 8601, absent: now. */
  setFirstPasswordHash(id: string, passwordHash: string, passwordSetAt?: string): Promise<boolean>;
  /** Sets without asking the policy (`password-rules.ts` does); the former password joins the history. */
  setPassword(id: string, password: string): Promise<void>;
  /**
   * The same for whoever followed a link that was mailed to the account's address, which counts as verified from then on. False, and nothing
   * changed, when the account has changed since it was read.
   */
  setPasswordByMail(account: Account, password: string): Promise<boolean>;
  /**
   * The account when address and password fit and it is enabled. Reads and hashes as much for an unknown address, an account without a
   * password and a disabled account as for a wrong password, so that the time taken tells nothing. A hash of an older cost or another kind is
   * replaced by one of ours; `AppError('temporarily_unavailable')` while too many such are compared.
   */
  verifyPassword(email: string, password: string, applicationTenantId?: string): Promise<Account | undefined>;
  /** Whether the password is one of the account's last `count`, the present one included. */
  isRecentPassword(id: string, password: string, count: number): Promise<boolean>;
}

export function createAccountPasswords({
  table,
  clock,
  random,
  names,
  change,
}: {
  table: Table;
  clock: Clock;
  random: Random;
  names: Pick<AccountNames, 'find'>;
  /** Of an account that must exist. */
  change: (id: string, set: Record<string, string | boolean>) => Promise<void>;
}): AccountPasswords {
  const isoNow = () => new Date(clock.now()).toISOString();

  async function rehash(id: string, present: string, password: string): Promise<void> {
    try {
      await table.update(accountKey(id), { set: { passwordHash: await hashPassword(password) } }, [
        { attribute: 'passwordHash', equals: present },
      ]);
    } catch (error) {
      // The password was changed meanwhile: that hash is one of ours.
      if (!(error instanceof ConditionFailed)) {
        throw error;
      }
    }
  }

  /** False, and nothing changed, when the account is gone or `condition` does not hold. */
  async function setIf(
    id: string,
    given: Record<string, string | boolean>,
    condition: Condition,
  ): Promise<boolean> {
    const set = { passwordSetAt: isoNow(), ...given, updatedAt: isoNow(), version: randomId(random) };
    try {
      await table.update(accountKey(id), { set }, [{ exists: true }, ...condition]);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) {
        return false;
      }
      throw error;
    }
  }

  /** The new one, and the former ones behind it. */
  async function hashesWith(id: string, password: string): Promise<Record<string, string>> {
    const [passwordHash, item] = await Promise.all([hashPassword(password), table.get(accountKey(id))]);
    const former = item ? recentHashes(item) : [];
    return { passwordHash, formerPasswordHashes: JSON.stringify(former.slice(0, maxPasswordHistory)) };
  }

  return {
    setFirstPassword: async (id, password, email) =>
      setIf(id, { passwordHash: await hashPassword(password), emailVerified: true }, [
        { attribute: 'passwordHash', absent: true },
        { attribute: 'email', equals: email },
      ]),

    setFirstPasswordHash: (id, passwordHash, passwordSetAt) =>
      setIf(id, { passwordHash, ...(passwordSetAt === undefined ? {} : { passwordSetAt }) }, [
        { attribute: 'passwordHash', absent: true },
      ]),

    async setPassword(id, password) {
      await change(id, { ...(await hashesWith(id, password)), passwordSetAt: isoNow() });
    },

    setPasswordByMail: async (account, password) =>
      setIf(account.id, { ...(await hashesWith(account.id, password)), emailVerified: true }, [
        versionOf(account),
      ]),

    async verifyPassword(text, password, applicationTenantId = defaultApplicationTenantId) {
      if (password.length > maxPasswordLength * 4) {
        return undefined;
      }
      // `-` is no address, so an invalid one costs the same two reads as an unknown one.
      const value = normalizeEmail(text) ?? '-';
      const item = await names.find({ attribute: 'email', applicationTenantId, value });
      const stored = item?.passwordHash === undefined ? undefined : String(item.passwordHash);
      const matches = await verifyPasswordHash(stored, password, table.name);
      if (!matches || !item || stored === undefined || item.disabled === true) {
        return undefined;
      }
      const account = readAccount(item);
      if (!isPresentHash(stored)) {
        await rehash(account.id, stored, password);
      }
      return account;
    },

    async isRecentPassword(id, password, count) {
      const item = await table.get(accountKey(id));
      const hashes = item ? recentHashes(item).slice(0, count) : [];
      const matches = await Promise.all(hashes.map((hash) => verifyPasswordHash(hash, password, table.name)));
      return matches.includes(true);
    },
  };
}

/** Newest first, the present one included. */
function recentHashes(item: Item): string[] {
  const present = item.passwordHash;
  const former = JSON.parse(String(item.formerPasswordHashes ?? '[]')) as string[];
  return present === undefined ? former : [String(present), ...former];
}
