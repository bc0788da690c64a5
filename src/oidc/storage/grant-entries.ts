import type { Table } from '../../cloud/tables/port.ts';
import { accountPartition } from '../../identity/account.ts';

const prefix = 'grant#';

/**
 * The list of an account's grants, beside the account: read by key, so it is never behind, and gone with the account. An entry is written before its
 * grant; one without a grant says nothing.
 */
export const grantEntries = {
  async add(
    table: Table,
    { accountId, grantId, expiresAt }: { accountId: string; grantId: string; expiresAt: number },
  ): Promise<void> {
    await table.put({ pk: accountPartition(accountId), sk: `${prefix}${grantId}`, expiresAt });
  },

  async remove(table: Table, accountId: string, grantId: string): Promise<void> {
    await table.delete({ pk: accountPartition(accountId), sk: `${prefix}${grantId}` });
  },

  async idsOf(table: Table, accountId: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await table.query({
        pk: accountPartition(accountId),
        skPrefix: prefix,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map(({ sk }) => sk.slice(prefix.length)));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ids;
  },
};
