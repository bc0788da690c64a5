import type { Account } from '../../identity/accounts.ts';

/**
 * The enabled account of the application tenant that address and password fit. Takes as long for an unknown address as for a wrong
 * password.
 */
export type VerifyPassword = (
  email: string,
  password: string,
  applicationTenantId: string,
) => Promise<Account | undefined>;
