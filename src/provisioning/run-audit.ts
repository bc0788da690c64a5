import {
  auditAdminInvited,
  auditClientCreated,
  auditComplianceFailed,
  auditComplianceReviewed,
  auditDeprovisioningStarted,
  auditProvisioningAwaits,
  auditProvisioningCompleted,
  auditProvisioningNeedsOperator,
  auditProvisioningStarted,
  auditProvisioningStepFailed,
  auditProvisioningUndone,
  auditTenantActivated,
  auditTenantCreated,
  auditTenantDeleted,
  auditTenantValidated,
  auditValidationRejected,
} from '../audit/events.ts';
import { commandLineClient } from '../clients/command-line-client.ts';
import { applySecurityPolicyInput } from '../identity/security-policy.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RunId, TenantId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import { type Finding, inWords } from './checks/finding.ts';
import type { Gate } from './gates.ts';
import type { StoredStep } from './run-rows.ts';
import type { ProvisionedTenant, RunKind, StepOutput } from './step.ts';

/** Who does what nobody does in person. */
export const provisioner: Actor = { kind: 'system', id: 'provisioning' };

/** Writes audit events as the last thing in the transaction of the change that they record (B10, C5). */
export type Announce = (transaction: Queryable) => Promise<void>;

/** The audit event goes last: its place in the chain is held from then on until the commit. */
export function inOrder(...announcements: readonly Announce[]): Announce {
  return async (transaction) => {
    for (const announce of announcements) {
      await announce(transaction);
    }
  };
}

interface About {
  tenantId: TenantId;
  runId: RunId;
}

export interface StepFailure {
  step: string;
  /** Fit to be shown. */
  error: string;
}

export interface RunAudit {
  started(run: About & { kind: RunKind }, steps: readonly string[]): Announce;
  stepFailed(run: About, failure: StepFailure): Announce;
  awaits(run: About, gate: Gate['name']): Announce;
  gatePassed(run: About, gate: Gate['name'], checks: readonly Finding[]): Announce;
  gateRefused(run: About, gate: Gate['name'], checks: readonly Finding[]): Announce;
  undone(run: About, failure: StepFailure): Announce;
  needsOperator(run: About, failure: StepFailure): Announce;
  activated(tenant: ProvisionedTenant, steps: readonly StoredStep[]): Announce;
  completed(run: About): Announce;
  deleted(run: About, tenant: ProvisionedTenant): Announce;
}

export function createRunAudit({ clock }: { clock: Clock }): RunAudit {
  const actor = provisioner;
  const about = ({ tenantId, runId }: About) => ({ tenantId, runId, actor });

  return {
    started: (run, steps) => (transaction) => {
      const append = run.kind === 'provision' ? auditProvisioningStarted : auditDeprovisioningStarted;
      return append(transaction, clock, { ...about(run), steps });
    },
    stepFailed: (run, failure) => (transaction) =>
      auditProvisioningStepFailed(transaction, clock, { ...about(run), ...failure }),
    awaits: (run, gate) => (transaction) =>
      auditProvisioningAwaits(transaction, clock, { ...about(run), gate }),
    gatePassed: (run, gate, checks) => (transaction) => {
      const append = gate === 'validation' ? auditTenantValidated : auditComplianceReviewed;
      return append(transaction, clock, { ...about(run), mode: 'automatic', checks: checks.map(inWords) });
    },
    gateRefused: (run, gate, checks) => (transaction) => {
      const append = gate === 'validation' ? auditValidationRejected : auditComplianceFailed;
      return append(transaction, clock, { ...about(run), mode: 'automatic', checks: checks.map(inWords) });
    },
    undone:
      (run, { step, error }) =>
      (transaction) =>
        auditProvisioningUndone(transaction, clock, { ...about(run), failedStep: step, error }),
    needsOperator:
      (run, { step, error }) =>
      (transaction) =>
        auditProvisioningNeedsOperator(transaction, clock, { ...about(run), failedStep: step, error }),

    completed: (run) => (transaction) => auditProvisioningCompleted(transaction, clock, about(run)),
    deleted:
      (run, { slug }) =>
      (transaction) =>
        auditTenantDeleted(transaction, clock, { ...about(run), slug }),

    activated: (tenant, steps) => async (transaction) => {
      const { id: tenantId, slug, name, createdBy, request } = tenant;
      await auditTenantCreated(transaction, clock, {
        tenantId,
        actor,
        slug,
        createdBy,
        configuration: {
          features: request.features ?? {},
          security: applySecurityPolicyInput(request.securityPolicy),
        },
      });
      const outputs = new Map(steps.map((step) => [step.name, step.output]));
      const client = outputs.get('first-client');
      if (client) {
        await auditClientCreated(transaction, clock, {
          tenantId,
          actor,
          clientId: text(client, 'clientId'),
          name,
          type: text(client, 'type'),
        });
        const { clientId, name: commandLineName, type } = commandLineClient([]);
        await auditClientCreated(transaction, clock, {
          tenantId,
          actor,
          clientId,
          name: commandLineName,
          type,
        });
      }
      const admin = outputs.get('initial-admin');
      if (admin) {
        await auditAdminInvited(transaction, clock, {
          tenantId,
          actor,
          accountId: text(admin, 'accountId'),
          email: text(admin, 'email'),
        });
      }
      await auditTenantActivated(transaction, clock, { tenantId, actor, slug });
    },
  };
}

function text(output: StepOutput, name: string): string {
  return String(output[name]);
}
