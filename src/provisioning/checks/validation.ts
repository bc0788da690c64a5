import type { KeyStore } from '../../cloud/keys/port.ts';
import type { Tables } from '../../cloud/tables/port.ts';
import { type PolicyFloor, policyFloorProblems } from '../../identity/policy-floor.ts';
import { createPolicyStore } from '../../identity/security-policy.ts';
import type { Queryable } from '../../platform/postgres.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { RehearseTenant } from '../../tenancy/rehearse-tenant.ts';
import type { Step } from '../step.ts';
import { finding, type Inspect } from './finding.ts';
import { inspectIsolation } from './isolation.ts';
import { inspectKeys } from './keys.ts';
import { readPublished } from './published.ts';
import { inspectTable } from './table.ts';

export interface ValidationDependencies {
  postgres: Queryable;
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'describe' | 'open'>;
  keyStore: KeyStore;
  rehearse: RehearseTenant;
  publicUrl: URL;
  policyFloor: PolicyFloor;
  /** The deployment encrypts tables by a KMS key. */
  needsKmsKey: boolean;
  steps: ReadonlyMap<string, Pick<Step, 'exclusive'>>;
}

/**
 * What a Security Admin would look at (C3): isolation and access policies of a tenant that is built and not active yet. Each check looks at
 * the thing itself, never at what a step said about it.
 */
export function createValidation(dependencies: ValidationDependencies): Inspect {
  const { postgres, directory, tables, keyStore, rehearse, publicUrl, policyFloor, steps } = dependencies;
  return async (context) => {
    const { tenant } = context;
    const record = await directory.get(tenant.slug);
    if (record?.id !== tenant.id) {
      return [finding('directory', ['the directory entry is missing or belongs to another tenant'], '')];
    }
    const { jwks, endpoints } = await readPublished(rehearse, record, `${publicUrl.origin}/${tenant.slug}`);
    const policy = await createPolicyStore({ table: tables.open(tenant.tableName) }).get();
    const weak = policyFloorProblems(policy, policyFloor);
    return [
      await inspectKeys(keyStore, record, jwks),
      await inspectTable(dependencies, tenant, record),
      finding(
        'security-policy',
        weak.map(({ field, message }) => `${field} ${message}`),
        "at least as strong as the deployment's floor",
      ),
      await inspectIsolation(postgres, steps, context),
      endpoints,
    ];
  };
}
