import type { OrderId, Slug, TenantId } from './ids.ts';

/** Every queued job and its payload. Senders and handlers in different layers share only this list. */
export interface JobPayloads {
  /** Takes a submitted order, checks preconditions and moves it to `In-Process` (A3). */
  'registration-intake': { orderId: OrderId };
  /** Starts or resumes the tenant's provisioning run (A6, C3). */
  'tenant-provisioning': { tenantId: TenantId };
  /** Does what is due for the keys of one tenant, or of all; sent on demand and by a schedule. */
  'tenant-keys': { slug?: Slug };
  /** Brings the tenant's directory entry in line with its status (C4). */
  'tenant-standing': { tenantId: TenantId; tries?: number };
  /** Removes an application tenant with everybody in it (E2). */
  'application-tenant-removal': { slug: Slug; applicationTenantId: string };
  /** Creates and changes the users of an upload. */
  'user-import': { slug: Slug; applicationTenantId: string; importId: string };
  /** Begins to remove the tenants whose grace period has ended; sent by a schedule. */
  'tenant-deletions': Record<string, never>;
  /** Makes the report with the id, or one by the schedule. */
  reconciliation: { id?: string };
  /** Looks how every active tenant is; sent by a schedule. */
  'tenant-health': Record<string, never>;
  /** Sets right how many places of their quotas tenants have taken; sent by a schedule. */
  'tenant-recount': Record<string, never>;
  /** Reminds people of what waits for their decision; sent by a schedule. */
  reminders: Record<string, never>;
}

export type JobName = keyof JobPayloads;
