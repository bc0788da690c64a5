import type { Tables } from '../../cloud/tables/port.ts';
import { type Account, defaultApplicationTenantId } from '../../identity/accounts.ts';
import type { ApplicationTenant } from '../../identity/application-tenant.ts';
import { noSuchApplicationTenant } from '../../identity/application-tenants.ts';
import { beingRemoved } from '../../identity/keep-removed-empty.ts';
import { openPeople, type People } from '../../identity/people.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { createUserRoom } from '../../oidc/user-room.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { UsageMeter } from '../../tenancy/usage-meter.ts';
import type { TenantCaller } from '../access.ts';
import { openTenant } from '../open-tenant.ts';

export interface OpenPeopleDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
  usage: Pick<UsageMeter, 'of'>;
}

/** The people of the tenant in the path, as far as the caller may know of them (E2). */
export interface VisiblePeople extends People {
  record: TenantRecord;
  stores: Parameters<typeof openPeople>[0];
  /**
   * The application tenant that a request names by id or slug; without a name the caller's own, or the default one. To callers of an
   * application tenant every other one is unknown.
   */
  choose(named?: string): Promise<ApplicationTenant>;
  /** The same, to make or change something there: `AppError('conflict')` when it is being removed. */
  chooseToChange(named?: string): Promise<ApplicationTenant>;
  /** `AppError('not_found')` for an account that does not exist, and for one that the caller may not know of. */
  account(id: string | undefined): Promise<Account>;
}

export async function openVisiblePeople(
  dependencies: OpenPeopleDependencies,
  caller: TenantCaller,
): Promise<VisiblePeople> {
  const { record } = await openTenant(dependencies, caller.slug);
  const { tables, clock, random, usage } = dependencies;
  const stores = { table: tables.open(record.tableName), clock, random };
  const room = createUserRoom(stores, usage.of(record, stores.table));
  const people = openPeople({ ...stores, room });
  const own = caller.applicationTenantId;

  async function choose(named?: string): Promise<ApplicationTenant> {
    const found = await people.applicationTenants.find(named ?? own ?? defaultApplicationTenantId);
    if (!found || (own !== undefined && found.id !== own)) {
      throw noSuchApplicationTenant();
    }
    return found;
  }

  return {
    ...people,
    record,
    stores,
    choose,

    async chooseToChange(named) {
      const found = await choose(named);
      if (found.status === 'removing') {
        throw beingRemoved();
      }
      return found;
    },

    async account(id = '') {
      const found = await people.accounts.get(id);
      if (!found || (own !== undefined && found.applicationTenantId !== own)) {
        throw new AppError('not_found', 'There is no such user.');
      }
      return found;
    },
  };
}
