import type { Table } from '../../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';

export interface ListPositions {
  get(index: number): Promise<string | undefined>;
  note(index: number, cursor: string): Promise<void>;
}

const keptSeconds = 60 * 60;

/**
 * Where the pages of a list of SCIM ended: it names places by number, and the store has cursors. They lie in the tenant's table, so that a client
 * that reads page after page goes on from where it was, whichever process answers.
 */
export function createListPositions(
  { table, clock }: { table: Table; clock: Clock },
  applicationTenantId: string,
): ListPositions {
  const keyOf = (index: number) => ({ pk: `ScimPositions#${applicationTenantId}`, sk: String(index) });
  return {
    async get(index) {
      const item = await table.get(keyOf(index));
      return item !== undefined && (item.expiresAt ?? 0) > epochSeconds(clock)
        ? String(item.cursor)
        : undefined;
    },
    note: (index, cursor) =>
      table.put({ ...keyOf(index), cursor, expiresAt: epochSeconds(clock) + keptSeconds }),
  };
}
