import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { RunId, TenantId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Finding } from './checks/finding.ts';
import type { Gate } from './gates.ts';

/** What passes a gate, and what does not. */
export type Verdict = 'approve' | 'reject' | 'pass' | 'fail';

export interface Decision {
  tenantId: TenantId;
  /** Absent: a compliance review that no run waited for. */
  runId?: RunId;
  gate: Gate['name'];
  decision: Verdict;
  actor: Actor;
  /** The comment, or the findings. */
  words?: string;
  /** Of an automatic decision. */
  checks?: readonly Finding[];
}

export interface StoredDecision {
  gate: Gate['name'];
  decision: Verdict;
  runId: RunId | null;
  /** `<kind>:<id>`. */
  by: string;
  email: string | null;
  words: string | null;
  checks: Finding[];
  at: Date;
}

const decides: Readonly<Record<string, string>> = {
  request: 'requested this tenant',
  approval: 'approved this tenant',
  validation: 'validated this tenant',
  compliance: 'reviewed this tenant',
};

/**
 * Separation of duties (C1): whoever requested, approved, validated or reviewed a tenant does none of the other three for it. A person is known
 * by account and by e-mail address, a client by its id. `AppError('separation_of_duties')`. The database refuses the same, see
 * `take_duty` in 0005_governance.sql: what is found here is found in time for a clear answer.
 */
export async function assertOtherDuties(
  transaction: Queryable,
  { tenantId, gate, actor }: Pick<Decision, 'tenantId' | 'gate' | 'actor'>,
): Promise<void> {
  const { rows } = await transaction.query<{ duty: string }>(
    `select duty from tenant_duties
      where tenant_id = $1 and duty <> $2 and person in ('actor:' || $3::text, 'email:' || mailbox_of($4)) limit 1`,
    [tenantId, gate, asText(actor), actor.email ?? null],
  );
  const [former] = rows;
  if (former !== undefined) {
    throw separationOfDuties(`You have ${decides[former.duty]}; somebody else must decide about it now.`);
  }
}

/** `AppError('separation_of_duties')`, after which the transaction cannot go on. */
export async function insertDecision(
  transaction: Queryable,
  clock: Clock,
  { tenantId, runId, gate, decision, actor, words, checks = [] }: Decision,
): Promise<void> {
  try {
    await transaction.query(
      `insert into tenant_decisions
         (tenant_id, run_id, gate, decision, decided_by, decided_by_email, words, checks, decided_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        tenantId,
        runId ?? null,
        gate,
        decision,
        asText(actor),
        actor.email ?? null,
        words ?? null,
        JSON.stringify(checks),
        new Date(clock.now()),
      ],
    );
  } catch (error) {
    // Two decisions of one person at the same moment: each alone would have been right.
    if ((error as { constraint?: unknown }).constraint === 'separation_of_duties') {
      throw separationOfDuties('You have another duty for this tenant; somebody else must decide.');
    }
    throw error;
  }
}

/** Oldest first. */
export async function listDecisions(db: Queryable, tenantId: TenantId): Promise<StoredDecision[]> {
  const { rows } = await db.query<StoredDecision>(
    `select gate, decision, run_id as "runId", decided_by as by, decided_by_email as email, words, checks,
            decided_at as at
       from tenant_decisions where tenant_id = $1 order by id`,
    [tenantId],
  );
  return rows;
}

/** As `orders.decided_by` has it, too. */
function asText({ kind, id }: Actor): string {
  return `${kind}:${id}`;
}

function separationOfDuties(message: string): AppError {
  return new AppError('separation_of_duties', message);
}
