import type { Slug, TenantId } from '../../kernel/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Standing } from '../standing.ts';
import type { Step } from '../step.ts';
import type { Discrepancy, RepairState } from './discrepancy.ts';
import { deviationsOf } from './find-deviations.ts';
import { holdTenant } from './hold-tenant.ts';
import { contextOf, type RecordedTenant, type RecordedTenants } from './recorded-tenants.ts';

export interface RepairDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  directory: Pick<Directory, 'get'>;
  steps: ReadonlyMap<string, Step>;
  tenants: RecordedTenants;
  applyStanding: Standing['apply'];
  log: Log;
}

/** A discrepancy with the time at which it was first found, in milliseconds since the epoch. */
export type Dated = Discrepancy & { sinceMs: number };

/**
 * Whatever belongs to a tenant of which there is no record cannot be fenced, so it must have been found before, this long ago: by then
 * every process that might still be making it has ended or failed.
 */
export const graceMs = 15 * 60_000;

/**
 * Does away with one tenant's discrepancies, as far as that is safe: removes what no living tenant has by the undo of the step that makes such
 * things, and restores what deviates by its act. While it does, nobody can take a run of the tenant, and everything is looked at again first.
 */
export async function repairTenant(
  dependencies: RepairDependencies,
  tenantId: TenantId,
  discrepancies: readonly Dated[],
  { now, signal }: { now: number; signal: AbortSignal },
): Promise<Map<Discrepancy, RepairState>> {
  const { steps, tenants, postgres, queue, directory, applyStanding, log } = dependencies;
  const outcomes = new Map<Discrepancy, RepairState>();
  const possible = discrepancies.filter(({ repair }) => repair === 'possible');

  async function attempt(discrepancy: Discrepancy, work: () => Promise<RepairState>): Promise<void> {
    signal.throwIfAborted();
    try {
      outcomes.set(discrepancy, await work());
    } catch (error) {
      const { what, name } = discrepancy;
      log.error({ err: error, what, name, tenantId }, 'a discrepancy could not be repaired');
      outcomes.set(discrepancy, 'failed');
    }
  }

  /** In the order in which a run would undo or do it; what one step makes is one piece of work. */
  async function bySteps(
    kinds: readonly Discrepancy[],
    names: readonly string[],
    work: (step: Step) => Promise<RepairState>,
  ): Promise<void> {
    for (const name of names) {
      const step = steps.get(name);
      const [first, ...rest] = kinds.filter(({ what }) => what === name);
      if (step !== undefined && first !== undefined) {
        await attempt(first, () => work(step));
        for (const each of rest) {
          outcomes.set(each, outcomes.get(first) ?? 'failed');
        }
      }
    }
  }

  async function remove(orphans: readonly Discrepancy[], tenant: RecordedTenant, until: AbortSignal) {
    const isOrphan = (name: string) =>
      tenant.standing === 'gone' || (tenant.standing === 'built' && !tenant.made.has(name));
    await bySteps(orphans, [...steps.keys()].reverse(), async (step) => {
      if (!isOrphan(step.name)) {
        return 'refused';
      }
      await step.undo(contextOf(tenant, until), undefined);
      const left = (await step.list?.([{ tenantId, slug: tenant.slug }])) ?? [];
      return left.some(({ owner }) => owner.tenantId === tenantId) ? 'failed' : 'done';
    });
  }

  async function restore(deviations: readonly Discrepancy[], tenant: RecordedTenant, until: AbortSignal) {
    await bySteps(deviations, [...steps.keys()], async (step) => {
      const context = contextOf(tenant, until);
      if (tenant.standing !== 'built' || !tenant.made.has(step.name)) {
        return 'refused';
      }
      const before = await deviationsOf(step, tenant, until);
      if (before.some(({ restorable }) => !restorable)) {
        return 'refused';
      }
      await step.act(context);
      return ((await step.inspect?.(context)) ?? []).length === 0 ? 'done' : 'failed';
    });
  }

  async function repairRecords(tenant: RecordedTenant, until: AbortSignal): Promise<void> {
    for (const entry of possible.filter(({ what, kind }) => what === 'directory' && kind === 'orphan')) {
      await attempt(entry, async () => {
        await steps.get('reserve-directory')?.undo(contextOf(tenant, until), undefined);
        const left = await directory.get(tenant.slug);
        return left?.id !== tenantId || left.status === 'deleted' ? 'done' : 'failed';
      });
    }
  }

  const orphans = possible.filter(({ kind, what }) => kind === 'orphan' && what !== 'directory');
  const deviations = possible.filter(({ kind, what }) => kind !== 'orphan' && steps.has(what));
  const held = await holdTenant(
    dependencies,
    tenantId,
    async (tenant, transaction, until) => {
      await restore(deviations, tenant, until);
      await remove(orphans, tenant, until);
      if (tenant.standing === 'gone') {
        await repairRecords(tenant, until);
      }
      for (const run of possible.filter(({ what }) => what === 'run')) {
        await attempt(run, async () => {
          await queue.send(transaction, 'tenant-provisioning', { tenantId });
          return 'done';
        });
      }
      return true;
    },
    signal,
  );
  if (held === undefined && (await tenants.get(postgres, tenantId)) === undefined) {
    const seasoned = orphans.length > 0 && discrepancies.every(({ sinceMs }) => now - sinceMs >= graceMs);
    if (seasoned) {
      const slug = discrepancies.find((each) => each.slug !== undefined)?.slug ?? ('' as Slug);
      await remove(orphans, tenants.stranger(tenantId, slug), signal);
    }
  }
  // Takes the tenant's row itself.
  for (const entry of possible.filter(({ what, kind }) => what === 'directory' && kind === 'drift')) {
    await attempt(entry, async () => {
      await applyStanding(tenantId);
      return 'done';
    });
  }
  queue.wake('tenant-provisioning');
  for (const each of possible.filter((discrepancy) => !outcomes.has(discrepancy))) {
    outcomes.set(each, 'refused');
  }
  return outcomes;
}
