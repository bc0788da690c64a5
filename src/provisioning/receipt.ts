/**
 * The provisioning receipt (C7): who asked for a tenant, who approved, validated and reviewed it, what every step did, and where the tenant's
 * audit chain stood, as one statement signed by the platform. Owns how a receipt is put together and kept; `steps/receipt.ts` says when.
 *
 * A receipt is put together from the record alone: the run's steps and attempts, the order's history, and the audit chain. People are named
 * by what the audit chain says about them, so a receipt cannot say more than the chain does.
 */
import type { JWK } from 'jose';
import { type Actor, actorName } from '../kernel/actor.ts';
import type { RunId, TenantId } from '../kernel/ids.ts';
import type { TenantStatus } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { ProvisionedTenant, StepOutput } from './step.ts';

export const receiptType = 'tenant-receipt+jwt';

/** What the statement says; field names as the requirement spells them. */
export interface ReceiptClaims {
  /** The receipt's id. */
  jti: string;
  /** The tenant's id once more, as any reader of JWTs looks for it. */
  sub: string;
  tenant_id: string;
  /** The tenant's when the receipt was signed. */
  status: TenantStatus;
  created_by: string;
  requested_by?: string;
  /** Absent for a tenant that is not governed: the platform's own. */
  validated_by?: string;
  /** ISO 8601. */
  timestamp: string;
  slug: string;
  name: string;
  approved_by?: string;
  reviewed_by?: string;
  /** From 1; absent for the first. */
  version?: number;
  /** The receipt in whose place this one was issued, and why. */
  supersedes?: { jti: string; kid: string; revoked_at: string };
  evidence: {
    run_id: string;
    requested_at: string;
    history: { at: string; what: string; by: string }[];
    steps: ReceiptStep[];
    audit: { chain: string; events: number; head: string };
  };
}

export interface ReceiptStep {
  name: string;
  status: string;
  attempts: number;
  started_at?: string;
  finished_at?: string;
  /** What came of it: names and ids, never a secret. */
  result?: StepOutput;
}

/** A receipt as it is stored. */
export interface StoredReceipt {
  id: string;
  version: number;
  jws: string;
  kid: string;
  publicJwk: JWK;
  createdAt: Date;
}

/** Everything about the tenant that the receipt states. `ownStep` is left out: it is not done yet. */
export async function composeReceipt(
  db: Queryable,
  {
    tenant,
    runId,
    id,
    now,
    ownStep,
  }: {
    tenant: Pick<ProvisionedTenant, 'id' | 'slug' | 'name' | 'createdBy'>;
    runId: RunId;
    id: string;
    now: Date;
    ownStep: string;
  },
): Promise<ReceiptClaims> {
  const actors = await readActors(db, tenant.id);
  const history = await readHistory(db, tenant.id);
  const by = (name: string, event: string) => {
    const actor = actors.get(event);
    return actor === undefined ? {} : { [name]: actorName(actor) };
  };
  return {
    jti: id,
    sub: tenant.id,
    tenant_id: tenant.id,
    status: await readStatus(db, tenant.id),
    created_by: tenant.createdBy,
    ...by('requested_by', 'tenant.registration.submitted'),
    ...by('validated_by', 'tenant.validated'),
    timestamp: now.toISOString(),
    slug: tenant.slug,
    name: tenant.name,
    ...by('approved_by', 'tenant.registration.approved'),
    ...by('reviewed_by', 'tenant.compliance-reviewed'),
    evidence: {
      run_id: runId,
      requested_at: history[0]?.at ?? now.toISOString(),
      history,
      steps: (await readSteps(db, runId)).filter(({ name }) => name !== ownStep),
      audit: { chain: tenant.id, ...(await readHead(db, tenant.id)) },
    },
  };
}

