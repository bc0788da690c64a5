import type { Item, ItemKey, Table } from '../cloud/tables/port.ts';

/**
 * Second factors lie beside the account that they belong to, so that one strongly consistent query tells everything that an account has, and
 * whoever removes the account's items removes them as well.
 */
export function factorKey(accountId: string, name: string): ItemKey {
  return { pk: `Account#${accountId}`, sk: `${prefix}${name}` };
}

/** The items of an account whose names begin with `namePrefix`, by name. */
export async function queryFactorItems(
  table: Pick<Table, 'query'>,
  accountId: string,
  namePrefix = '',
): Promise<{ name: string; item: Item }[]> {
  const { pk, sk: skPrefix } = factorKey(accountId, namePrefix);
  const found: { name: string; item: Item }[] = [];
  let cursor: string | undefined;
  do {
    const page = await table.query({ pk, skPrefix, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.items.map((item) => ({ name: item.sk.slice(prefix.length), item })));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

const prefix = 'factor#';
