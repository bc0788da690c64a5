import type { Context } from 'koa';
import type { TenantRecord } from '../kernel/tenant.ts';

/** A tenant brought to life: what the pool holds and a request leases. Built by an injected factory, so tenancy does not know oidc. */
export interface TenantRuntime {
  readonly record: TenantRecord;
  /**
   * Answers one request whose path begins with `/<slug>`, or is an RFC 8414 well-known path of this tenant. Resolves when the response
   * has ended or the connection has closed, so that the lease covers the whole request.
   */
  handle(context: Context): Promise<void>;
}

export type BuildTenantRuntime = (record: TenantRecord) => Promise<TenantRuntime>;
