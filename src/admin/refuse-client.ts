import type { ClientRecord } from '../clients/clients.ts';
import type { Outbound } from '../cloud/http/outbound.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { clientProblems } from '../oidc/client-problems.ts';
import type { Sector } from '../oidc/client-sector.ts';

/** `AppError('validation_failed')` with the fields that the tenant's provider or the deployment does not take. */
export function refuseClient(
  record: TenantRecord,
  client: ClientRecord,
  outbound: Pick<Outbound, 'problemOf'>,
  sector: Sector | undefined,
): void {
  const fields = clientProblems(record, client, outbound, sector);
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
}
