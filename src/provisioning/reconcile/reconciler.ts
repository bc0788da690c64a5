/**
 * The reconciler: compares what is recorded (tenants, runs, directory entries) with what exists (tables, keys, databases, files, cache users,
 * services, rules, DNS records), reports what differs, and repairs it when asked to.
 *
 * Owns the comparison and its reports. Does not own what there is to compare: every step of the plan lists what it makes, looks at what it
 * made, and removes or restores it, so a new kind of resource is reconciled as soon as its step exists. A resource of another deployment is in
 * no list.
 *
 * Flow: resources listed → records read → orphans, deviations, directory, runs → repaired, tenant by tenant, if asked → report and audit event.
 * What the directory says of a tenant's standing is put right in every round.
 */
import { auditReconciled } from '../../audit/events.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Random } from '../../kernel/random.ts';
import type { JobHandler } from '../../platform/queue.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Discrepancy } from './discrepancy.ts';
import { keyOf } from './discrepancy.ts';
import { findDeviations, findDirectoryDrift } from './find-deviations.ts';
import { findLeftoverRuns } from './find-leftover-runs.ts';
import { findOrphans, listResources } from './find-orphans.ts';
import { createRecordedTenants } from './recorded-tenants.ts';
import { type RepairDependencies, repairTenant } from './repair.ts';
import { createReports, type Report, type ReportedDiscrepancy, type Reports } from './reports.ts';

export interface ReconcilerOptions extends Omit<RepairDependencies, 'tenants' | 'directory'> {
  directory: Directory;
  tablePrefix: string;
  clock: Clock;
  random: Random;
}

export interface Reconciler {
  readonly reports: Pick<Reports, 'request' | 'get' | 'latest'>;
  readonly job: JobHandler<'reconciliation'>;
}

/** Nobody in person: by the schedule. */
const scheduler = { kind: 'system', id: 'reconciler' } as const;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { postgres, directory, steps, clock, log } = options;
  const tenants = createRecordedTenants(options);
  const reports = createReports({ ...options, db: postgres });

  function describe(error: unknown): string {
    log.warn({ err: error }, 'a resource could not be looked at');
    return error instanceof AppError ? error.message : 'An unexpected error occurred.';
  }

  async function compare(signal: AbortSignal) {
    const listed = await listResources(steps, await tenants.all(postgres), describe);
    signal.throwIfAborted();
    const all = await tenants.all(postgres);
    const recorded = new Map(all.map((tenant) => [tenant.id, tenant]));
    const deviations = await findDeviations({ steps, describe }, all, signal);
    return {
      discrepancies: [
        ...(await findOrphans(listed, recorded, directory)),
        ...deviations.discrepancies,
        ...(await findDirectoryDrift(directory, recorded)),
        ...(await findLeftoverRuns(postgres, new Date(clock.now()))),
      ],
      unchecked: [...listed.unchecked, ...deviations.unchecked],
      tenants: all.filter(({ standing }) => standing === 'built').length,
    };
  }

  function date(found: readonly Discrepancy[], former: Report | undefined): ReportedDiscrepancy[] {
    const since = new Map((former?.discrepancies ?? []).map((each) => [keyOf(each), each.since]));
    const now = new Date(clock.now()).toISOString();
    return found.map((each) => ({ ...each, since: since.get(keyOf(each)) ?? now }));
  }

  async function repairAll(
    found: readonly ReportedDiscrepancy[],
    signal: AbortSignal,
  ): Promise<ReportedDiscrepancy[]> {
    const byTenant = Map.groupBy(
      found.map((each) => ({ ...each, sinceMs: Date.parse(each.since) })),
      ({ tenantId }) => tenantId,
    );
    const repaired: ReportedDiscrepancy[] = [];
    for (const [tenantId, dated] of byTenant) {
      const outcomes = await repairTenant({ ...options, tenants }, tenantId as TenantId, dated, {
        now: clock.now(),
        signal,
      });
      for (const each of dated) {
        const { sinceMs: _, ...discrepancy } = each;
        const repair = outcomes.get(each) ?? each.repair;
        repaired.push(repair === undefined ? discrepancy : { ...discrepancy, repair });
      }
    }
    return repaired;
  }

  async function reconcile(id: string, signal: AbortSignal): Promise<void> {
    const wanted = await reports.start(id);
    if (wanted === undefined) {
      return;
    }
    const former = await reports.latest('done');
    const { discrepancies: found, ...rest } = await compare(signal);
    const dated = date(found, former);
    const [due, left] = wanted.repair ? [dated, []] : split(dated, isStanding);
    const discrepancies = [...(await repairAll(due, signal)), ...left];
    const changed = setOfKeys(discrepancies).symmetricDifference(setOfKeys(former?.discrepancies ?? []));
    await postgres.transaction(async (transaction) => {
      await reports.finish(transaction, id, { ...rest, discrepancies });
      // A round that found what the one before it found is no news.
      if (wanted.requestedBy.kind !== 'system' || changed.size > 0) {
        await auditReconciled(transaction, clock, {
          actor: wanted.requestedBy,
          reconciliationId: id,
          repair: wanted.repair,
          found: summary(discrepancies),
          repaired: discrepancies
            .filter(({ repair }) => repair === 'done')
            .map(({ kind, what, name }) => `${kind} ${what}: ${name}`),
        });
      }
    });
    log.info({ reconciliation: id, found: summary(discrepancies) }, 'reconciled');
  }

  return {
    reports,
    job: {
      async run({ id }, signal) {
        const wanted =
          id ??
          (await postgres.transaction((transaction) =>
            reports.request(transaction, { actor: scheduler, repair: false }),
          ));
        await reconcile(wanted, signal);
      },
      async dead({ id }, reason) {
        log.error({ reconciliation: id, reason }, 'a reconciliation was given up');
        if (id !== undefined) {
          await reports.fail(id, 'The job failed again and again.');
        }
      },
    },
  };
}

/** The directory says something else of a tenant than was decided: a blocked tenant may answer, so nobody has to ask for the repair. */
function isStanding({ what, kind, repair }: Discrepancy): boolean {
  return what === 'directory' && kind === 'drift' && repair === 'possible';
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** How many of each kind are left. */
export function summary(discrepancies: readonly Discrepancy[]): Record<Discrepancy['kind'], number> {
  const count = (kind: Discrepancy['kind']) =>
    discrepancies.filter((each) => each.kind === kind && each.repair !== 'done').length;
  return { orphan: count('orphan'), missing: count('missing'), drift: count('drift') };
}

function setOfKeys(discrepancies: readonly Discrepancy[]): Set<string> {
  return new Set(discrepancies.filter(({ repair }) => repair !== 'done').map(keyOf));
}
