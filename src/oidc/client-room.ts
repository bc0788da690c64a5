import { createClients } from '../clients/clients.ts';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { type CountGate, createCountGate } from '../tenancy/count-quota.ts';
import type { TenantMeter } from '../tenancy/usage-meter.ts';

/** The places that a tenant has for clients (B14). `meter` is told when most are taken. */
export function createClientRoom(
  stores: { table: Table; clock: Clock; random: Random },
  meter?: Pick<TenantMeter, 'near'>,
): CountGate {
  return createCountGate({
    ...stores,
    quota: 'clients',
    count: createClients(stores).count,
    onNear: (quota, used) => meter?.near(quota, used),
  });
}
