/** Composes what the admin API needs for a tenant's people, beside the parts that it shares with others. */
import { createUserImportJob } from './admin/imports/user-import-job.ts';
import { createApplicationTenantRemoval } from './admin/people/application-tenant-removal.ts';
import {
  type AccountAccessDependencies,
  type AccountAccessOf,
  createAccountAccess,
} from './oidc/account-access.ts';
import { createRecountJob } from './oidc/recount-job.ts';
import type { Postgres } from './platform/postgres.ts';
import type { JobHandlers, Queue } from './platform/queue.ts';
import type { Directory } from './tenancy/directory.ts';
import type { UsageMeter } from './tenancy/usage-meter.ts';

export interface PeopleParts {
  accountAccess: AccountAccessOf;
  jobs: Pick<JobHandlers, 'application-tenant-removal' | 'tenant-recount' | 'user-import'>;
}

export function createPeopleParts(
  deps: AccountAccessDependencies & {
    directory: Pick<Directory, 'get' | 'list'>;
    usage: Pick<UsageMeter, 'of'>;
    postgres: Pick<Postgres, 'transaction'>;
    queue: Pick<Queue, 'send' | 'wake'>;
  },
): PeopleParts {
  const accountAccess = createAccountAccess(deps);
  return {
    accountAccess,
    jobs: {
      'application-tenant-removal': createApplicationTenantRemoval({ ...deps, accountAccess }),
      'tenant-recount': createRecountJob(deps),
      'user-import': createUserImportJob(deps),
    },
  };
}
