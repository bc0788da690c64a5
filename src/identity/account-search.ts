/**
 * Finding people by the beginning of their address or of a word of their name, in time that does not grow with their number. Addresses are
 * in the accounts' own index; each word of a name is an item of the index, in the account's partition and gone with it. Words are written
 * before the name that holds them and removed after it, so what is found is compared with the account itself.
 */
import type { Item, Table } from '../cloud/tables/port.ts';
import { AppError } from '../kernel/errors.ts';
import { type Account, accountIndex, accountKey, accountPartition, readAccount } from './account.ts';

export interface AccountPage {
  accounts: Account[];
  /** Present when there may be more; a page may hold less than its limit and still not be the last. */
  cursor?: string;
}

export interface AccountSearch {
  /**
   * By address, of one application tenant those whose address begins with `emailPrefix`; all application tenants when none is named. From an
   * index, so one may be a moment old.
   */
  list(page: {
    applicationTenantId?: string;
    emailPrefix?: string;
    limit?: number;
    cursor?: string;
  }): Promise<AccountPage>;
  /**
   * People of an application tenant whose address begins with the text, then those whose name has a word that begins with each of
   * its words.
   */
  search(query: {
    applicationTenantId: string;
    text: string;
    limit?: number;
    cursor?: string;
  }): Promise<AccountPage>;
}

const wordIndex = 'AccountWords';
const maxWords = 8;
const maxWordLength = 40;
/** A page of people with one of many rare second names takes so many reads at most, and is then not full. */
const maxReads = 20;

/** The words by which a name is found: without letter case, accents and punctuation. */
export function searchWords(name: string): string[] {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .map((word) => word.slice(0, maxWordLength));
  return [...new Set(words)].slice(0, maxWords);
}

/** The index items of a name. */
export function wordItems(accountId: string, applicationTenantId: string, name: string): Item[] {
  return searchWords(name).map((word) => ({
    pk: accountPartition(accountId),
    sk: `word#${word}`,
    gsi1pk: wordIndex,
    gsi1sk: `${applicationTenantId}#${word}#${accountId}`,
  }));
}

export function createAccountSearch({ table }: { table: Table }): AccountSearch {
  const optional = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

  async function byAddress(prefix: string | undefined, limit: number, cursor: string | undefined) {
    const page = await table.query({
      index: 'gsi1',
      pk: accountIndex.pk,
      ...(prefix === undefined ? {} : { skPrefix: prefix }),
      limit,
      ...optional(cursor),
    });
    return { accounts: page.items.map(readAccount), ...optional(page.cursor) };
  }

  async function byWords(
    applicationTenantId: string,
    { text, limit }: { text: string; limit: number },
    start: string | undefined,
  ): Promise<AccountPage> {
    // No name has an `@`: that is an address, or the beginning of one.
    const words = text.includes('@') ? [] : searchWords(text);
    const [longest] = words.toSorted((a, b) => b.length - a.length);
    if (longest === undefined) {
      return { accounts: [] };
    }
    const accounts: Account[] = [];
    let cursor = start;
    for (let reads = 0; reads < maxReads; reads += 1) {
      const page = await table.query({
        index: 'gsi1',
        pk: wordIndex,
        skPrefix: `${applicationTenantId}#${longest}`,
        limit: limit - accounts.length,
        ...optional(cursor),
      });
      const items = await Promise.all(page.items.map(({ pk, sk }) => readHit(pk, sk, longest)));
      accounts.push(
        ...(items.filter((account) => account !== undefined && matches(account, words, text)) as Account[]),
      );
      cursor = page.cursor;
      if (cursor === undefined || accounts.length >= limit) {
        break;
      }
    }
    return { accounts, ...optional(cursor) };
  }

  /** Somebody two of whose words begin alike is found by the first of them only. */
  async function readHit(pk: string, sk: string, prefix: string): Promise<Account | undefined> {
    const item = await table.get(accountKey(pk.slice('Account#'.length)));
    const account = item && readAccount(item);
    const first =
      account &&
      searchWords(account.name)
        .toSorted()
        .find((word) => word.startsWith(prefix));
    return first !== undefined && sk === `word#${first}` ? account : undefined;
  }

  return {
    list: ({ applicationTenantId, emailPrefix = '', limit = 100, cursor }) =>
      byAddress(
        applicationTenantId === undefined ? undefined : accountIndex.sk(applicationTenantId, emailPrefix),
        limit,
        cursor,
      ),

    async search({ applicationTenantId, text, limit = 100, cursor = 'a.' }) {
      const [, source, position] = /^([aw])\.([A-Za-z0-9_-]*)$/.exec(cursor) ?? [];
      if (source === undefined) {
        throw new AppError('invalid_request', 'The cursor is not valid.');
      }
      const start = position === '' ? undefined : position;
      if (source === 'w') {
        const page = await byWords(applicationTenantId, { text, limit }, start);
        return { accounts: page.accounts, ...(page.cursor ? { cursor: `w.${page.cursor}` } : {}) };
      }
      const prefix = accountIndex.sk(applicationTenantId, text.trim().toLowerCase());
      const page = await byAddress(prefix, limit, start);
      if (page.cursor !== undefined || page.accounts.length >= limit) {
        return { accounts: page.accounts, cursor: page.cursor === undefined ? 'w.' : `a.${page.cursor}` };
      }
      const rest = await byWords(
        applicationTenantId,
        { text, limit: limit - page.accounts.length },
        undefined,
      );
      return {
        accounts: [...page.accounts, ...rest.accounts],
        ...(rest.cursor ? { cursor: `w.${rest.cursor}` } : {}),
      };
    },
  };
}

/** Whether the name has all the words, and the address did not bring the account up already. */
function matches({ name, email }: Account, words: readonly string[], text: string): boolean {
  const own = searchWords(name);
  return (
    words.every((word) => own.some((candidate) => candidate.startsWith(word))) &&
    !email.startsWith(text.trim().toLowerCase())
  );
}
