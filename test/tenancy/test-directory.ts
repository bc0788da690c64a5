import { createDirectory, type Directory } from '../../src/tenancy/directory.ts';
import type { TestClock } from '../support/clock.ts';
import { createTestTables, testTablePrefix } from '../support/services.ts';

/** A directory on a fresh table of the DynamoDB-compatible server. */
export async function createTestDirectory(clock: TestClock): Promise<Directory> {
  const tables = createTestTables();
  const name = `${testTablePrefix()}-directory`;
  await tables.create(name);
  return createDirectory({ table: tables.open(name), clock });
}
