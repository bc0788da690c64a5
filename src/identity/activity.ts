import type { Item } from '../cloud/tables/port.ts';
import { accountPartition } from './account.ts';

/** What people do about their own accounts, and clients about themselves; what administrators do is in the audit log. */
export const activityKinds = [
  'signed-in',
  'sign-in-failed',
  'lockout',
  'signed-out',
  'signed-up',
  'invitation-accepted',
  'password-changed',
  'password-refused',
  'email-changed',
  'email-proved',
  'profile-changed',
  'factor-added',
  'factor-removed',
  'factor-replaced',
  'recovery-used',
  'source-linked',
  'source-unlinked',
  'application-allowed',
  'application-removed',
  'sessions-ended',
  'data-downloaded',
  'account-deleted',
  'client-registered',
  'client-changed',
  'client-removed',
] as const;

export type ActivityKind = (typeof activityKinds)[number];

/** What was wrong: one of the credentials, what a sign-in source said, or where the request came from. */
export type FailureReason = 'password' | 'totp' | 'recovery-code' | 'passkey' | 'source' | 'network';

/** One thing that happened in a tenant. Holds nothing that was typed in and nothing secret. */
export interface Activity {
  id: string;
  /** ISO 8601. */
  at: string;
  kind: ActivityKind;
  /** Where it belongs: what is nobody's is the default one's. */
  applicationTenantId: string;
  /** Absent when it is about nobody, or about nobody who is known. */
  userId?: string;
  clientId?: string;
  /** Of a sign-in (RFC 8176). */
  methods?: readonly string[];
  /** `totp`, `passkey`, `recovery-codes`, or the name of a sign-in source. */
  factor?: string;
  /** Why a sign-in failed. */
  reason?: FailureReason;
  /** From where: an address, or the network that it is in. */
  address?: string;
  /** Such as `Firefox on Windows`. */
  device?: string;
}

/**
 * Where activities lie. Those of a person are in the person's partition, with which they go; all of an application tenant are in the index, day by
 * day. Both are in the order of their positions, `<time>#<id>`.
 */
export const activityPlace = {
  prefix: 'activity#',
  ofPerson: accountPartition,
  ofNobody: (id: string) => `Activity#${id}`,
  /** `day` as in `2026-01-31`. */
  ofDay: (applicationTenantId: string, day: string) => `Activities#${applicationTenantId}#${day}`,
};

const textAttributes = ['userId', 'clientId', 'factor', 'reason', 'address', 'device'] as const;

/** `partition`: see `activityPlace`. */
export function toActivityItem(
  { id, at, methods, ...rest }: Activity,
  partition: string,
  expiresAt: number,
): Item {
  const position = `${at}#${id}`;
  return {
    pk: partition,
    sk: activityPlace.prefix + position,
    gsi1pk: activityPlace.ofDay(rest.applicationTenantId, at.slice(0, 10)),
    gsi1sk: position,
    ...rest,
    methods: methods?.join(' '),
    expiresAt,
  };
}

export function readActivity(item: Item): Activity {
  const [at = '', id = ''] = positionOf(item).split('#');
  const texts = textAttributes.flatMap((name) =>
    item[name] === undefined ? [] : [[name, String(item[name])]],
  );
  return {
    id,
    at,
    kind: String(item.kind) as ActivityKind,
    applicationTenantId: String(item.applicationTenantId),
    ...Object.fromEntries(texts),
    ...(item.methods === undefined ? {} : { methods: String(item.methods).split(' ') }),
  };
}

export function positionOf({ sk }: Item): string {
  return sk.slice(activityPlace.prefix.length);
}
