/** One function per audit event; each appends it in the caller's transaction (see `audit-log.ts`). */
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OrderId, RunId, TenantId } from '../kernel/ids.ts';
import type { SigningAlgorithm } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import { type AuditSeverity, appendAudit } from './audit-log.ts';

export interface About {
  tenantId: TenantId;
  actor: Actor;
}

interface AboutOrder extends About {
  orderId: OrderId;
  slug: string;
}

interface AboutRun extends About {
  runId: RunId;
}

interface AboutGate extends AboutRun {
  mode: 'manual' | 'automatic';
  comment?: string;
  /** What automatic checks found, one line each. */
  checks?: readonly string[];
}

interface AboutReview extends Omit<AboutGate, 'runId' | 'comment'> {
  runId?: RunId;
  findings?: string;
}

interface AboutOperation extends About {
  runId?: RunId;
  comment?: string;
}

interface AboutStanding extends About {
  slug: string;
  reason?: string;
}

export interface AboutKey extends About {
  kid: string;
  use: 'signing' | 'cookies';
  alg?: SigningAlgorithm;
}

/** An event function: its argument's members beside tenant and actor become the event's details. */
export function define<Event extends About>(
  event: string,
  severity: AuditSeverity,
  fixed: Record<string, string> = {},
) {
  return async (
    transaction: Queryable,
    clock: Clock,
    { tenantId, actor, ...details }: Event,
  ): Promise<void> =>
    appendAudit(transaction, clock, { event, severity, tenantId, actor, details: { ...fixed, ...details } });
}

// Registration (A2–A5)
export const auditRegistrationSubmitted = define<
  AboutOrder & { name: string; source: string; requester: { name: string; email: string } }
>('tenant.registration.submitted', 'info');
export const auditRegistrationTaken = define<AboutOrder>('tenant.registration.taken', 'info');
export const auditRegistrationApproved = define<AboutOrder & { comment?: string }>(
  'tenant.registration.approved',
  'notice',
);
export const auditRegistrationDisapproved = define<AboutOrder & { reason: string }>(
  'tenant.registration.disapproved',
  'notice',
);
export const auditRegistrationAttention = define<AboutOrder & { reason: string }>(
  'tenant.registration.attention',
  'high',
);

// Provisioning (B8, B10, C4, C5)
export const auditTenantCreated = define<
  About & { slug: string; createdBy: string; configuration: { features: unknown; security: unknown } }
>('tenant.created', 'high', { type: 'TENANT_CREATED' });
export const auditProvisioningStarted = define<AboutRun & { steps: readonly string[] }>(
  'tenant.provisioning.started',
  'info',
);
export const auditProvisioningStepFailed = define<AboutRun & { step: string; error: string }>(
  'tenant.provisioning.step-failed',
  'high',
);
export const auditProvisioningUndone = define<AboutRun & { failedStep: string; error: string }>(
  'tenant.provisioning.undone',
  'high',
);
export const auditProvisioningNeedsOperator = define<AboutRun & { failedStep: string; error: string }>(
  'tenant.provisioning.needs-operator',
  'high',
);
/** The run waits for a person at a gate that is set to `manual` (C3). */
export const auditProvisioningAwaits = define<AboutRun & { gate: 'validation' | 'compliance' }>(
  'tenant.provisioning.awaits',
  'notice',
);
export const auditTenantValidated = define<AboutGate>('tenant.validated', 'notice');
export const auditValidationRejected = define<AboutGate>('tenant.validation-rejected', 'high');
/** `runId` is absent when no run waited for the review. */
export const auditComplianceReviewed = define<AboutReview>('tenant.compliance-reviewed', 'notice');
export const auditComplianceFailed = define<AboutReview>('tenant.compliance-failed', 'high');
export const auditAdminInvited = define<About & { accountId: string; email: string }>(
  'tenant.admin-invited',
  'notice',
);
export const auditTenantActivated = define<About & { slug: string }>('tenant.activated', 'notice');
export const auditProvisioningCompleted = define<AboutRun>('tenant.provisioning.completed', 'notice');
/** An operator lets a run that had failed go on, or turn back. */
export const auditProvisioningRetried = define<AboutOperation>('tenant.provisioning.retried', 'notice');
export const auditProvisioningRollback = define<AboutOperation>('tenant.provisioning.rollback', 'high');

// Standing of a tenant that is built (C4)
export const auditTenantBlocked = define<AboutStanding>('tenant.blocked', 'high');
export const auditTenantUnblocked = define<AboutStanding>('tenant.unblocked', 'notice');
export const auditTenantSuspended = define<AboutStanding>('tenant.suspended', 'high');
export const auditTenantResumed = define<AboutStanding>('tenant.resumed', 'notice');
/** `dueAt`: ISO 8601. */
export const auditTenantDeletionRequested = define<AboutStanding & { dueAt: string }>(
  'tenant.deletion-requested',
  'high',
);
export const auditTenantRestored = define<AboutStanding>('tenant.restored', 'notice');
export const auditDeprovisioningStarted = define<AboutRun & { steps: readonly string[] }>(
  'tenant.deprovisioning.started',
  'high',
);
export const auditTenantDeleted = define<AboutRun & { slug: string }>('tenant.deleted', 'high');
/** The receipt was signed by a key that was revoked since. */
export const auditReceiptReissued = define<About & { slug: string; receiptId: string; supersedes: string }>(
  'tenant.receipt-reissued',
  'notice',
);
export const auditTenantExported = define<About & { slug: string }>('tenant.exported', 'notice');

/** Somebody was told of what waits for them. `stage`: see `reminders`. */
export const auditReminded = define<About & { stage: string; waitsFor: string; slug: string }>(
  'tenant.reminder',
  'info',
);

