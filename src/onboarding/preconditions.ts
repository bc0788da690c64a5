import type { Tables } from '../cloud/tables/port.ts';
import { operatorRoles } from '../identity/admin-scopes.ts';
import { createRoles } from '../identity/roles.ts';
import { AppError } from '../kernel/errors.ts';
import { platformSlug } from '../kernel/slug.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { Order } from './order.ts';

export interface PreconditionDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
}

/**
 * What must hold before an order may be approved (C2): the platform's stores answer, the platform tenant is there with its roles, and no
 * other tenant answers under the slug (D1). `AppError('temporarily_unavailable')` for what a later try may find in order,
 * `AppError('conflict')` for what it will not. PostgreSQL needs no look: the order was read from it.
 */
export async function checkPreconditions(
  { directory, tables }: PreconditionDependencies,
  order: Pick<Order, 'slug' | 'request'>,
): Promise<void> {
  const [platform, holder] = await Promise.all([directory.get(platformSlug), directory.get(order.slug)]);
  if (platform?.status !== 'active') {
    throw new AppError('temporarily_unavailable', 'The platform tenant is not active yet.');
  }
  const roles = createRoles({ table: tables.open(platform.tableName) });
  const present = await Promise.all(operatorRoles.map(({ name }) => roles.get(name)));
  const missing = operatorRoles.filter((_role, index) => present[index] === undefined);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new AppError('temporarily_unavailable', `The platform tenant lacks roles: ${names}.`);
  }
  if (holder !== undefined && holder.id !== order.request.tenantId) {
    throw new AppError('conflict', 'Another tenant answers under this slug.');
  }
}
