import type { Tables } from '../../cloud/tables/port.ts';
import { createRoles } from '../../identity/roles.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { ProvisionedTenant } from '../step.ts';
import { type Finding, finding } from './finding.ts';

/**
 * The table is the one that the tenant's id gives it, active, answers with what was put there, and is encrypted by a KMS key where the
 * deployment asks for one. Of a store that names no key nothing is stated: DynamoDB encrypts by a key of its own, and does not say so; the
 * embedded store does not encrypt.
 */
export async function inspectTable(
  { tables, needsKmsKey }: { tables: Pick<Tables, 'describe' | 'open'>; needsKmsKey: boolean },
  tenant: ProvisionedTenant,
  record: TenantRecord,
): Promise<Finding> {
  const problems: string[] = [];
  if (record.tableName !== tenant.tableName) {
    problems.push('the directory names another table');
  }
  const description = await tables.describe(tenant.tableName);
  if (description?.status !== 'active') {
    problems.push('the table is not active');
  } else {
    if ((await createRoles({ table: tables.open(tenant.tableName) }).list()).length === 0) {
      problems.push('the table does not hold the roles that were put there');
    }
    if (needsKmsKey && description.encryptionKey === undefined) {
      problems.push('the table is not encrypted by a KMS key');
    }
  }
  const key = description?.encryptionKey;
  return finding(
    'tenant-table',
    problems,
    key === undefined ? 'reachable' : `reachable, encrypted by ${key}`,
  );
}