// Self-management (E1)
export const auditClientCreated = define<About & { clientId: string; name: string; type: string }>(
  'client.created',
  'notice',
);
/** A document before and after a change: only the members that differ. */
interface AboutChange {
  before: Readonly<Record<string, unknown>>;
  after: Readonly<Record<string, unknown>>;
}
type AboutClient = About & { clientId: string };
export const auditClientChanged = define<AboutClient & AboutChange & { name: string }>(
  'client.changed',
  'notice',
);
export const auditClientRemoved = define<AboutClient>('client.removed', 'notice');
export const auditClientSecretRotated = define<AboutClient & { graceSeconds: number }>(
  'client.secret-rotated',
  'notice',
);
export const auditClientFormerSecretEnded = define<AboutClient>('client.former-secret-ended', 'notice');
export const auditRegistrationPolicyChanged = define<About & AboutChange>(
  'client-registration.changed',
  'notice',
);
type AboutInitialAccessToken = About & { initialAccessTokenId: string };
export const auditInitialAccessTokenCreated = define<
  AboutInitialAccessToken & { name: string; uses: number }
>('initial-access-token.created', 'notice');
export const auditInitialAccessTokenRevoked = define<AboutInitialAccessToken>(
  'initial-access-token.revoked',
  'notice',
);
export const auditResourceCreated = define<About & { indicator: string; name: string }>(
  'resource.created',
  'notice',
);

/** `changed` names the members that are not as they were. */
export const auditBrandingChanged = define<About & { changed: readonly string[] }>(
  'tenant.branding.changed',
  'info',
);

export const auditMailTemplateChanged = define<About & { template: string; language: string }>(
  'tenant.mail-template.changed',
  'info',
);
type AboutResource = About & { indicator: string };
export const auditResourceChanged = define<AboutResource & AboutChange>('resource.changed', 'notice');
export const auditResourceRemoved = define<AboutResource>('resource.removed', 'notice');

export const auditPolicyChanged = define<About & AboutChange>('policy.changed', 'high');
export const auditQuotasChanged = define<About & AboutChange>('quotas.changed', 'notice');
/** Most of a limit is used; once a day and limit. */
export const auditQuotaWarning = define<About & { quota: string; limit: number; used?: number }>(
  'quota.warning',
  'high',
);
type AboutApiKey = About & { apiKeyId: string };
export const auditApiKeyCreated = define<
  AboutApiKey & {
    name: string;
    scopes: readonly string[];
    applicationTenantId?: string;
    expiresAt: string;
  }
>('api-key.created', 'notice');
export const auditApiKeyRevoked = define<AboutApiKey>('api-key.revoked', 'notice');

// Sign-in sources (D10): without their secrets
interface AboutSource extends About {
  sourceId: string;
  name: string;
}

export const auditSourceCreated = define<AboutSource & { kind: string; place: string }>(
  'sign-in-source.created',
  'high',
);
export const auditSourceChanged = define<
  AboutSource & { before: object; after: object; secretReplaced: boolean }
>('sign-in-source.changed', 'high');
export const auditSourceRemoved = define<AboutSource>('sign-in-source.removed', 'high');

// Keys: their rotation and revocation
export const auditKeyRotationStarted = define<AboutKey>('tenant.keys.rotation-started', 'notice');
export const auditKeyActivated = define<AboutKey>('tenant.keys.key-activated', 'notice');
/** Published no more. */
export const auditKeyRetired = define<AboutKey>('tenant.keys.key-retired', 'info');
export const auditKeyDestroyed = define<AboutKey>('tenant.keys.key-destroyed', 'info');
export const auditKeyRevoked = define<AboutKey & { reason: string }>('tenant.keys.key-revoked', 'high');

// Webhooks (B13): of the platform as a whole, or of a tenant
interface AboutWebhook {
  webhookId: string;
  /** Absent for the operators' own. */
  tenantId?: TenantId;
  actor: Actor;
}

function definePlatform<Event extends { actor: Actor; tenantId?: TenantId }>(
  event: string,
  severity: AuditSeverity,
) {
  return async (
    transaction: Queryable,
    clock: Clock,
    { actor, tenantId, ...details }: Event,
  ): Promise<void> =>
    appendAudit(transaction, clock, {
      event,
      severity,
      ...(tenantId === undefined ? {} : { tenantId }),
      actor,
      details,
    });
}

export const auditWebhookCreated = definePlatform<AboutWebhook & { host: string; events: readonly string[] }>(
  'webhook.created',
  'notice',
);
export const auditWebhookEnabled = definePlatform<AboutWebhook>('webhook.enabled', 'notice');
export const auditWebhookDisabled = definePlatform<AboutWebhook>('webhook.disabled', 'notice');
/** `formerUntil`: ISO 8601, absent when the former secret ended at once. */
export const auditWebhookSecretRotated = definePlatform<AboutWebhook & { formerUntil?: string }>(
  'webhook.secret-rotated',
  'notice',
);
export const auditWebhookChanged = definePlatform<AboutWebhook & { host: string; events: readonly string[] }>(
  'webhook.changed',
  'notice',
);
export const auditWebhookRemoved = definePlatform<AboutWebhook>('webhook.removed', 'notice');

// Upkeep (B14)
/** What is recorded and what exists were compared. `found`: what is left, by kind. `repaired`: one line each. */
export const auditReconciled = definePlatform<{
  actor: Actor;
  reconciliationId: string;
  repair: boolean;
  found: Readonly<Record<string, number>>;
  repaired: readonly string[];
}>('platform.reconciled', 'notice');
/** `problems`: one line each, none when it is well again. */
export const auditHealthChanged = define<
  About & { slug: string; status: 'healthy' | 'unhealthy'; problems: readonly string[] }
>('tenant.health-changed', 'high');
