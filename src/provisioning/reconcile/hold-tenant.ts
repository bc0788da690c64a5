import type { TenantId } from '../../kernel/ids.ts';
import type { Postgres, Queryable } from '../../platform/postgres.ts';
import { lockOpenRun } from '../run-rows.ts';
import type { RecordedTenant, RecordedTenants } from './recorded-tenants.ts';

/** Well within the time after which PostgreSQL ends a transaction that is idle. */
const sayEveryMs = 10_000;

/**
 * Does `work` while nobody can take or open a run of the tenant: its row is held, as every taker of a run holds it first. `work` is given the
 * tenant as it is then. Undefined, and nothing done, while a worker has a run of it, or when it is not on record.
 */
export async function holdTenant<T>(
  { postgres, tenants }: { postgres: Postgres; tenants: RecordedTenants },
  tenantId: TenantId,
  work: (tenant: RecordedTenant, transaction: Queryable, signal: AbortSignal) => Promise<T>,
  outer: AbortSignal,
): Promise<T | undefined> {
  return await postgres.transaction(async (transaction) => {
    const { rowCount } = await transaction.query('select 1 from tenants where id = $1 for update', [
      tenantId,
    ]);
    const open = rowCount === 1 ? await lockOpenRun(transaction, tenantId) : undefined;
    const tenant = await tenants.get(transaction, tenantId);
    if (tenant === undefined || (open !== undefined && open.remaining > 0)) {
      return undefined;
    }
    const lost = new AbortController();
    const timer = setInterval(() => {
      transaction.query('select 1').catch((error: unknown) => lost.abort(error));
    }, sayEveryMs);
    try {
      return await work(tenant, transaction, AbortSignal.any([outer, lost.signal]));
    } finally {
      clearInterval(timer);
    }
  });
}
