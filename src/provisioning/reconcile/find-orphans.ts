import type { OwnedResource } from '../../cloud/resource-owner.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Step } from '../step.ts';
import type { Discrepancy, Unchecked } from './discrepancy.ts';
import type { RecordedTenant } from './recorded-tenants.ts';

export interface Listed {
  /** By step. */
  resources: { step: string; resource: OwnedResource }[];
  unchecked: Unchecked[];
}

/** What exists and bears this deployment's mark, by the step that makes it. */
export async function listResources(
  steps: ReadonlyMap<string, Step>,
  known: readonly RecordedTenant[],
  describe: (error: unknown) => string,
): Promise<Listed> {
  const owners = known.map(({ id, slug }) => ({ tenantId: id, slug }));
  const listed: Listed = { resources: [], unchecked: [] };
  for (const [step, { list }] of steps) {
    try {
      const found = (await list?.(owners)) ?? [];
      listed.resources.push(...found.map((resource) => ({ step, resource })));
    } catch (error) {
      listed.unchecked.push({ what: step, reason: describe(error) });
    }
  }
  return listed;
}

/**
 * Of what exists, that which no living tenant has. The records are read after the resources were listed: whatever was made before the list
 * was on record before it was made, so nothing that is being built looks like an orphan. Tenants whose run is not at an end are left out.
 *
 * A tenant that only the directory knows is no orphan but a loss of the control plane's records: what it has is never removed.
 */
export async function findOrphans(
  { resources }: Listed,
  recorded: ReadonlyMap<TenantId, RecordedTenant>,
  directory: Pick<Directory, 'list'>,
): Promise<Discrepancy[]> {
  const published = await livingInDirectory(directory);
  return resources.flatMap(({ step, resource: { name, owner } }): Discrepancy[] => {
    const tenant = recorded.get(owner.tenantId);
    const about = { what: step, name, tenantId: owner.tenantId, ...(owner.slug ? { slug: owner.slug } : {}) };
    if (tenant === undefined && published.has(owner.tenantId)) {
      const problem = 'its tenant answers, and is not on record';
      return [{ kind: 'drift', ...about, problem }];
    }
    if (tenant === undefined) {
      const problem = 'its tenant was never on record';
      return [{ kind: 'orphan', ...about, problem, repair: 'possible' }];
    }
    if (tenant.standing === 'gone') {
      const problem = `its tenant is ${tenant.status === 'deleted' ? 'deleted' : 'rolled back'}`;
      return [{ kind: 'orphan', ...about, problem, repair: 'possible' }];
    }
    if (tenant.standing === 'built' && !tenant.made.has(step)) {
      return [{ kind: 'orphan', ...about, problem: 'its tenant has none on record', repair: 'possible' }];
    }
    return [];
  });
}

async function livingInDirectory(directory: Pick<Directory, 'list'>): Promise<Set<TenantId>> {
  const ids = new Set<TenantId>();
  let cursor: string | undefined;
  do {
    const page = await directory.list(cursor === undefined ? {} : { cursor });
    for (const { id, status } of page.tenants) {
      if (status !== 'deleted') {
        ids.add(id);
      }
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}
