/**
 * The life of a tenant's keys: `pending → active → retiring → retired → destroyed`. Pure: a record and a time in, what is due out.
 *
 * A new key is published before it signs, long enough that whoever verifies knows it; an old one stays published until nothing that it
 * signed is valid any more. Owns the states and what a revocation changes; how long the waits are is in `key-timings.ts`. `rotate-keys.ts`
 * and `revoke-keys.ts` carry it out in the directory and the key store, `cookie-keys.ts` has what is special about cookie keys.
 *
 * Signing keys of one algorithm are a family: one of them is active, at most one is on its way to take its place.
 */
import { createHash } from 'node:crypto';
import type { CreatedKey } from '../cloud/keys/port.ts';
import type { Actor } from '../kernel/actor.ts';
import type { TenantId } from '../kernel/ids.ts';
import type {
  IntendedKey,
  KeyHistory,
  KeyRevocation,
  KeyState,
  SigningAlgorithm,
  SigningKeyRecord,
  TenantRecord,
} from '../kernel/tenant.ts';
import { cookieKeyWaits, type KeyTimings, type KeyWaits } from './key-timings.ts';

/** The step that time alone brings, and when (milliseconds since the epoch). */
export function nextStep(
  key: KeyHistory,
  waits: KeyWaits,
): { state: Extract<KeyState, 'active' | 'retired'>; atMs: number } | undefined {
  if (key.state === 'pending') {
    return { state: 'active', atMs: after(key.publishedAt, waits.pendingSeconds) };
  }
  if (key.state === 'retiring') {
    return { state: 'retired', atMs: after(key.retiringAt, waits.retiringSeconds) };
  }
  return undefined;
}

/** A time that was never written lies too far in the future to come. */
function after(time: string | undefined, seconds: number): number {
  return time === undefined ? Number.POSITIVE_INFINITY : Date.parse(time) + seconds * 1000;
}

/** Up to a tenth of the period early, by tenant and key, so that a deployment does not rotate all its keys in one hour. */
const jitter = 0.1;

/** When the active key must have a successor on its way (milliseconds since the epoch). */
export function rotationDueAtMs(
  tenantId: TenantId,
  key: KeyHistory & { kid: string },
  { rotationSeconds }: KeyWaits,
): number {
  const fraction = createHash('sha256').update(`${tenantId} ${key.kid}`).digest().readUInt32BE() / 2 ** 32;
  return Date.parse(key.activatedAt ?? key.createdAt) + rotationSeconds * 1000 * (1 - jitter * fraction);
}

/**
 * One family with everything done that is due: a pending key takes the active one's place, a retiring one is retired. `urgent`: the pending
 * key need not wait. Returns the very same array when nothing is due.
 */
