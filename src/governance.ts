/**
 * Composes what is done about tenants once they are ordered: what people decide and when they are asked to (C1, C3, C4: gates, standing,
 * deletion, operations on runs, reminders), and the upkeep of what is built.
 */
import type { Slug } from './kernel/ids.ts';
import { createReminders, reminderSchedule } from './onboarding/reminders.ts';
import { createWaitingOrders } from './onboarding/waiting-orders.ts';
import type { PostMail } from './outbox/mail-channel.ts';
import type { JobHandlers } from './platform/queue.ts';
import type { Settings } from './platform/settings.ts';
import { createGateDecisions, type GateDecisions } from './provisioning/decide-gate.ts';
import { createLifecycle, type Lifecycle } from './provisioning/lifecycle.ts';
import { createRunOperations, type RunOperations } from './provisioning/operate-run.ts';
import { createStanding, type Standing } from './provisioning/standing.ts';
import { createDeletionJob, deletionSchedule } from './provisioning/start-deletions.ts';
import { createWaitingGates } from './provisioning/waiting-gates.ts';
import { createUpkeep, type Upkeep, type UpkeepDependencies } from './upkeep.ts';

export interface Governance {
  standing: Pick<Standing, 'apply' | 'applyNow'>;
  decisions: GateDecisions;
  lifecycle: Lifecycle;
  operations: RunOperations;
  reconciliations: Upkeep['reconciliations'];
  jobs: Pick<JobHandlers, 'tenant-standing' | 'tenant-deletions' | 'reminders'> & Upkeep['jobs'];
  /** Lets the jobs come that no request sends. */
  schedule(): Promise<void>;
}

interface GovernanceDependencies extends Omit<UpkeepDependencies, 'standing'> {
  settings: Pick<
    Settings,
    | 'reminderHours'
    | 'escalationHours'
    | 'orderExpiryDays'
    | 'deletionGraceDays'
    | 'oauthTeamEmail'
    | 'securityAdminEmail'
    | 'complianceOfficerEmail'
    | 'escalationEmail'
  >;
  postMail: PostMail;
  publicUrl: URL;
  onStatusChanged: (slug: Slug) => void;
}

export function createGovernance(deps: GovernanceDependencies): Governance {
  const { settings, queue, publicUrl } = deps;
  const { oauthTeamEmail, securityAdminEmail, complianceOfficerEmail, deletionGraceDays } = settings;
  const standing = createStanding(deps);
  const upkeep = createUpkeep({ ...deps, standing });
  return {
    standing,
    reconciliations: upkeep.reconciliations,
    decisions: createGateDecisions(deps),
    lifecycle: createLifecycle({ ...deps, deletionGraceDays }),
    operations: createRunOperations(deps),
    jobs: {
      'tenant-standing': standing.job,
      'tenant-deletions': createDeletionJob(deps),
      reminders: createReminders({
        ...deps,
        ...settings,
        sources: [
          createWaitingOrders({ publicUrl, oauthTeamEmail }),
          createWaitingGates({
            publicUrl,
            deciders: { validation: securityAdminEmail, compliance: complianceOfficerEmail },
          }),
        ],
      }),
      ...upkeep.jobs,
    },
    async schedule() {
      await queue.schedule('tenant-deletions', deletionSchedule, {});
      await queue.schedule('reminders', reminderSchedule, {});
      await upkeep.schedule();
    },
  };
}
