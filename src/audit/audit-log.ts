/**
 * The audit log (A5, B10, C5): append-only, and hash-chained so that a changed, removed or moved event shows. There is one chain per tenant,
 * and the chain `platform` for what belongs to none. A tenant's chain begins with the submission of its registration: the tenant's id is
 * chosen then, so the chain holds the tenant's complete history and the tenant can read all of it.
 *
 * Each event carries the hash of the one before it in its chain; an advisory lock held until commit keeps the chain a line. Transactions
 * lock the rows that an event is about before they append it, and append to one chain only, so the lock joins no deadlock. One function per
 * event stands in `events.ts`; callers use those. Whoever subscribed to an event is sent it by the outbox, from the same transaction.
 *
 * Hashes alone cannot show a cut-off end, nor a chain written anew from the beginning. `checkpoints.ts` signs the head of each chain and keeps
 * that outside PostgreSQL; `verify-chain.ts` compares.
 */
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import { notifyWebhooks } from '../outbox/notify-webhooks.ts';
import type { Queryable } from '../platform/postgres.ts';
import { canonicalHash } from './canonical-json.ts';

export type AuditSeverity = 'info' | 'notice' | 'high';

export interface AuditEvent {
  event: string;
  severity: AuditSeverity;
  /** Absent: the event belongs to the platform as a whole. */
  tenantId?: TenantId;
  actor: Actor;
  /** JSON; never holds a secret. */
  details: Readonly<Record<string, unknown>>;
}

export const platformChain = 'platform';
/** `previous_hash` of a chain's first event. */
export const genesisHash = '0'.repeat(64);

/** Appends one event in the caller's transaction: it exists exactly when the change that it records does. */
export async function appendAudit(transaction: Queryable, clock: Clock, event: AuditEvent): Promise<void> {
  const chain = event.tenantId ?? platformChain;
  await transaction.query(`select pg_advisory_xact_lock(hashtextextended('audit:' || $1, 0))`, [chain]);
  const last = await transaction.query<{ hash: string }>('select hash from audit_heads where chain = $1', [
    chain,
  ]);
  const previousHash = last.rows[0]?.hash ?? genesisHash;
  const at = new Date(clock.now()).toISOString();
  const hash = hashOfEvent({ ...event, tenantId: event.tenantId ?? null, chain, at, previousHash });
  const id = idOfEvent(hash);
  await transaction.query(
    `insert into audit_events (id, chain, at, event, severity, tenant_id, actor, details, previous_hash, hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      chain,
      at,
      event.event,
      event.severity,
      event.tenantId ?? null,
      JSON.stringify(event.actor),
      JSON.stringify(event.details),
      previousHash,
      hash,
    ],
  );
  await transaction.query(
    `insert into audit_heads (chain, events, hash, updated_at) values ($1, 1, $2, $3)
     on conflict (chain) do update set events = audit_heads.events + 1, hash = excluded.hash, updated_at = excluded.updated_at`,
    [chain, hash, at],
  );
  await notifyWebhooks(transaction, { ...event, id, at });
}

export interface HashedEvent {
  chain: string;
  /** ISO 8601 with milliseconds. */
  at: string;
  event: string;
  severity: string;
  tenantId: string | null;
  actor: unknown;
  details: unknown;
  previousHash: string;
}

/** The hash covers everything that is stored, and through `previousHash` everything before it. */
export function hashOfEvent(event: HashedEvent): string {
  const { chain, at, event: name, severity, tenantId, actor, details, previousHash } = event;
  return canonicalHash({ chain, at, event: name, severity, tenantId, actor, details, previousHash });
}

export function idOfEvent(hash: string): string {
  return `evt_${hash.slice(0, 32)}`;
}
