import { type ApiResources, createApiResources } from '../clients/api-resources.ts';
import { type Clients, createClients } from '../clients/clients.ts';
import type { Tables } from '../cloud/tables/port.ts';
import { type BrandingStore, createBrandingStore } from '../identity/branding.ts';
import { createMailTemplates, type MailTemplates } from '../identity/mail-templates.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Directory } from '../tenancy/directory.ts';
import { noSuchTenant } from './access.ts';

export interface OpenTenantDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
}

/** The parts of one tenant that the admin API manages. */
export interface OpenTenant {
  record: TenantRecord;
  clients: Clients;
  resources: ApiResources;
  branding: BrandingStore;
  mailTemplates: MailTemplates;
}

/** `AppError('not_found')` for a tenant that the directory does not have, `AppError('not_ready')` for one that is not built. */
export async function openTenant(
  { directory, tables, clock, random }: OpenTenantDependencies,
  slug: Slug,
): Promise<OpenTenant> {
  const record = await directory.get(slug);
  if (record === undefined) {
    throw noSuchTenant();
  }
  if (record.status !== 'active' && record.status !== 'suspended') {
    throw new AppError('not_ready', 'The tenant is not set up.');
  }
  const table = tables.open(record.tableName);
  return {
    record,
    clients: createClients({ table, clock, random }),
    resources: createApiResources({ table }),
    branding: createBrandingStore({ table }),
    mailTemplates: createMailTemplates({ table }),
  };
}
