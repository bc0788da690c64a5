import type { TenantId } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';

export type ChannelName = 'mail' | 'webhook';

/** A message that a worker holds for one attempt. */
export interface ClaimedMessage {
  id: string;
  channel: ChannelName;
  webhookId: string | null;
  /** Whose it is; null for the operators' own. */
  tenantId: TenantId | null;
  topic: string;
  payload: string;
  /** This attempt's number, from 1. */
  attempt: number;
  /** The same, counted since the message was last asked for anew. */
  tries: number;
}

/** What one attempt came to. */
export interface AttemptRecord {
  startedAt: Date;
  milliseconds: number;
  status?: number;
  error?: string;
}

export type NextState = { state: 'delivered' | 'dead' } | { state: 'waiting'; at: Date };

const columns = `id, channel, webhook_id as "webhookId", tenant_id as "tenantId", topic, payload, attempts as attempt, tries`;

/** How long an attempt may take before another worker may make the next; far longer than any attempt is allowed to. */
const claimMs = 120_000;

export async function addMailMessage(
  transaction: Queryable,
  message: { id: string; topic: string; payload: string; now: Date; owner: TenantId | undefined },
): Promise<void> {
  await transaction.query(
    `insert into outbox (id, channel, topic, payload, state, next_attempt_at, created_at, tenant_id)
     values ($1, 'mail', $2, $3, 'waiting', $4, $4, $5)`,
    [message.id, message.topic, message.payload, message.now, message.owner ?? null],
  );
}

/** Takes the message of the channel that has been due for longest, leaving out webhooks and owners that are busy. */
export async function claimMessage(
  db: Queryable,
  {
    channel,
    now,
    busyWebhooks,
    busyOwners,
  }: { channel: ChannelName; now: Date; busyWebhooks: readonly string[]; busyOwners: readonly string[] },
): Promise<ClaimedMessage | undefined> {
  const { rows } = await db.query<ClaimedMessage>(
    `update outbox set attempts = attempts + 1, tries = tries + 1, claimed_until = $1::timestamptz + interval '${claimMs} milliseconds'
      where id = (
        select id from outbox
         where state = 'waiting' and next_attempt_at <= $1 and (claimed_until is null or claimed_until <= $1)
           and channel = $4 and coalesce(webhook_id, '') <> all($2::text[]) and coalesce(tenant_id, '') <> all($3::text[])
         order by next_attempt_at, id limit 1 for update skip locked)
      returning ${columns}`,
    [now, busyWebhooks, busyOwners, channel],
  );
  return rows[0];
}

/** Takes one message, unless somebody else has it. */
export async function claimMessageById(
  db: Queryable,
  { id, now }: { id: string; now: Date },
): Promise<ClaimedMessage | undefined> {
  const { rows } = await db.query<ClaimedMessage>(
    `update outbox set attempts = attempts + 1, tries = tries + 1, claimed_until = $2::timestamptz + interval '${claimMs} milliseconds'
      where id = $1 and state = 'waiting' and (claimed_until is null or claimed_until <= $2)
      returning ${columns}`,
    [id, now],
  );
  return rows[0];
}

/** Records the attempt and what follows from it; changes nothing when another worker has made a later one. */
export async function settleMessage(
  transaction: Queryable,
  { id, channel, attempt }: ClaimedMessage,
  { startedAt, milliseconds, status, error }: AttemptRecord,
  next: NextState,
): Promise<void> {
  const { rowCount } = await transaction.query(
    `update outbox set state = $3, claimed_until = null,
            next_attempt_at = coalesce($4, next_attempt_at),
            finished_at = case when $3 = 'waiting' then null else $5::timestamptz end,
            payload = case when $3 = 'delivered' and $6 = 'mail' then null else payload end
      where id = $1 and attempts = $2 and state = 'waiting'`,
    [
      id,
      attempt,
      next.state,
      next.state === 'waiting' ? next.at : null,
      new Date(startedAt.getTime() + milliseconds),
      channel,
    ],
  );
  if (rowCount === 1) {
    await transaction.query(
      `insert into outbox_attempts (message_id, number, started_at, milliseconds, status, error)
       values ($1, $2, $3, $4, $5, $6)`,
      [id, attempt, startedAt, milliseconds, status ?? null, error ?? null],
    );
  }
}

/** Forgets what was finished before these moments, some at a time. */
export async function removeFinished(
  db: Queryable,
  { deliveredBefore, deadBefore }: { deliveredBefore: Date; deadBefore: Date },
): Promise<void> {
  await db.query(
    `delete from outbox where id in (
       select id from outbox
        where (state = 'delivered' and finished_at < $1) or (state = 'dead' and finished_at < $2)
        order by finished_at limit 1000)`,
    [deliveredBefore, deadBefore],
  );
}
