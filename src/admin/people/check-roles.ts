import { AppError } from '../../kernel/errors.ts';
import type { VisiblePeople } from './open-people.ts';

/** Refuses names that are no roles of the application tenant, each with its place. */
export async function assertRolesExist(
  { roles }: Pick<VisiblePeople, 'roles'>,
  names: readonly string[],
  applicationTenantId: string,
): Promise<void> {
  const found = await Promise.all(names.map((name) => roles.get(name, applicationTenantId)));
  const fields = found.flatMap((role, index) =>
    role === undefined ? [{ field: `roles.${index}`, message: 'is no role here' }] : [],
  );
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
}
