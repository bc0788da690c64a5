import type { KeyStore } from '../cloud/keys/port.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { CookieKeyRecord, IntendedKey, SigningAlgorithm, TenantRecord } from '../kernel/tenant.ts';
import type { Postgres } from '../platform/postgres.ts';
import { changeCookieKeys, newCookieKey } from './cookie-keys.ts';
import type { Directory } from './directory.ts';
import { recordKeyEvents } from './key-audit.ts';
import {
  advanceFamily,
  advanceSigningKeys,
  bereftAlgorithms,
  forgetDestroyed,
  intendKey,
  isActive,
  iso,
  isRotating,
  markDestroyed,
  publishKey,
  rotationDueAtMs,
  schedule,
} from './key-lifecycle.ts';
import { cookieKeyWaits, type KeyTimings, signingKeyWaits } from './key-timings.ts';

/** More keys than this that still matter, and a tenant has to wait for the old ones to retire. */
const maxKeys = 20;

/** Far more than can be due at once; only a bound. */
const maxSteps = 200;

export interface KeyRotationOptions {
  directory: Pick<Directory, 'get' | 'update'>;
  keyStore: KeyStore;
  postgres: Postgres;
  timings: KeyTimings;
  clock: Clock;
  random: Random;
  /** Makes this process notice at once. */
  onTenantChanged: (slug: Slug) => void;
}

export interface KeyRotation {
  /**
   * Begins to replace the signing key of the algorithm (default: the one for whatever names none), or to add one. Only notes the intent: the
   * next `advance` makes the key. Changes nothing while the algorithm is rotating. `AppError('not_found')` for an unknown tenant,
   * `AppError('conflict')` when too many keys are still needed.
   */
  begin(slug: Slug, rotation: { alg?: SigningAlgorithm | undefined; by: Actor }): Promise<TenantRecord>;
  /** Begins to replace the cookie key; changes nothing while that is under way. */
  beginCookies(slug: Slug, rotation: { by: Actor }): Promise<TenantRecord>;
  /** Begins as `begin` does, however many keys there are, and makes and publishes the key at once. */
  makeSuccessor(slug: Slug, rotation: { alg: SigningAlgorithm; by: Actor }): Promise<void>;
  /** Whether `advance` would do something, from a record that may be old. */
  isDue(record: TenantRecord): boolean;
  /**
   * Does everything that is due for the tenant's keys, scheduled rotations included. A step that fails does not keep the others back; the first
   * failure is thrown when nothing else is left. Safe to call at any time and at once in several processes.
   */
  advance(slug: Slug, signal?: AbortSignal): Promise<void>;
}

interface Step {
  name: string;
  run(): Promise<unknown>;
}

/**
 * Rotates keys. The directory says what is so; what happens outside it, in the key store, is written there first, and the audit log is told
 * before a state changes. So a process may end at any point, and the next `advance` goes on from the record.
 */
