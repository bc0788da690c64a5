import type { Actor } from '../kernel/actor.ts';
import { AppError } from '../kernel/errors.ts';
import type { Queryable } from '../platform/postgres.ts';

export interface AuditFilter {
  tenantId?: string;
  event?: string;
  /** An actor's id or e-mail address. */
  actor?: string;
  /** From this moment on. */
  from?: Date;
  /** Before this moment. */
  to?: Date;
  limit: number;
  cursor?: string;
}

export interface AuditEntry {
  id: string;
  /** ISO 8601. */
  at: string;
  event: string;
  severity: string;
  tenantId: string | null;
  actor: Actor;
  details: Record<string, unknown>;
  previousHash: string;
  hash: string;
}

export interface AuditPage {
  events: AuditEntry[];
  /** Present when there are older events. */
  cursor?: string;
}

/** Events that match every given filter, newest first. A cursor that is none of ours: `AppError('invalid_request')`. */
export async function listAudit(db: Queryable, filter: AuditFilter): Promise<AuditPage> {
  const values: unknown[] = [];
  const clauses: string[] = [];
  const where = (value: unknown, clause: (parameter: string) => string): void => {
    if (value !== undefined) {
      clauses.push(clause(`$${values.push(value)}`));
    }
  };
  where(filter.tenantId, (p) => `tenant_id = ${p}`);
  where(filter.event, (p) => `event = ${p}`);
  where(filter.actor, (p) => `(actor ->> 'id' = ${p} or lower(actor ->> 'email') = lower(${p}))`);
  where(filter.from, (p) => `at >= ${p}`);
  where(filter.to, (p) => `at < ${p}`);
  where(filter.cursor === undefined ? undefined : parseCursor(filter.cursor), (p) => `sequence < ${p}`);
  const limit = `$${values.push(filter.limit + 1)}`;
  const { rows } = await db.query<AuditRow>(
    `select sequence, id, at, event, severity, tenant_id as "tenantId", actor, details, previous_hash as "previousHash", hash
       from audit_events ${clauses.length > 0 ? `where ${clauses.join(' and ')}` : ''}
      order by sequence desc limit ${limit}`,
    values,
  );
  const page = rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    events: page.map(({ sequence: _, at, ...entry }) => ({ ...entry, at: at.toISOString() })),
    ...(rows.length > filter.limit && last !== undefined ? { cursor: last.sequence } : {}),
  };
}

interface AuditRow extends Omit<AuditEntry, 'at'> {
  sequence: string;
  at: Date;
}

function parseCursor(cursor: string): string {
  if (!/^[0-9]{1,18}$/.test(cursor)) {
    throw new AppError('invalid_request', 'The cursor is not valid.');
  }
  return cursor;
}
