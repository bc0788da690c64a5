import type { ClientRecord } from '../clients/clients.ts';
import type { Outbound } from '../cloud/http/outbound.ts';
import type { FieldError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { type Sector, sectorProblems } from './client-sector.ts';
import { clientMetadataProblems } from './validate-client.ts';

/**
 * What only the tenant and its deployment can say about a client: addresses that are not called from here, redirect URIs that are not of its
 * sector, and metadata that the tenant's provider does not take.
 */
export function clientProblems(
  record: TenantRecord,
  client: ClientRecord,
  outbound: Pick<Outbound, 'problemOf'>,
  sector?: Sector,
): FieldError[] {
  const called = (['jwksUri', 'sectorIdentifierUri', 'backchannelLogoutUri'] as const).flatMap((field) => {
    const address = client[field];
    const message = address === undefined ? undefined : outbound.problemOf(address);
    return message === undefined ? [] : [{ field, message }];
  });
  const own = [...called, ...sectorProblems(client, sector)];
  return own.length > 0 ? own : clientMetadataProblems(record, client);
}