async function readStatus(db: Queryable, tenantId: TenantId): Promise<TenantStatus> {
  const { rows } = await db.query<{ status: TenantStatus }>('select status from tenants where id = $1', [
    tenantId,
  ]);
  const [row] = rows;
  if (row === undefined) {
    throw new Error('there is no such tenant');
  }
  return row.status;
}

/** Who caused the latest event of each kind in the tenant's chain. */
async function readActors(db: Queryable, tenantId: TenantId): Promise<Map<string, Actor>> {
  const { rows } = await db.query<{ event: string; actor: Actor }>(
    'select distinct on (event) event, actor from audit_events where chain = $1 order by event, sequence desc',
    [tenantId],
  );
  return new Map(rows.map(({ event, actor }) => [event, actor]));
}

async function readHistory(db: Queryable, tenantId: TenantId) {
  const { rows } = await db.query<{ at: Date; what: string; by: string }>(
    `select at, what, by from order_events
      where order_id = (select id from orders where tenant_id = $1) order by sequence`,
    [tenantId],
  );
  return rows.map(({ at, ...entry }) => ({ at: at.toISOString(), ...entry }));
}

async function readSteps(db: Queryable, runId: RunId): Promise<ReceiptStep[]> {
  const { rows } = await db.query<{
    name: string;
    status: string;
    attempts: number;
    started_at: Date | null;
    finished_at: Date | null;
    output: StepOutput | null;
  }>(
    `select name, status, output, started_at, finished_at,
            (select count(*)::integer from provisioning_attempts
              where run_id = $1 and provisioning_attempts.step = step.name and action = 'act') as attempts
       from provisioning_steps as step where run_id = $1 order by position`,
    [runId],
  );
  return rows.map(({ started_at, finished_at, output, ...step }) => ({
    ...step,
    ...(started_at === null ? {} : { started_at: started_at.toISOString() }),
    ...(finished_at === null ? {} : { finished_at: finished_at.toISOString() }),
    ...(output === null ? {} : { result: output }),
  }));
}

async function readHead(db: Queryable, chain: string): Promise<{ events: number; head: string }> {
  const { rows } = await db.query<{ events: string; hash: string }>(
    'select events, hash from audit_heads where chain = $1',
    [chain],
  );
  return { events: Number(rows[0]?.events ?? 0), head: rows[0]?.hash ?? '' };
}

const columns = 'id, version, jws, kid, public_jwk as "publicJwk", created_at as "createdAt"';

/** The receipt of a run, in its latest version. A voided one does not count. */
export async function readReceiptOfRun(db: Queryable, runId: RunId): Promise<StoredReceipt | undefined> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from receipts where run_id = $1 and voided_at is null order by version desc limit 1`,
    [runId],
  );
  return rows[0];
}

/** The tenant's receipts, every version of them, the latest first. Voided ones do not count. */
export async function readReceiptsOfTenant(
  db: Queryable,
  tenantId: TenantId,
): Promise<(StoredReceipt & { runId: RunId })[]> {
  const { rows } = await db.query<StoredReceipt & { runId: RunId }>(
    `select ${columns}, run_id as "runId" from receipts
      where tenant_id = $1 and voided_at is null order by created_at desc, version desc, id`,
    [tenantId],
  );
  return rows;
}

/** Keeps the receipt unless the run has one in this version. */
export async function storeReceipt(
  db: Queryable,
  { tenantId, runId, receipt }: { tenantId: TenantId; runId: RunId; receipt: StoredReceipt },
): Promise<void> {
  const { id, version, jws, kid, publicJwk, createdAt } = receipt;
  await db.query(
    `insert into receipts (id, tenant_id, run_id, version, jws, kid, public_jwk, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (run_id, version) do nothing`,
    [id, tenantId, runId, version, jws, kid, JSON.stringify(publicJwk), createdAt],
  );
}

export async function voidReceipt(db: Queryable, runId: RunId, now: Date): Promise<void> {
  await db.query('update receipts set voided_at = $2 where run_id = $1 and voided_at is null', [runId, now]);
}
