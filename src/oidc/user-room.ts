import type { Table } from '../cloud/tables/port.ts';
import { createAccounts } from '../identity/accounts.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { type CountGate, createCountGate } from '../tenancy/count-quota.ts';
import type { TenantMeter } from '../tenancy/usage-meter.ts';

/** The places that a tenant has for users (B14). `meter` is told when most are taken. */
export function createUserRoom(
  stores: { table: Table; clock: Clock; random: Random },
  meter?: Pick<TenantMeter, 'near'>,
): CountGate {
  const accounts = createAccounts(stores);

  async function count(): Promise<number> {
    let found = 0;
    let cursor: string | undefined;
    do {
      const page = await accounts.list({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
      found += page.accounts.length;
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  return createCountGate({
    ...stores,
    quota: 'users',
    count,
    onNear: (quota, used) => meter?.near(quota, used),
  });
}
