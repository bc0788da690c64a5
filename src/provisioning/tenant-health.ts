import { auditHealthChanged } from '../audit/events.ts';
import type { KeyStore } from '../cloud/keys/port.ts';
import type { Tables } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { JobHandler } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';
import { type Finding, finding, inWords } from './checks/finding.ts';
import { inspectHosting } from './checks/hosting.ts';
import { inspectKeys } from './checks/keys.ts';
import { inspectTable } from './checks/table.ts';
import type { Infrastructure } from './infrastructure.ts';
import { createRecordedTenants, type RecordedTenant } from './reconcile/recorded-tenants.ts';

/** How often every active tenant is looked at. */
export const healthSchedule = '*/5 * * * *';

const tenantsAtOnce = 4;
const lookMs = 30_000;

export interface HealthDependencies {
  postgres: Postgres;
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'describe' | 'open'>;
  keyStore: KeyStore;
  infrastructure: Pick<Infrastructure, 'hosting'>;
  tablePrefix: string;
  needsKmsKey: boolean;
  clock: Clock;
  log: Log;
}

export interface TenantHealth {
  status: 'healthy' | 'unhealthy';
  checks: Finding[];
  checkedAt: Date;
  /** Since when the status is what it is. */
  since: Date;
}

/**
 * The job `tenant-health` (B14): looks at every active tenant as its users and relying parties meet it. Keys sign and verify, the table
 * answers, its services run and their host answers. What was found is kept; a change of the status is an audit event, which webhooks tell of.
 * A check that failed is made a second time at once, so that one lost packet alarms nobody.
 */
export function createHealthJob(dependencies: HealthDependencies): JobHandler<'tenant-health'> {
  const { postgres, directory, keyStore, clock, log } = dependencies;
  const { hosting } = dependencies.infrastructure;
  const tenants = createRecordedTenants(dependencies);

  async function look(tenant: RecordedTenant, signal: AbortSignal): Promise<Finding[]> {
    const record = await directory.get(tenant.slug);
    if (record?.id !== tenant.id) {
      return [finding('directory', ['there is no directory entry of the tenant'], '')];
    }
    const jwks = { keys: record.signingKeys.map(({ publicJwk }) => publicJwk) };
    const checks: [string, () => Promise<Finding[]>][] = [
      ['signing-keys', async () => [await inspectKeys(keyStore, record, jwks)]],
      ['tenant-table', async () => [await inspectTable(dependencies, tenant, record)]],
    ];
    if (hosting !== undefined && tenant.made.has('services')) {
      checks.push(['services', () => inspectHosting(hosting, tenant, signal)]);
    }
    return (await Promise.all(checks.map(([name, check]) => twice(name, check, signal)))).flat();
  }

  /** That a thing cannot be looked at is what is wrong with it here. */
  async function twice(
    name: string,
    check: () => Promise<Finding[]>,
    signal: AbortSignal,
  ): Promise<Finding[]> {
    for (let last = false; ; last = true) {
      signal.throwIfAborted();
      try {
        const found = await check();
        if (last || found.every(({ passed }) => passed)) {
          return found;
        }
      } catch (error) {
        if (last) {
          log.warn({ err: error, check: name }, 'a health check could not look');
          const problem = error instanceof AppError ? error.message : 'An unexpected error occurred.';
          return [finding(name, [problem], '')];
        }
      }
    }
  }

  async function record(tenant: RecordedTenant, checks: readonly Finding[]): Promise<void> {
    const { id: tenantId, slug } = tenant;
    const status = checks.every(({ passed }) => passed) ? 'healthy' : 'unhealthy';
    await postgres.transaction(async (transaction) => {
      const former = await lockHealth(transaction, tenantId);
      await transaction.query(
        `insert into tenant_health (tenant_id, status, checks, checked_at, since) values ($1, $2, $3, $4, $4)
         on conflict (tenant_id) do update set status = $2, checks = $3, checked_at = $4,
           since = case when tenant_health.status = $2 then tenant_health.since else $4 end`,
        [tenantId, status, JSON.stringify(checks), new Date(clock.now())],
      );
      if (status !== (former ?? 'healthy')) {
        const problems = checks.filter(({ passed }) => !passed).map(inWords);
        const actor = { kind: 'system', id: 'health' } as const;
        await auditHealthChanged(transaction, clock, { tenantId, actor, slug, status, problems });
        log.warn({ tenantId, slug, status, problems }, "a tenant's health has changed");
      }
    });
  }

  async function examine(tenant: RecordedTenant, signal: AbortSignal): Promise<void> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(lookMs)]);
    try {
      await record(tenant, await look(tenant, bounded));
    } catch (error) {
      signal.throwIfAborted();
      log.error({ err: error, tenantId: tenant.id }, 'the health of a tenant could not be recorded');
    }
  }

  return {
    async run(_payload, signal) {
      const active = (await tenants.all(postgres)).filter(({ status }) => status === 'active');
      const waiting = active.values();
      const lanes = Array.from({ length: tenantsAtOnce }, async () => {
        for (const tenant of waiting) {
          signal.throwIfAborted();
          await examine(tenant, signal);
        }
      });
      await Promise.all(lanes);
      // Nobody looks at a tenant that does not answer; its last figure would stand for ever.
      await postgres.query(
        `delete from tenant_health where tenant_id not in (select id from tenants where status = 'active')`,
      );
    },
    async dead(_payload, reason) {
      log.error(
        { reason },
        'a round of health checks was given up; the next one by the schedule looks again',
      );
    },
  };
}

async function lockHealth(
  transaction: Queryable,
  tenantId: TenantId,
): Promise<TenantHealth['status'] | undefined> {
  const { rows } = await transaction.query<Pick<TenantHealth, 'status'>>(
    'select status from tenant_health where tenant_id = $1 for update',
    [tenantId],
  );
  return rows[0]?.status;
}

/** As it was last found; `undefined` for a tenant that is not active or was not looked at yet. */
export async function readTenantHealth(db: Queryable, tenantId: TenantId): Promise<TenantHealth | undefined> {
  const { rows } = await db.query<TenantHealth>(
    `select health.status, checks, checked_at as "checkedAt", since
       from tenant_health as health join tenants on tenants.id = tenant_id
      where tenant_id = $1 and tenants.status = 'active'`,
    [tenantId],
  );
  return rows[0];
}
