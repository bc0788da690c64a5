import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '../kernel/actor.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { SigningKeyRecord, TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import { changeCookieKeys, newCookieKey } from './cookie-keys.ts';
import { iso, revokeKey, withdraw } from './key-lifecycle.ts';
import type { KeyRotation, KeyRotationOptions } from './rotate-keys.ts';

/** How long a key that must go is kept for want of another one. */
const replacementWaitMs = 5_000;

export interface Withdrawal {
  by: Actor;
  reason: string;
}

/** For keys that somebody else may know. */
export interface KeyRevocations {
  /**
   * Withdraws a signing key at once: published no more, destroyed in the key store. For an active key another one signs from the same moment,
   * although clients that keep the JWK Set have not seen it. When no key can be made now, the algorithm signs nothing until `advance` has
   * made one. Revoking a key again changes nothing. `AppError('not_found')` for an unknown tenant or key.
   */
  revoke(slug: Slug, kid: string, withdrawal: Withdrawal): Promise<TenantRecord>;
  /** Replaces all cookie keys at once: everybody has to sign in again, and sign-ins under way begin anew. */
  revokeCookies(slug: Slug, withdrawal: Withdrawal): Promise<TenantRecord>;
}

export function createKeyRevocations(
  options: Omit<KeyRotationOptions, 'postgres' | 'timings'> & {
    rotation: Pick<KeyRotation, 'makeSuccessor'>;
    log: Log;
  },
): KeyRevocations {
  const { directory, keyStore, rotation, clock, random, log, onTenantChanged } = options;

  async function find(slug: Slug): Promise<TenantRecord> {
    const record = await directory.get(slug);
    if (record === undefined) {
      throw new AppError('not_found', 'There is no such tenant.');
    }
    return record;
  }

  /** Another key of the algorithm, so that the change of keys is one write. */
  async function tryToReplace(
    { slug, id }: TenantRecord,
    { kid, alg }: SigningKeyRecord,
    by: Actor,
  ): Promise<void> {
    const outOfTime = new AbortController();
    const preparing = rotation.makeSuccessor(slug, { alg, by });
    try {
      await Promise.race([
        preparing,
        delay(replacementWaitMs, undefined, { signal: outOfTime.signal }).then(() => {
          throw new Error('making a key takes too long');
        }),
      ]);
    } catch (error) {
      log.error({ err: error, tenantId: id, kid }, 'a revoked key has no successor yet');
      preparing.catch(() => {});
    } finally {
      outOfTime.abort();
    }
  }

  return {
    async revoke(slug, kid, { by, reason }) {
      const record = await find(slug);
      const key = record.signingKeys.find((candidate) => candidate.kid === kid);
      if (key === undefined) {
        throw new AppError('not_found', 'There is no such key.');
      }
      if (key.state === 'active') {
        await tryToReplace(record, key, by);
      }
      const revocation = { at: iso(clock.now()), by, reason };
      const updated = await directory.update(slug, record.id, (current) =>
        revokeKey(current, kid, revocation),
      );
      onTenantChanged(slug);
      try {
        await keyStore.forTenant(record.id).destroy(key.reference);
      } catch (error) {
        // Nobody takes its signatures any more; the next `advance` destroys it.
        log.error({ err: error, tenantId: record.id, kid }, 'a revoked key could not be destroyed yet');
      }
      return updated;
    },

    async revokeCookies(slug, { by, reason }) {
      const record = await find(slug);
      const fresh = newCookieKey(random);
      const at = iso(clock.now());
      const updated = await changeCookieKeys(options, record, [fresh], (keys) => [
        { id: fresh.id, state: 'active', createdAt: at, publishedAt: at, activatedAt: at, startedBy: by },
        ...keys.map((key) =>
          key.state === 'retired' || key.state === 'destroyed' ? key : withdraw(key, { at, by, reason }),
        ),
      ]);
      onTenantChanged(slug);
      return updated;
    },
  };
}
