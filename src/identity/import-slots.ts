import type { Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';

/** Imports of one application tenant that may be under way at once, uploads included. */
export const maxOpenImports = 5;

/**
 * Takes one of the application tenant's slots for an import. Nobody gives one back: a slot is free when its import is not open any more,
 * however that ended. False when there is none.
 */
export async function takeImportSlot(
  table: Table,
  { applicationTenantId, importId }: { applicationTenantId: string; importId: string },
  isOpen: (importId: string) => Promise<boolean>,
): Promise<boolean> {
  for (let number = 0; number < maxOpenImports; number += 1) {
    const key = { pk: `ImportSlots#${applicationTenantId}`, sk: String(number) };
    const present = await table.get(key);
    if (present !== undefined && (await isOpen(String(present.importId)))) {
      continue;
    }
    const unchanged =
      present === undefined ? { exists: false } : { attribute: 'importId', equals: String(present.importId) };
    if (await succeeds(table.put({ ...key, importId }, [unchanged]))) {
      return true;
    }
  }
  return false;
}
