/**
 * The people of one tenant (E2). Owns their records, the names by which they are found (`account-names.ts`), their passwords
 * (`account-passwords.ts`) and how they are listed and searched (`account-search.ts`). Does not own groups, factors and sessions.
 *
 * The same address in two application tenants is two people. Inside one it is one, however many writers race: names are claimed by a
 * conditional write before the account carries them.
 */
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import {
  type Account,
  accountIndex,
  accountKey,
  accountPartition,
  isAccountId,
  readAccount,
} from './account.ts';
import { createAccountCounts } from './account-counts.ts';
import { noSuchAccount, taken, validEmail } from './account-errors.ts';
import { type AccountName, createAccountNames } from './account-names.ts';
import { type AccountPasswords, createAccountPasswords } from './account-passwords.ts';
import { type AccountPage, type AccountSearch, createAccountSearch, wordItems } from './account-search.ts';
import { type AccountChange, createAccountUpdate } from './account-update.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';
import { normalizeEmail } from './email-address.ts';

export type { Account, AccountChange };
export { defaultApplicationTenantId };

export interface NewAccount {
  /** Chosen by who has to know it before the account is there: `acc_` and 128 random bits. */
  id?: string;
  /** See `Account`. */
  madeFor?: string;
  applicationTenantId?: string;
  email: string;
  name: string;
  givenName?: string | undefined;
  familyName?: string | undefined;
  externalId?: string | undefined;
  roles: readonly string[];
  emailVerified?: boolean | undefined;
  disabled?: boolean | undefined;
  /** Of a password that was set elsewhere, in a form that `password-hash.ts` knows. */
  passwordHash?: string | undefined;
  /** ISO 8601; absent: now. */
  passwordSetAt?: string | undefined;
}

export interface Accounts extends AccountPasswords, Pick<AccountSearch, 'search'> {
  /** `AppError('conflict')` when the address or the external id has an account; `AppError('validation_failed')` for text that is no address. */
  create(account: NewAccount): Promise<Account>;
  get(id: string): Promise<Account | undefined>;
  findByEmail(applicationTenantId: string, email: string): Promise<Account | undefined>;
  findByExternalId(applicationTenantId: string, externalId: string): Promise<Account | undefined>;
  /** All of one application tenant, or of all of them, by address; from an index, so one may be a moment old. */
  list(page?: Parameters<AccountSearch['list']>[0]): Promise<AccountPage>;
  /** How many there are in an application tenant; a crash or a lost reply may leave it a little off. */
  count(applicationTenantId: string): Promise<number>;
  /**
   * `AppError('precondition_failed')` when `version` is given and no longer the account's; otherwise as `create`, and `AppError('not_found')`.
   * A changed address counts as unverified unless the change says otherwise.
   */
  update(id: string, change: AccountChange, version?: string): Promise<Account>;
  setRoles(id: string, roles: readonly string[]): Promise<void>;
  setDisabled(id: string, disabled: boolean): Promise<void>;
  /** All access was taken back: links that are on their way lead nowhere from now on. Nothing happens when the account is gone. */
  noteAccessEnded(id: string): Promise<void>;
  /** Every account of every application tenant as it is now, in no order, also those that no index has; reads the whole table. */
  all(): AsyncIterable<Account>;
  /**
   * Frees the person's names and removes everything in the person's partition. From its first write on the account is disabled. Idempotent: of
   * several at once one is told that it has removed the account.
   */
  remove(id: string): Promise<boolean>;
}

