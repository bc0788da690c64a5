import {
  type AboutKey,
  auditKeyActivated,
  auditKeyDestroyed,
  auditKeyRetired,
  auditKeyRevoked,
  auditKeyRotationStarted,
} from '../audit/events.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyHistory, TenantRecord } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import { schedule } from './key-lifecycle.ts';

/**
 * Appends what the record says of its keys and the audit log does not have yet. The log follows from the record, so it may be called with
 * what is about to be written as well as with what was, any number of times: each event is there once, and one that a crash kept out comes
 * with the next call.
 */
export async function recordKeyEvents(
  transaction: Queryable,
  clock: Clock,
  record: TenantRecord,
): Promise<void> {
  await transaction.query(`select pg_advisory_xact_lock(hashtextextended('key-events:' || $1, 0))`, [
    record.id,
  ]);
  const { rows } = await transaction.query<{ event: string; kid: string }>(
    `select event, details ->> 'kid' as kid from audit_events where tenant_id = $1 and event like 'tenant.keys.%'`,
    [record.id],
  );
  const recorded = new Set(rows.map(({ event, kid }) => `${event} ${kid}`));
  for (const { event, kid, append } of eventsOf(record)) {
    if (!recorded.has(`tenant.keys.${event} ${kid}`)) {
      await append(transaction, clock);
    }
  }
}

interface KeyEvent {
  /** What comes after `tenant.keys.`. */
  event: string;
  kid: string;
  append(transaction: Queryable, clock: Clock): Promise<void>;
}

function eventsOf({
  id: tenantId,
  signingKeys,
  intendedKeys = [],
  cookieKeys = [],
}: TenantRecord): KeyEvent[] {
  const tenant = { tenantId, actor: schedule };
  return [
    ...[...intendedKeys, ...signingKeys].flatMap((key) =>
      eventsOfKey(key, { ...tenant, kid: key.kid, use: 'signing', alg: key.alg }),
    ),
    ...cookieKeys.flatMap((key) => eventsOfKey(key, { ...tenant, kid: key.id, use: 'cookies' })),
  ];
}

/** In the order in which they happen. */
function eventsOfKey(key: Omit<KeyHistory, 'state'>, about: AboutKey): KeyEvent[] {
  const { startedBy, activatedAt, retiredAt, destroyedAt, revocation } = key;
  const events: KeyEvent[] = [];
  function add<A extends AboutKey>(
    event: string,
    append: (transaction: Queryable, clock: Clock, details: A) => Promise<void>,
    details: A,
  ): void {
    events.push({
      event,
      kid: about.kid,
      append: (transaction, clock) => append(transaction, clock, details),
    });
  }

  if (startedBy !== undefined) {
    add('rotation-started', auditKeyRotationStarted, { ...about, actor: startedBy });
    if (activatedAt !== undefined) {
      add('key-activated', auditKeyActivated, about);
    }
  }
  if (revocation !== undefined) {
    const { by: actor, reason } = revocation;
    add('key-revoked', auditKeyRevoked, { ...about, actor, reason });
  } else if (retiredAt !== undefined) {
    add('key-retired', auditKeyRetired, about);
  }
  if (destroyedAt !== undefined) {
    add('key-destroyed', auditKeyDestroyed, about);
  }
  return events;
}
