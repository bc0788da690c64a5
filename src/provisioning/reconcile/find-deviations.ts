import type { Slug, TenantId } from '../../kernel/ids.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { gateNames } from '../gates.ts';
import { type Deviation, movedFrom, type Step } from '../step.ts';
import type { Discrepancy, Unchecked } from './discrepancy.ts';
import { contextOf, type RecordedTenant } from './recorded-tenants.ts';

export interface Deviations {
  discrepancies: Discrepancy[];
  unchecked: Unchecked[];
}

const tenantsAtOnce = 4;

/** What built tenants have on record and is missing, or is there otherwise, step by step. */
export async function findDeviations(
  { steps, describe }: { steps: ReadonlyMap<string, Step>; describe: (error: unknown) => string },
  tenants: readonly RecordedTenant[],
  signal: AbortSignal,
): Promise<Deviations> {
  const result: Deviations = { discrepancies: [], unchecked: [] };
  const waiting = tenants.filter(({ standing }) => standing === 'built').values();
  const lanes = Array.from({ length: tenantsAtOnce }, async () => {
    for (const tenant of waiting) {
      signal.throwIfAborted();
      const found = await inspectTenant({ steps, describe }, tenant, signal);
      result.discrepancies.push(...found.discrepancies);
      result.unchecked.push(...found.unchecked);
    }
  });
  await Promise.all(lanes);
  return result;
}

async function inspectTenant(
  { steps, describe }: { steps: ReadonlyMap<string, Step>; describe: (error: unknown) => string },
  tenant: RecordedTenant,
  signal: AbortSignal,
): Promise<Deviations> {
  const { id: tenantId, slug } = tenant;
  const result: Deviations = { discrepancies: [], unchecked: [] };
  for (const what of tenant.made.keys()) {
    if (!steps.has(what) && !gateNames.has(what)) {
      result.unchecked.push({ what, slug, reason: 'The deployment has no settings for it any more.' });
    }
  }
  for (const [what, step] of steps) {
    if (!tenant.made.has(what) || step.inspect === undefined) {
      continue;
    }
    try {
      for (const { kind, problem, restorable } of await deviationsOf(step, tenant, signal)) {
        result.discrepancies.push({
          kind,
          what,
          name: slug,
          problem,
          tenantId,
          slug,
          ...(restorable ? { repair: 'possible' as const } : {}),
        });
      }
    } catch (error) {
      result.unchecked.push({ what, slug, reason: describe(error) });
    }
  }
  return result;
}

/** Where nothing was made today's settings find nothing, which says nothing about what was made. */
export async function deviationsOf(
  step: Step,
  tenant: RecordedTenant,
  signal: AbortSignal,
): Promise<Deviation[]> {
  const context = contextOf(tenant, signal);
  const place = step.place?.(context);
  const problem = place && movedFrom(tenant.made.get(step.name), place);
  return problem === undefined
    ? ((await step.inspect?.(context)) ?? [])
    : [{ kind: 'drift', problem, restorable: false }];
}

/** Entries of the directory that say something else than PostgreSQL, which decides. */
export async function findDirectoryDrift(
  directory: Pick<Directory, 'get' | 'list'>,
  recorded: ReadonlyMap<TenantId, RecordedTenant>,
): Promise<Discrepancy[]> {
  const found: Discrepancy[] = [];
  for (const slug of await slugsIn(directory)) {
    // The list may be a moment old.
    const record = await directory.get(slug);
    if (record === undefined) {
      continue;
    }
    const tenant = recorded.get(record.id);
    const about = { what: 'directory', name: slug, tenantId: record.id, slug };
    if (tenant === undefined) {
      if (record.status !== 'deleted') {
        found.push({
          kind: 'drift',
          ...about,
          problem: 'the entry is that of a tenant that is not on record',
        });
      }
    } else if (tenant.standing === 'gone' && record.status !== 'deleted') {
      const problem = 'the entry of a tenant that is gone is still there';
      found.push({ kind: 'orphan', ...about, problem, repair: 'possible' });
    } else if (tenant.standing === 'built' && record.status !== tenant.status) {
      const problem = `the entry says ${record.status}, the record ${tenant.status}`;
      found.push({ kind: 'drift', ...about, problem, repair: 'possible' });
    }
  }
  return found;
}

async function slugsIn(directory: Pick<Directory, 'list'>): Promise<Slug[]> {
  const slugs: Slug[] = [];
  let cursor: string | undefined;
  do {
    const page = await directory.list(cursor === undefined ? {} : { cursor });
    slugs.push(...page.tenants.map(({ slug }) => slug));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return slugs;
}