export function createKeyRotation(options: KeyRotationOptions): KeyRotation {
  const { directory, keyStore, postgres, timings, clock, random, onTenantChanged } = options;
  const waits = { signing: signingKeyWaits(timings), cookies: cookieKeyWaits(timings) };

  async function find(slug: Slug): Promise<TenantRecord> {
    const record = await directory.get(slug);
    if (record === undefined) {
      throw new AppError('not_found', 'There is no such tenant.');
    }
    return record;
  }

  async function audit(record: TenantRecord): Promise<void> {
    await postgres.transaction((transaction) => recordKeyEvents(transaction, clock, record));
  }

  async function write(
    record: TenantRecord,
    change: (record: TenantRecord) => TenantRecord,
  ): Promise<TenantRecord> {
    const updated = await directory.update(record.slug, record.id, change);
    onTenantChanged(record.slug);
    return updated;
  }

  /** A change that follows from the record and the time: whoever else makes it makes the same, so the audit log can have it first. */
  async function transition(
    record: TenantRecord,
    change: (record: TenantRecord) => TenantRecord,
  ): Promise<void> {
    await audit(change(record));
    await write(record, change);
  }

  async function begin(record: TenantRecord, alg: SigningAlgorithm, by: Actor): Promise<TenantRecord> {
    const key = { kid: randomId(random), alg, createdAt: iso(clock.now()), startedBy: by };
    return write(record, (current) => {
      const next = intendKey(current, key);
      return next === current
        ? current
        : { ...next, signingKeys: forgetDestroyed(next.signingKeys, timings, clock.now()) };
    });
  }

  async function beginCookies(record: TenantRecord, by: Actor): Promise<TenantRecord> {
    const fresh = newCookieKey(random);
    const now = iso(clock.now());
    const updated = await changeCookieKeys(options, record, [fresh], (keys) =>
      keys.some(({ state }) => state === 'pending')
        ? keys
        : [
            { id: fresh.id, state: 'pending', createdAt: now, publishedAt: now, startedBy: by },
            ...forgetDestroyed(keys, timings, clock.now()),
          ],
    );
    onTenantChanged(record.slug);
    return updated;
  }

  async function publishIntended(record: TenantRecord, { kid, alg }: IntendedKey): Promise<TenantRecord> {
    const created = await keyStore.forTenant(record.id).create(kid, alg, record.keyMode);
    const now = clock.now();
    return write(record, (current) => publishKey(current, kid, created, now));
  }

  function dueSteps(record: TenantRecord): Step[] {
    const rests =
      record.status === 'provisioning' || record.status === 'failed' || record.status === 'deleted';
    return rests ? [] : [...signingKeySteps(record), ...cookieKeySteps(record)];
  }

  function signingKeySteps(record: TenantRecord): Step[] {
    const { signingKeys, intendedKeys = [] } = record;
    const now = clock.now();
    const advance = (current: TenantRecord) => advanceSigningKeys(current, waits.signing, now);
    return [
      ...(advance(record) === record ? [] : [{ name: 'advance', run: () => transition(record, advance) }]),
      ...signingKeys
        .filter(({ state }) => state === 'retired')
        .map(({ kid, reference }) => ({
          name: `destroy ${kid}`,
          async run() {
            await audit(record);
            await keyStore.forTenant(record.id).destroy(reference);
            await transition(record, (current) => {
              const keys = markDestroyed(current.signingKeys, now, (key) => key.kid === kid);
              return keys === current.signingKeys ? current : { ...current, signingKeys: keys };
            });
          },
        })),
      ...intendedKeys.map((key) => ({
        name: `create ${key.kid}`,
        async run() {
          await audit(record);
          await publishIntended(record, key);
        },
      })),
      ...dueAlgorithms(record, now).map((alg) => ({
        name: `begin ${alg}`,
        run: () => begin(record, alg, schedule),
      })),
    ];
  }

  function dueAlgorithms(record: TenantRecord, nowMs: number): SigningAlgorithm[] {
    if (record.status !== 'active') {
      return [];
    }
    const active = record.signingKeys.filter(isActive);
    const due = active.filter((key) => rotationDueAtMs(record.id, key, waits.signing) <= nowMs);
    const needed = [...due.map(({ alg }) => alg), ...bereftAlgorithms(record)];
    // Without any key the tenant can do nothing until it has one.
    const first = active.length > 0 || needed.length > 0 ? [] : record.signingKeys.slice(0, 1);
    return [...needed, ...first.map(({ alg }) => alg)].filter((alg) => !isRotating(record, alg));
  }

  function cookieKeySteps(record: TenantRecord): Step[] {
    const { cookieKeys = [] } = record;
    const now = clock.now();
    const advance = (keys: readonly CookieKeyRecord[]) => advanceFamily(keys, waits.cookies, now);
    // Their secrets went with their retirement.
    const destroy = (keys: readonly CookieKeyRecord[]) => markDestroyed(keys, now, () => true);
    const steps: Step[] = [];
    for (const [name, change] of Object.entries({ advance, destroy })) {
      if (change(cookieKeys) !== cookieKeys) {
        steps.push({
          name: `${name} cookie keys`,
          async run() {
            await audit({ ...record, cookieKeys: change(cookieKeys) });
            await changeCookieKeys(options, record, [], change);
            onTenantChanged(record.slug);
          },
        });
      }
    }
    const { id: kid, ...active } = cookieKeys.find(isActive) ?? unrotated(record);
    const pending = cookieKeys.some(({ state }) => state === 'pending');
    if (
      record.status === 'active' &&
      !pending &&
      rotationDueAtMs(record.id, { ...active, kid }, waits.cookies) <= now
    ) {
      steps.push({ name: 'begin cookie keys', run: () => beginCookies(record, schedule) });
    }
    return steps;
  }

  return {
    async begin(slug, { alg: wanted, by }) {
      const record = await find(slug);
      const alg = wanted ?? (record.signingKeys.find(isActive) ?? record.signingKeys[0])?.alg;
      if (alg === undefined) {
        throw new AppError('not_ready', 'The tenant is not set up.');
      }
      const needed = record.signingKeys.filter(({ state }) => state !== 'destroyed').length;
      if (!isRotating(record, alg) && needed >= maxKeys) {
        throw new AppError('conflict', 'The tenant has too many keys. Wait until old ones are destroyed.');
      }
      return begin(record, alg, by);
    },

    async beginCookies(slug, { by }) {
      return beginCookies(await find(slug), by);
    },

    async makeSuccessor(slug, { alg, by }) {
      const record = await begin(await find(slug), alg, by);
      const intended = record.intendedKeys?.find((key) => key.alg === alg);
      if (intended !== undefined) {
        await publishIntended(record, intended);
      }
    },

    isDue: (record) => dueSteps(record).length > 0,

    async advance(slug, signal) {
      const failures = new Map<string, unknown>();
      for (let taken = 0; taken < maxSteps; taken += 1) {
        signal?.throwIfAborted();
        const record = await directory.get(slug);
        const step = record && dueSteps(record).find(({ name }) => !failures.has(name));
        if (record === undefined || step === undefined) {
          if (record !== undefined && taken > 0) {
            await audit(record);
          }
          break;
        }
        try {
          await step.run();
        } catch (error) {
          failures.set(step.name, error);
        }
      }
      for (const error of failures.values()) {
        throw error;
      }
    },
  };
}

/** Stands for the cookie key of a tenant whose cookie keys never changed. */
function unrotated({ createdAt }: TenantRecord): CookieKeyRecord {
  return { id: '', state: 'active', createdAt };
}
