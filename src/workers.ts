import type { Governance } from './governance.ts';
import type { Registrations } from './onboarding/registrations.ts';
import type { PeopleParts } from './people.ts';
import type { JobHandler, JobHandlers } from './platform/queue.ts';
import type { Provisioning } from './provisioning/provision-tenant.ts';

/** The one list of jobs and what does them. */
export function createJobHandlers({
  registrations,
  provisioning,
  tenantKeys,
  governance,
  people,
}: {
  registrations: Pick<Registrations, 'intake'>;
  provisioning: Pick<Provisioning, 'job'>;
  tenantKeys: JobHandler<'tenant-keys'>;
  governance: Governance['jobs'];
  people: PeopleParts['jobs'];
}): JobHandlers {
  return {
    'registration-intake': registrations.intake,
    'tenant-provisioning': provisioning.job,
    'tenant-keys': tenantKeys,
    ...governance,
    ...people,
  };
}
