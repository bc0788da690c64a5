import { auditReminded } from '../audit/events.ts';
import { composeMail } from '../cloud/mail/compose-mail.ts';
import type { Mail } from '../cloud/mail/port.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OrderId, TenantId } from '../kernel/ids.ts';
import type { PostMail } from '../outbox/mail-channel.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { JobHandler } from '../platform/queue.ts';
import { expireOrder } from './expire-order.ts';
import { reminderMail, type Waiting } from './mails/reminder-mail.ts';

/** How often it is looked what waits. */
export const reminderSchedule = '* * * * *';

/** Something that waits for a person's decision. */
export interface WaitingItem extends Waiting {
  /** Names this very wait, for good. */
  subject: string;
  tenantId: TenantId;
  /** Who decides. */
  to: string;
  /** Whether they are still to be told that there is something to decide. */
  ask: boolean;
}

export type Stage = 'asked' | 'reminded' | 'escalated' | 'expired';

export interface RemindersDependencies {
  postgres: Postgres;
  sources: readonly ((db: Queryable) => Promise<readonly WaitingItem[]>)[];
  postMail: PostMail;
  clock: Clock;
  log: Log;
  publicUrl: URL;
  reminderHours: number;
  escalationHours: number;
  /** Told, beside those who decide, when a decision is overdue. */
  escalationEmail: string;
  /** 0: never. */
  orderExpiryDays: number;
}

const actor: Actor = { kind: 'system', id: 'reminders' };
const hourMs = 3_600_000;

/**
 * The job `reminders`: asks, reminds and escalates, and disapproves registrations that nobody decided. Each stage of each wait happens once: it
 * is written down in the transaction that puts its mail into the outbox. After an outage only the latest stage that is due is told.
 */
export function createReminders(dependencies: RemindersDependencies): JobHandler<'reminders'> {
  const { postgres, sources, postMail, clock, log, reminderHours, escalationHours, escalationEmail } =
    dependencies;

  function stagesDue(item: WaitingItem, now: number): Stage[] {
    const waitedMs = now - item.since.getTime();
    return [
      ...(item.ask ? (['asked'] as const) : []),
      ...(waitedMs >= reminderHours * hourMs ? (['reminded'] as const) : []),
      ...(waitedMs >= escalationHours * hourMs ? (['escalated'] as const) : []),
    ];
  }

  async function tell(item: WaitingItem, due: readonly Stage[], now: Date): Promise<void> {
    await postgres.transaction(async (transaction) => {
      const fresh = await claimStages(transaction, item.subject, due, now);
      const stage = due.at(-1);
      if (stage === undefined || !fresh.has(stage)) {
        return;
      }
      const { to, what: waitsFor, slug, tenantId } = item;
      for (const address of stage === 'escalated' ? new Set([to, escalationEmail]) : [to]) {
        await postMail(transaction, `reminder-${stage}`, mailFor(item, stage, address, now));
      }
      await auditReminded(transaction, clock, { tenantId, actor, stage, waitsFor, slug });
    });
  }

  return {
    async run(_payload, signal) {
      const now = new Date(clock.now());
      for (const list of sources) {
        for (const item of await list(postgres)) {
          signal.throwIfAborted();
          const due = stagesDue(item, now.getTime());
          if (due.length > 0) {
            await tell(item, due, now);
          }
          if (isExpired(item, dependencies, now)) {
            await expireOrder(dependencies, item.subject as OrderId);
          }
        }
      }
    },
    async dead(_payload, reason) {
      log.error({ reason }, 'reminders could not be sent; the next round by the schedule tries again');
    },
  };
}

/** Only registrations expire: a tenant at a gate has been approved, and somebody must decide about it. */
function isExpired(item: WaitingItem, { orderExpiryDays }: { orderExpiryDays: number }, now: Date): boolean {
  return (
    item.what === 'decision' &&
    orderExpiryDays > 0 &&
    now.getTime() - item.since.getTime() >= orderExpiryDays * 24 * hourMs
  );
}

/** Those of the stages that nobody has been told of before. */
async function claimStages(
  transaction: Queryable,
  subject: string,
  stages: readonly Stage[],
  at: Date,
): Promise<Set<Stage>> {
  const { rows } = await transaction.query<{ stage: Stage }>(
    `insert into reminders (subject, stage, at) select $1, stage, $3 from unnest($2::text[]) as stage
     on conflict (subject, stage) do nothing returning stage`,
    [subject, stages, at],
  );
  return new Set(rows.map(({ stage }) => stage));
}

function mailFor(item: WaitingItem, stage: Stage, to: string, now: Date): Mail {
  if (stage !== 'asked') {
    return reminderMail(item, { to, now, escalated: stage === 'escalated' });
  }
  const { what, slug, name, since, address } = item;
  return composeMail({
    to,
    subject: `Tenant ${slug} waits for its ${what}`,
    paragraphs: [`The tenant "${name}" has been set up so far and waits for its ${what}.`],
    facts: { Tenant: slug, 'Waiting since': since.toISOString(), Decide: `POST ${address}` },
  });
}
