import { createHash } from 'node:crypto';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { accountKey } from './account.ts';

/** How long a name that its account does not carry may still be on its way there; a change takes milliseconds. */
const claimMs = 60_000;

export interface AccountNames {
  /**
   * Claims the name for the account `id`. Answers the id under which it is claimed: `id` itself, or that of an account which somebody began to
   * create and never finished. `undefined` when another account has the name.
   */
  claim(name: AccountName, id: string): Promise<string | undefined>;
  /** The account item that carries the name. Costs two reads whatever it finds. */
  find(name: AccountName): Promise<Item | undefined>;
  /** Frees the name if it is the account's. */
  release(name: AccountName, id: string): Promise<void>;
}

/** By which an account is found and of which no two accounts of an application tenant have the same. */
export interface AccountName {
  attribute: 'email' | 'externalId';
  applicationTenantId: string;
  value: string;
}

/**
 * Unique names without transactions: a pointer item, written by a condition, goes before the account that carries the name, and a pointer
 * counts only while its account does carry it. A crash between the two leaves a pointer that finds nothing and is free after a minute.
 */
export function createAccountNames({ table, clock }: { table: Table; clock: Clock }): AccountNames {
  async function put(key: ItemKey, id: string, former: Item | undefined): Promise<boolean> {
    const pointer = { ...key, accountId: id, claimedAt: clock.now() };
    try {
      await table.put(
        pointer,
        former === undefined
          ? [{ exists: false }]
          : [
              { attribute: 'accountId', equals: String(former.accountId) },
              former.claimedAt === undefined
                ? { attribute: 'claimedAt', absent: true }
                : { attribute: 'claimedAt', equals: former.claimedAt },
            ],
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) {
        return false;
      }
      throw error;
    }
  }

  return {
    async claim(name, id) {
      const key = pointerKey(name);
      if (await put(key, id, undefined)) {
        return id;
      }
      const pointer = await table.get(key);
      if (pointer === undefined) {
        return undefined;
      }
      const holderId = String(pointer.accountId);
      if (holderId === id) {
        return id;
      }
      const holder = await table.get(accountKey(holderId));
      if (holder === undefined) {
        return holderId;
      }
      const isStale =
        holder[name.attribute] !== name.value && clock.now() - Number(pointer.claimedAt ?? 0) > claimMs;
      return isStale && (await put(key, id, pointer)) ? id : undefined;
    },

    async find(name) {
      const pointer = await table.get(pointerKey(name));
      const item = await table.get(accountKey(pointer ? String(pointer.accountId) : 'none'));
      return item?.[name.attribute] === name.value && item.applicationTenantId === name.applicationTenantId
        ? item
        : undefined;
    },

    async release(name, id) {
      try {
        await table.delete(pointerKey(name), [{ attribute: 'accountId', equals: id }]);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
      }
    },
  };
}

function pointerKey({ attribute, applicationTenantId, value }: AccountName): ItemKey {
  if (attribute === 'email') {
    return { pk: `Login#${applicationTenantId}#${value}`, sk: 'login' };
  }
  const hash = createHash('sha256').update(value).digest('base64url');
  return { pk: `ExternalId#${applicationTenantId}#${hash}`, sk: 'pointer' };
}
