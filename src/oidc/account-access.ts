import { createClients } from '../clients/clients.ts';
import type { KeyStore } from '../cloud/keys/port.ts';
import type { Tables } from '../cloud/tables/port.ts';
import { createRemoveCredentials, type RemoveCredentials } from '../identity/account-credentials.ts';
import { createAccounts } from '../identity/accounts.ts';
import { openApplicationRules } from '../identity/application-rules.ts';
import { createApplicationTenants } from '../identity/application-tenants.ts';
import { createFactors } from '../identity/factors.ts';
import { createPolicyStore } from '../identity/security-policy.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import { createAccountGrants } from './account/account-grants.ts';
import type { LogoutDelivery } from './sessions/logout-delivery.ts';
import { openSessions } from './sessions/open-sessions.ts';

/** What a person of a tenant holds besides the account itself, for an administrator to end. */
export interface AccountAccess {
  /** All sessions, what the person has allowed to applications with everything that was issued under it, and links that are on their way. */
  end(accountId: string): Promise<void>;
  /** For a person who has lost all second factors. */
  resetFactors(accountId: string): Promise<void>;
  /** For a person who is being removed: everything that would still lead to the account. */
  removeCredentials: RemoveCredentials;
}

export type AccountAccessOf = (record: TenantRecord) => AccountAccess;

export interface AccountAccessDependencies {
  tables: Pick<Tables, 'open'>;
  keyStore: Pick<KeyStore, 'forTenant'>;
  logoutDelivery: Pick<LogoutDelivery, 'run'>;
  publicUrl: URL;
  clock: Clock;
  random: Random;
  log: Log;
}

export function createAccountAccess({
  tables,
  keyStore,
  logoutDelivery: delivery,
  publicUrl,
  clock,
  random,
  log,
}: AccountAccessDependencies): AccountAccessOf {
  return (record) => {
    const table = tables.open(record.tableName);
    const stores = { table, clock, random };
    return {
      async end(accountId) {
        await createAccounts(stores).noteAccessEnded(accountId);
        const { policyOf } = await openApplicationRules({
          policy: await createPolicyStore({ table }).get(),
          applicationTenants: createApplicationTenants(stores),
          clock,
        });
        const { sessions } = openSessions({
          ...stores,
          record,
          issuer: `${publicUrl.origin}/${record.slug}`,
          keys: keyStore.forTenant(record.id),
          clients: createClients(stores),
          rulesOf: async (applicationTenantId) => (await policyOf(applicationTenantId)).session,
          delivery,
          log,
        });
        await sessions.endAll(accountId);
        await createAccountGrants({ table, clock }).revokeAll(accountId);
      },
      resetFactors: createFactors(stores).reset,
      removeCredentials: createRemoveCredentials(stores),
    };
  };
}