export function createAccounts({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): Accounts {
  const isoNow = () => new Date(clock.now()).toISOString();
  const names = createAccountNames({ table, clock });
  const { list, search } = createAccountSearch({ table });
  const counts = createAccountCounts({ table });

  async function change(id: string, set: Record<string, string | boolean>): Promise<void> {
    try {
      const stamped = { ...set, updatedAt: isoNow(), version: randomId(random) };
      await table.update(accountKey(id), { set: stamped }, [{ exists: true }]);
    } catch (error) {
      throw error instanceof ConditionFailed ? noSuchAccount() : error;
    }
  }

  async function claim(name: AccountName, id: string): Promise<string> {
    const claimedFor = await names.claim(name, id);
    if (claimedFor === undefined || (name.attribute === 'externalId' && claimedFor !== id)) {
      throw taken(name.attribute);
    }
    return claimedFor;
  }

  async function find(name: AccountName): Promise<Account | undefined> {
    const item = await names.find(name);
    return item && readAccount(item);
  }

  return {
    async create({ id: wanted, applicationTenantId = defaultApplicationTenantId, roles, ...given }) {
      const email = validEmail(given.email);
      const id = await claim(
        { attribute: 'email', applicationTenantId, value: email },
        wanted ?? `acc_${randomId(random)}`,
      );
      if (given.externalId !== undefined) {
        await claim({ attribute: 'externalId', applicationTenantId, value: given.externalId }, id);
      }
      const now = isoNow();
      const item: Item = {
        ...given,
        ...accountKey(id),
        gsi1pk: accountIndex.pk,
        gsi1sk: accountIndex.sk(applicationTenantId, email),
        applicationTenantId,
        email,
        emailVerified: given.emailVerified ?? false,
        roles: JSON.stringify(roles),
        disabled: given.disabled ?? false,
        passwordSetAt: given.passwordHash === undefined ? undefined : (given.passwordSetAt ?? now),
        createdAt: now,
        updatedAt: now,
        version: randomId(random),
      };
      await table.batchWrite(wordItems(id, applicationTenantId, given.name).map((put) => ({ put })));
      try {
        await table.put(item, [{ exists: false }]);
      } catch (error) {
        throw error instanceof ConditionFailed ? taken('email') : error;
      }
      await counts.add(applicationTenantId, 1);
      return readAccount(item);
    },

    async get(id) {
      const item = isAccountId(id) ? await table.get(accountKey(id)) : undefined;
      return item && readAccount(item);
    },

    async findByEmail(applicationTenantId, text) {
      const value = normalizeEmail(text);
      return value === undefined ? undefined : find({ attribute: 'email', applicationTenantId, value });
    },

    findByExternalId: (applicationTenantId, value) =>
      find({ attribute: 'externalId', applicationTenantId, value }),

    list: (page = {}) => list(page),
    count: counts.of,
    search,

    async *all() {
      for await (const item of table.scan()) {
        if (item.pk.startsWith(accountPartition('')) && item.sk === accountKey('').sk) {
          yield readAccount(item);
        }
      }
    },

    ...createAccountPasswords({ table, clock, random, names, change }),

    update: createAccountUpdate({ table, clock, random, claim, names }),

    async setRoles(id, roles) {
      await change(id, { roles: JSON.stringify(roles) });
    },

    async setDisabled(id, disabled) {
      await change(id, { disabled, ...(disabled ? { accessEnding: randomId(random) } : {}) });
    },

    async noteAccessEnded(id) {
      try {
        await table.update(accountKey(id), { set: { accessEnding: randomId(random) } }, [{ exists: true }]);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
      }
    },

    async remove(id) {
      const item = isAccountId(id) ? await table.get(accountKey(id)) : undefined;
      if (item === undefined) {
        return false;
      }
      const { applicationTenantId, email, externalId } = readAccount(item);
      await change(id, { disabled: true });
      await names.release({ attribute: 'email', applicationTenantId, value: email }, id);
      if (externalId !== undefined) {
        await names.release({ attribute: 'externalId', applicationTenantId, value: externalId }, id);
      }
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: accountPartition(id),
          ...(cursor === undefined ? {} : { cursor }),
        });
        const others = page.items.filter(({ sk }) => sk !== accountKey(id).sk);
        await table.batchWrite(others.map(({ pk, sk }) => ({ delete: { pk, sk } })));
        cursor = page.cursor;
      } while (cursor !== undefined);
      try {
        await table.delete(accountKey(id), [{ exists: true }]);
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return false;
        }
        throw error;
      }
      await counts.add(applicationTenantId, -1);
      return true;
    },
  };
}
