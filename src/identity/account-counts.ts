import type { Table } from '../cloud/tables/port.ts';

export interface AccountCounts {
  of(applicationTenantId: string): Promise<number>;
  add(applicationTenantId: string, amount: number): Promise<void>;
}

/** How many accounts each application tenant has, without counting them one by one. */
export function createAccountCounts({ table }: { table: Table }): AccountCounts {
  const keyOf = (applicationTenantId: string) => ({ pk: 'AccountCount', sk: applicationTenantId });
  return {
    async of(applicationTenantId) {
      return Math.max(0, Number((await table.get(keyOf(applicationTenantId)))?.count ?? 0));
    },
    async add(applicationTenantId, amount) {
      await table.update(keyOf(applicationTenantId), { add: { count: amount } });
    },
  };
}