export function advanceFamily<K extends KeyHistory>(
  keys: readonly K[],
  waits: KeyWaits,
  nowMs: number,
  urgent = false,
): readonly K[] {
  const isDue = (key: K) => (nextStep(key, waits)?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs;
  const successor = keys.find((key) => key.state === 'pending' && (urgent || isDue(key)));
  return changeKeys(keys, (key) => {
    if (key === successor) {
      return { ...key, state: 'active', activatedAt: iso(nowMs) };
    }
    if (key.state === 'active' && successor !== undefined) {
      return { ...key, state: 'retiring', retiringAt: iso(nowMs) };
    }
    return key.state === 'retiring' && isDue(key) ? { ...key, state: 'retired', retiredAt: iso(nowMs) } : key;
  });
}

/** Every family advanced. What has lost the key that it signed with cannot wait for another one: neither an algorithm nor the whole tenant. */
export function advanceSigningKeys(record: TenantRecord, waits: KeyWaits, nowMs: number): TenantRecord {
  const bereft = bereftAlgorithms(record);
  const isSilent = !record.signingKeys.some(isActive);
  const families = [...new Set(record.signingKeys.map(({ alg }) => alg))];
  const signingKeys = families.flatMap((alg) =>
    advanceFamily(
      record.signingKeys.filter((key) => key.alg === alg),
      waits,
      nowMs,
      isSilent || bereft.includes(alg),
    ),
  );
  const unchanged = signingKeys.every((key) => record.signingKeys.includes(key));
  return unchanged ? record : { ...record, signingKeys };
}

/** Algorithms that signed until their key was revoked, and sign nothing now. */
export function bereftAlgorithms({ signingKeys }: TenantRecord): SigningAlgorithm[] {
  const active = signingKeys.filter(isActive).map(({ alg }) => alg);
  const revoked = signingKeys
    .filter((key) => key.revocation !== undefined && hasSigned(key))
    .map(({ alg }) => alg);
  return [...new Set(revoked)].filter((alg) => !active.includes(alg));
}

/** The keys that a tenant begins with sign from the beginning. */
function hasSigned({ activatedAt, startedBy }: KeyHistory): boolean {
  return activatedAt !== undefined || startedBy === undefined;
}

/** Whether a successor of the algorithm's active key is on its way already. */
export function isRotating({ signingKeys, intendedKeys = [] }: TenantRecord, alg: SigningAlgorithm): boolean {
  return (
    intendedKeys.some((key) => key.alg === alg) ||
    signingKeys.some((key) => key.alg === alg && key.state === 'pending')
  );
}

/** The record with the key intended; unchanged while the algorithm is rotating. */
export function intendKey(record: TenantRecord, key: IntendedKey): TenantRecord {
  return isRotating(record, key.alg)
    ? record
    : { ...record, intendedKeys: [...(record.intendedKeys ?? []), key] };
}

/** The record with the intended key published, now that the key store has it; unchanged when the key is not intended any more. */
export function publishKey(
  record: TenantRecord,
  kid: string,
  created: CreatedKey,
  nowMs: number,
): TenantRecord {
  const intended = record.intendedKeys?.find((key) => key.kid === kid);
  if (intended === undefined) {
    return record;
  }
  const key: SigningKeyRecord = { ...intended, ...created, state: 'pending', publishedAt: iso(nowMs) };
  const family = record.signingKeys.findIndex(({ alg }) => alg === key.alg);
  return {
    ...record,
    intendedKeys: record.intendedKeys?.filter((other) => other !== intended) ?? [],
    signingKeys: record.signingKeys.toSpliced(family === -1 ? record.signingKeys.length : family, 0, key),
  };
}

/**
 * The record with the key withdrawn: published no more from now on. A pending key of its algorithm takes an active key's place at once;
 * without one the algorithm has no active key. Unchanged when the key is gone or was revoked before.
 */
export function revokeKey(record: TenantRecord, kid: string, revocation: KeyRevocation): TenantRecord {
  const revoked = record.signingKeys.find((key) => key.kid === kid);
  if (revoked === undefined || revoked.revocation !== undefined || revoked.state === 'destroyed') {
    return record;
  }
  const successor =
    revoked.state === 'active'
      ? record.signingKeys.find(({ alg, state }) => alg === revoked.alg && state === 'pending')
      : undefined;
  return {
    ...record,
    signingKeys: changeKeys(record.signingKeys, (key) => {
      if (key === revoked) {
        return withdraw(key, revocation);
      }
      return key === successor ? { ...key, state: 'active', activatedAt: revocation.at } : key;
    }),
  };
}

export function withdraw<K extends KeyHistory>(key: K, revocation: KeyRevocation): K {
  return { ...key, state: 'retired', retiredAt: key.retiredAt ?? revocation.at, revocation };
}

/** The keys with the retired ones that `isGone` accepts marked as destroyed. */
export function markDestroyed<K extends KeyHistory>(
  keys: readonly K[],
  nowMs: number,
  isGone: (key: K) => boolean,
): readonly K[] {
  return changeKeys(keys, (key) =>
    key.state === 'retired' && isGone(key) ? { ...key, state: 'destroyed', destroyedAt: iso(nowMs) } : key,
  );
}

/** Bounds the entry; the audit log knows the rest. */
const maxDestroyed = 20;

/**
 * The keys without destroyed ones that nothing refers to any more. Until no session can be left that began with an ID token of such a key,
 * it must be known: a client may send that token as `id_token_hint`, however old it is (OpenID Connect RP-Initiated Logout 1.0, 2).
 */
export function forgetDestroyed<K extends KeyHistory>(
  keys: readonly K[],
  timings: KeyTimings,
  nowMs: number,
): readonly K[] {
  const seconds = cookieKeyWaits(timings).retiringSeconds;
  const remembered = keys
    .filter(
      (key) => key.state === 'destroyed' && after(key.retiringAt ?? key.revocation?.at, seconds) > nowMs,
    )
    .slice(0, maxDestroyed);
  return keys.filter((key) => key.state !== 'destroyed' || remembered.includes(key));
}

/** In the JWK Set. */
export function isPublished({ state }: KeyHistory): boolean {
  return state === 'pending' || state === 'active' || state === 'retiring';
}

export function isActive({ state }: KeyHistory): boolean {
  return state === 'active';
}

/** Whether a key was revoked between two versions of a tenant: what was built from the earlier one must not go on. */
export function revokesMore(before: TenantRecord, after: TenantRecord): boolean {
  const known = new Set(revocationsOf(before));
  return revocationsOf(after).some((id) => !known.has(id));
}

function revocationsOf({ signingKeys, cookieKeys = [] }: TenantRecord): string[] {
  return [
    ...signingKeys.filter(({ revocation }) => revocation).map(({ kid }) => kid),
    ...cookieKeys.filter(({ revocation }) => revocation).map(({ id }) => id),
  ];
}

/** Who begins the rotations that nobody asked for. */
export const schedule: Actor = { kind: 'system', id: 'key-rotation' };

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** The very same array when no key changes. */
export function changeKeys<K>(keys: readonly K[], change: (key: K) => K): readonly K[] {
  const changed = keys.map(change);
  return changed.some((key, index) => key !== keys[index]) ? changed : keys;
}
