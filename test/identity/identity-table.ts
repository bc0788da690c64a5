import type { Table, Tables } from '../../src/cloud/tables/port.ts';
import { createTestTables, testTablePrefix } from '../support/services.ts';

/** A fresh tenant table. */
export async function createTenantTable(): Promise<{ table: Table; tables: Tables; name: string }> {
  const tables = createTestTables();
  const name = `${testTablePrefix()}-tenant`;
  await tables.create(name);
  return { table: tables.open(name), tables, name };
}
