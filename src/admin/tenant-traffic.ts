import type { Tables } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { createQuotaStore } from '../tenancy/quotas.ts';
import { createRateGates } from '../tenancy/rate-gate.ts';
import type { UsageMeter } from '../tenancy/usage-meter.ts';

/** Of a tenant's requests per second, what its administrators and scripts have besides: neither can starve the other. */
const administrationShare = 0.25;

export interface TenantTraffic {
  /** Counts a request that a tenant's own credentials have made; `AppError('rate_limited')` with `Retry-After` beyond its share. */
  take(record: TenantRecord): Promise<void>;
}

/** What tenants ask of the admin API (B14). Operators are not counted: they have to reach a tenant that is flooded. */
export function createTenantTraffic({
  tables,
  usage,
  clock,
}: {
  tables: Pick<Tables, 'open'>;
  usage: Pick<UsageMeter, 'of'>;
  clock: Clock;
}): TenantTraffic {
  const rates = createRateGates({ clock });
  return {
    async take(record) {
      const table = tables.open(record.tableName);
      const meter = usage.of(record, table);
      meter.count('requests');
      const { requestsPerSecond } = await createQuotaStore({ table, clock }).get();
      rates.take(record.id, 'administration', {
        perSecond:
          requestsPerSecond === undefined ? undefined : Math.max(1, requestsPerSecond * administrationShare),
        onNear: () => meter.near('requestsPerSecond'),
      });
    },
  };
}
