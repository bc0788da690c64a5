/** Composes the counting of what tenants use, and what is told when one comes near a limit (B14). */
import { auditQuotaWarning } from './audit/events.ts';
import type { Clock } from './kernel/clock.ts';
import type { Log } from './platform/log.ts';
import type { Postgres } from './platform/postgres.ts';
import { createQuotaStore } from './tenancy/quotas.ts';
import { createUsageMeter, type UsageMeter } from './tenancy/usage-meter.ts';

export function createUsage({
  postgres,
  clock,
  log,
  flushSeconds,
}: {
  postgres: Pick<Postgres, 'transaction'>;
  clock: Clock;
  log: Log;
  flushSeconds: number;
}): UsageMeter {
  return createUsageMeter({
    clock,
    log,
    flushSeconds,
    async onNear(record, table, { quota, used }) {
      const quotas = createQuotaStore({ table, clock });
      const limit = (await quotas.get())[quota];
      if (limit === undefined || !(await quotas.claimWarning(quota))) {
        return;
      }
      log.warn({ tenant: record.slug, quota, limit }, 'a tenant is near its limit');
      await postgres.transaction((transaction) =>
        auditQuotaWarning(transaction, clock, {
          tenantId: record.id,
          actor: { kind: 'system', id: 'usage' },
          quota,
          limit,
          ...(used === undefined ? {} : { used }),
        }),
      );
    },
  });
}
