import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { type Account, accountIndex, accountKey, isAccountId, readAccount, versionOf } from './account.ts';
import { changedMeanwhile, noSuchAccount, taken, validEmail } from './account-errors.ts';
import type { AccountName, AccountNames } from './account-names.ts';
import { wordItems } from './account-search.ts';

/** Members that are absent stay; `null` takes one away. */
export interface AccountChange {
  email?: string | undefined;
  emailVerified?: boolean | undefined;
  name?: string | undefined;
  givenName?: string | null | undefined;
  familyName?: string | null | undefined;
  externalId?: string | null | undefined;
  roles?: readonly string[] | undefined;
  disabled?: boolean | undefined;
}

export type UpdateAccount = (id: string, change: AccountChange, version?: string) => Promise<Account>;

/** Several writers of one account are rare: a person and an administrator. */
const updateAttempts = 5;

/** What the new record is found by is written before it, what the old one was found by is removed after it. */
export function createAccountUpdate({
  table,
  clock,
  random,
  claim,
  names,
}: {
  table: Table;
  clock: Clock;
  random: Random;
  claim: (name: AccountName, id: string) => Promise<string>;
  names: Pick<AccountNames, 'release'>;
}): UpdateAccount {
  const isoNow = () => new Date(clock.now()).toISOString();

  async function tryUpdate(present: Account, given: AccountChange): Promise<Account> {
    const { id, applicationTenantId } = present;
    const email = given.email === undefined ? present.email : validEmail(given.email);
    const moved = (['email', 'externalId'] as const).flatMap((attribute) => {
      const value = attribute === 'email' ? email : given.externalId;
      const former = present[attribute];
      return value === undefined || value === (former ?? null) ? [] : [{ attribute, value, former }];
    });
    for (const { attribute, value } of moved) {
      if (value !== null && (await claim({ attribute, applicationTenantId, value }, id)) !== id) {
        throw taken(attribute);
      }
    }
    const name = given.name ?? present.name;
    const wordsBefore = wordItems(id, applicationTenantId, present.name);
    const wordsAfter = wordItems(id, applicationTenantId, name);
    if (name !== present.name) {
      await table.batchWrite(wordsAfter.map((put) => ({ put })));
    }
    const { roles, ...rest } = given;
    const set = {
      ...rest,
      ...(roles === undefined ? {} : { roles: JSON.stringify(roles) }),
      email,
      emailVerified: given.emailVerified ?? (email === present.email && present.emailVerified),
      ...(given.disabled === true && !present.disabled ? { accessEnding: randomId(random) } : {}),
      gsi1pk: accountIndex.pk,
      gsi1sk: accountIndex.sk(applicationTenantId, email),
      updatedAt: isoNow(),
      version: randomId(random),
    };
    const item = await table.update(
      accountKey(id),
      {
        set: Object.fromEntries(Object.entries(set).filter(([, value]) => value != null)) as Record<
          string,
          string
        >,
        remove: Object.keys(set).filter((attribute) => set[attribute as keyof typeof set] === null),
      },
      [{ exists: true }, versionOf(present)],
    );
    for (const { attribute, former } of moved) {
      if (former !== undefined) {
        await names.release({ attribute, applicationTenantId, value: former }, id);
      }
    }
    const kept = new Set(wordsAfter.map(({ sk }) => sk));
    const dropped = wordsBefore.filter(({ sk }) => !kept.has(sk));
    if (dropped.length > 0) {
      await table.batchWrite(dropped.map(({ pk, sk }) => ({ delete: { pk, sk } })));
    }
    return readAccount(item);
  }

  return async (id, given, version) => {
    for (let attempt = 1; ; attempt += 1) {
      const item = isAccountId(id) ? await table.get(accountKey(id)) : undefined;
      if (item === undefined) {
        throw noSuchAccount();
      }
      const present = readAccount(item);
      if (version !== undefined && version !== present.version) {
        throw changedMeanwhile();
      }
      try {
        return await tryUpdate(present, given);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
        if (version !== undefined || attempt === updateAttempts) {
          throw changedMeanwhile();
        }
      }
    }
  };
}
