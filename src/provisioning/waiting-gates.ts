import type { Slug, TenantId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Gate } from './gates.ts';

/** A tenant at a gate that waits for a person. */
export interface WaitingGate {
  /** Names this very wait: a tenant that is provisioned anew waits anew. */
  subject: string;
  what: 'validation' | 'compliance review';
  tenantId: TenantId;
  slug: Slug;
  name: string;
  since: Date;
  /** Where the decision is sent to. */
  address: string;
  /** Who decides. */
  to: string;
  /** Nobody has told them yet that there is something to decide. */
  ask: true;
}

/** Who waits, longest first. A tenant that failed its review does not wait: somebody has decided. */
export function createWaitingGates({
  publicUrl,
  deciders,
}: {
  publicUrl: URL;
  /** E-mail addresses. */
  deciders: Record<Gate['name'], string>;
}): (db: Queryable) => Promise<WaitingGate[]> {
  return async (db) => {
    const { rows } = await db.query<{
      runId: string;
      gate: Gate['name'];
      since: Date;
      tenantId: TenantId;
      slug: Slug;
      name: string;
    }>(
      `select run.id as "runId", step.name as gate, step.started_at as since,
              tenants.id as "tenantId", tenants.slug, tenants.name
         from provisioning_steps as step
         join provisioning_runs as run on run.id = step.run_id
         join tenants on tenants.id = run.tenant_id
        where run.state = 'running' and step.status = 'intended'
          and tenants.provisioning_state = 'awaiting-' || step.name
        order by step.started_at`,
    );
    return rows.map(({ runId, gate, ...waiting }) => ({
      ...waiting,
      subject: `${runId}/${gate}`,
      what: gate === 'validation' ? 'validation' : 'compliance review',
      address: `${publicUrl.origin}/api/tenants/${waiting.slug}/${gate === 'validation' ? gate : 'compliance-review'}`,
      to: deciders[gate],
      ask: true,
    }));
  };
}

/** What the checks found when the tenant came to the gate where it waits; `undefined` when it waits at none. */
export async function readChecks(
  db: Queryable,
  tenantId: TenantId,
): Promise<{ gate: Gate['name']; since: string; checks: readonly string[] } | undefined> {
  const { rows } = await db.query<{ gate: Gate['name']; since: Date; checks: string[] | null }>(
    `select step.name as gate, step.started_at as since, step.output -> 'checks' as checks
       from provisioning_steps as step join provisioning_runs as run on run.id = step.run_id
      where run.tenant_id = $1 and run.state = 'running' and step.status = 'intended'
        and step.name in ('validation', 'compliance')`,
    [tenantId],
  );
  const [row] = rows;
  return row && { gate: row.gate, since: row.since.toISOString(), checks: row.checks ?? [] };
}
