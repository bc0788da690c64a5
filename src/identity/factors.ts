import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { factorKey, queryFactorItems } from './factor-items.ts';
import { createPasskeyRecords, type Passkey, passkeyPrefix, readPasskey } from './passkey-records.ts';
import { createRecoveryCodes, recoveryCodePrefix, recoverySetName } from './recovery-codes.ts';
import { totpName } from './totp.ts';

/** What an account has besides its password. */
export interface AccountFactors {
  /** ISO 8601: since when there is an authenticator app. */
  totpSince?: string;
  /** Oldest first. */
  passkeys: readonly Passkey[];
  recoveryCodesLeft: number;
  /** Whether the person has said that the codes are kept somewhere. */
  recoveryCodesSaved: boolean;
}

export interface Factors {
  /** One strongly consistent read. */
  of(accountId: string): Promise<AccountFactors>;
  /**
   * Takes one away. Recovery codes stand in for a factor and are none: they go with the last one. False when the account has no such factor.
   * Whether it may go is `removalProblem`'s to say.
   */
  remove(accountId: string, factor: FactorName): Promise<boolean>;
  /** Takes all away, for a person who has lost them: an administrator's last resort. */
  reset(accountId: string): Promise<void>;
}

export type FactorName = { totp: true } | { passkeyId: string };

/** The factors of one tenant's accounts as a whole; each kind's own module makes and checks them. */
export function createFactors({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): Factors {
  const passkeyRecords = createPasskeyRecords({ table, clock });
  const recoveryCodes = createRecoveryCodes({ table, clock, random });

  async function of(accountId: string): Promise<AccountFactors> {
    const items = await queryFactorItems(table, accountId);
    const named = (wanted: string) => items.find(({ name }) => name === wanted)?.item;
    const totp = named(totpName);
    const set = named(recoverySetName);
    const codePrefix = `${recoveryCodePrefix}${String(set?.setId)}#`;
    return {
      ...(totp ? { totpSince: String(totp.createdAt) } : {}),
      passkeys: items
        .filter(({ name }) => name.startsWith(passkeyPrefix))
        .map(({ item }) => readPasskey(item))
        .sort((one, other) => one.createdAt.localeCompare(other.createdAt)),
      recoveryCodesLeft: set ? items.filter(({ name }) => name.startsWith(codePrefix)).length : 0,
      recoveryCodesSaved: set?.saved === true,
    };
  }

  return {
    of,

    async remove(accountId, factor) {
      const found = hasFactor(await of(accountId), factor);
      if (!found) {
        return false;
      }
      if ('totp' in factor) {
        await table.delete(factorKey(accountId, totpName));
      } else if (!(await passkeyRecords.remove(accountId, factor.passkeyId))) {
        return false;
      }
      if (!hasSecondFactor(await of(accountId))) {
        await recoveryCodes.remove(accountId);
      }
      return true;
    },

    async reset(accountId) {
      const { passkeys } = await of(accountId);
      await table.delete(factorKey(accountId, totpName));
      for (const { id } of passkeys) {
        await passkeyRecords.remove(accountId, id);
      }
      await recoveryCodes.remove(accountId);
    },
  };
}

/** Whether there is something to ask for besides the password. */
export function hasSecondFactor({ totpSince, passkeys }: AccountFactors): boolean {
  return totpSince !== undefined || passkeys.length > 0;
}

function hasFactor({ totpSince, passkeys }: AccountFactors, factor: FactorName): boolean {
  return 'totp' in factor ? totpSince !== undefined : passkeys.some(({ id }) => id === factor.passkeyId);
}

/**
 * Why the person may not remove this factor: it is the last one and the tenant requires one, or nothing would be left to sign in with. `undefined`
 * when it may go.
 */
export function removalProblem(
  factors: AccountFactors,
  factor: FactorName,
  account: { isLastWayIn: boolean; secondFactorRequired: boolean },
): 'required' | 'only-way-in' | undefined {
  const passkeysLeft =
    'totp' in factor ? factors.passkeys : factors.passkeys.filter(({ id }) => id !== factor.passkeyId);
  const totpLeft = 'totp' in factor ? undefined : factors.totpSince;
  if (account.isLastWayIn) {
    return 'only-way-in';
  }
  return account.secondFactorRequired && passkeysLeft.length === 0 && totpLeft === undefined
    ? 'required'
    : undefined;
}
