import type { Table } from '../../cloud/tables/port.ts';
import { artifactKey, grantIndexKey } from './artifact.ts';

/**
 * Ends a grant. The grant itself goes first, by its key: from then on nothing that was issued under it is accepted, whether the index, which
 * lags, shows it for removal or not.
 */
export async function revokeGrant(table: Table, grantId: string): Promise<void> {
  await table.delete(artifactKey('Grant', grantId));
  await removeIssued(table, grantId);
}

/** Removes what the index shows of the grant, of one model or of all. */
export async function removeIssued(table: Table, grantId: string, model?: string): Promise<void> {
  const query = {
    index: 'gsi1',
    pk: grantIndexKey(grantId),
    ...(model === undefined ? {} : { skPrefix: `${model}#` }),
  } as const;
  let cursor: string | undefined;
  do {
    const page = await table.query(cursor === undefined ? query : { ...query, cursor });
    await table.batchWrite(page.items.map(({ pk, sk }) => ({ delete: { pk, sk } })));
    cursor = page.cursor;
  } while (cursor !== undefined);
}
