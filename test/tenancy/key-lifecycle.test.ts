import { describe, expect, test } from 'vitest';
import type { SigningKeyRecord, TenantRecord } from '../../src/kernel/tenant.ts';
import {
  advanceFamily,
  advanceSigningKeys,
  forgetDestroyed,
  intendKey,
  isPublished,
  publishKey,
  revokeKey,
  revokesMore,
  rotationDueAtMs,
} from '../../src/tenancy/key-lifecycle.ts';
import { cookieKeyWaits, signingKeyWaits } from '../../src/tenancy/key-timings.ts';
import { keyTimings, olga, pendingMs, retiringMs, signingKey } from './key-fixture.ts';
import { tenantRecord } from './tenant-record.ts';

const start = Date.parse('2026-01-01T00:00:00.000Z');
const at = (ms: number) => new Date(start + ms).toISOString();
const waits = signingKeyWaits(keyTimings);
const statesOf = ({ signingKeys }: TenantRecord) => signingKeys.map(({ kid, state }) => `${kid} ${state}`);
const withKeys = (...signingKeys: SigningKeyRecord[]) => tenantRecord('acme', { signingKeys });
const later = (record: TenantRecord, ms: number) => advanceSigningKeys(record, waits, start + ms);
const pending = signingKey('new', 'pending', { publishedAt: at(0) });
const intended = { kid: 'new', alg: 'ES256', createdAt: at(0), startedBy: olga } as const;
const created = { reference: 'ref', publicJwk: {} };

describe('a new key', () => {
  test('is intended, then published before the keys of its algorithm, and only then may sign', () => {
    const record = withKeys(
      signingKey('rsa', 'active', { alg: 'RS256' }),
      signingKey('old', 'active'),
      signingKey('older', 'retiring'),
    );
    const noted = intendKey(record, intended);
    expect(noted.intendedKeys).toEqual([intended]);
    expect(noted.signingKeys).toBe(record.signingKeys);

    const published = publishKey(noted, 'new', created, start);
    expect(published.intendedKeys).toEqual([]);
    expect(statesOf(published)).toEqual(['rsa active', 'new pending', 'old active', 'older retiring']);
    expect(published.signingKeys[1]).toEqual({
      ...intended,
      ...created,
      state: 'pending',
      publishedAt: at(0),
    });
    expect(publishKey(published, 'new', created, start)).toBe(published);
  });

  test('of an algorithm that the tenant does not have comes last, so that the default stays', () => {
    const record = intendKey(withKeys(signingKey('old', 'active')), { ...intended, alg: 'RS256' });
    expect(statesOf(publishKey(record, 'new', created, start))).toEqual(['old active', 'new pending']);
  });

  test('is not begun while another one of its algorithm is on its way', () => {
    const rotating = withKeys(pending, signingKey('old', 'active'));
    expect(intendKey(rotating, { ...intended, kid: 'newer' })).toBe(rotating);
    const noted = intendKey(withKeys(signingKey('old', 'active')), intended);
    expect(intendKey(noted, { ...intended, kid: 'newer' })).toBe(noted);
    expect(intendKey(noted, { ...intended, kid: 'rsa', alg: 'RS256' }).intendedKeys).toHaveLength(2);
  });
});

describe('time', () => {
  test('makes a key sign once every cache has it, and its predecessor retire in the same moment', () => {
    const record = withKeys(pending, signingKey('old', 'active'));
    expect(later(record, pendingMs - 1)).toBe(record);
    const advanced = later(record, pendingMs);
    expect(statesOf(advanced)).toEqual(['new active', 'old retiring']);
    expect(advanced.signingKeys[0]?.activatedAt).toBe(at(pendingMs));
    expect(advanced.signingKeys[1]?.retiringAt).toBe(at(pendingMs));
    expect(later(advanced, pendingMs)).toBe(advanced);
  });

  test('ends the publishing of a key once nothing that it signed can be valid', () => {
    const record = withKeys(
      signingKey('new', 'active'),
      signingKey('old', 'retiring', { retiringAt: at(0) }),
    );
    expect(later(record, retiringMs - 1)).toBe(record);
    expect(statesOf(later(record, retiringMs))).toEqual(['new active', 'old retired']);
  });

  test('does not wait when the tenant has no key that signs', () => {
    expect(statesOf(later(withKeys(pending, signingKey('old', 'retired')), 0))).toEqual([
      'new active',
      'old retired',
    ]);
    const other = withKeys(pending, signingKey('rsa', 'active', { alg: 'RS256' }));
    expect(later(other, 0)).toBe(other);
  });

  test('does not wait in an algorithm whose key was revoked, and waits in one that is new', () => {
    const revocation = { at: at(60_000), by: olga, reason: 'leaked' };
    const rsa = signingKey('rsa', 'active', { alg: 'RS256' });
    const first = withKeys(pending, signingKey('old', 'destroyed', { revocation }), rsa);
    expect(statesOf(later(first, 0))).toEqual(['new active', 'old destroyed', 'rsa active']);
    const rotated = { startedBy: olga, activatedAt: at(-1), revocation };
    const successor = withKeys(pending, signingKey('old', 'retired', rotated), rsa);
    expect(statesOf(later(successor, 0))).toEqual(['new active', 'old retired', 'rsa active']);
    // The key that was revoked had never signed, so nobody has lost anything.
    const added = withKeys(pending, signingKey('old', 'retired', { startedBy: olga, revocation }), rsa);
    expect(later(added, 0)).toBe(added);
  });

  test('advances each algorithm by itself', () => {
    const record = withKeys(
      pending,
      signingKey('old', 'active'),
      signingKey('rsa', 'active', { alg: 'RS256' }),
    );
    expect(statesOf(later(record, pendingMs))).toEqual(['new active', 'old retiring', 'rsa active']);
  });

  test('gives cookie keys longer: processes cut off from the directory go on with the old list', () => {
    const cookieWaits = cookieKeyWaits(keyTimings);
    const keys = [
      { id: 'b', state: 'pending', createdAt: at(0), publishedAt: at(0) },
      { id: 'a', state: 'active', createdAt: at(0) },
    ] as const;
    const aged = (ms: number) => advanceFamily(keys, cookieWaits, start + ms);
    expect(aged(7_204_999)).toBe(keys);
    expect(aged(7_205_000).map(({ state }) => state)).toEqual(['active', 'retiring']);
    const retiring = [{ id: 'a', state: 'retiring', createdAt: at(0), retiringAt: at(0) }] as const;
    const month = (7_200 + 30 * 86_400 + 5) * 1000;
    expect(advanceFamily(retiring, cookieWaits, start + month - 1)).toBe(retiring);
    expect(advanceFamily(retiring, cookieWaits, start + month)).toMatchObject([{ state: 'retired' }]);
  });
});

describe('the schedule', () => {
  test('asks for a successor within the last tenth of the period, at another time for every key', () => {
    const due = Array.from({ length: 200 }, (_, index) =>
      rotationDueAtMs(tenantRecord('acme').id, signingKey(`key-${index}`, 'active'), waits),
    );
    const period = keyTimings.rotationSeconds * 1000;
    expect(Math.max(...due) - start).toBeLessThanOrEqual(period);
    expect(Math.min(...due) - start).toBeGreaterThanOrEqual(period * 0.9);
    expect(new Set(due.map((ms) => Math.floor((ms - start) / 86_400_000))).size).toBeGreaterThan(7);
  });
});

describe('a revocation', () => {
  const revocation = { at: at(60_000), by: olga, reason: 'leaked' };

  test('of an active key makes the pending one sign at once, however new it is', () => {
    const revoked = revokeKey(withKeys(pending, signingKey('old', 'active')), 'old', revocation);
    expect(statesOf(revoked)).toEqual(['new active', 'old retired']);
    expect(revoked.signingKeys[0]?.activatedAt).toBe(revocation.at);
    expect(revoked.signingKeys[1]).toMatchObject({ retiredAt: revocation.at, revocation });
    expect(revoked.signingKeys.filter(isPublished).map(({ kid }) => kid)).toEqual(['new']);
  });

  test('without a pending key leaves none that signs, and another algorithm alone', () => {
    const record = withKeys(
      signingKey('old', 'active'),
      { ...pending, alg: 'RS256' },
      signingKey('rsa', 'active', { alg: 'RS256' }),
    );
    expect(statesOf(revokeKey(record, 'old', revocation))).toEqual([
      'old retired',
      'new pending',
      'rsa active',
    ]);
  });

  test('of a pending or retiring key leaves the active one', () => {
    const record = withKeys(pending, signingKey('mid', 'active'), signingKey('old', 'retiring'));
    expect(statesOf(revokeKey(record, 'new', revocation))).toEqual([
      'new retired',
      'mid active',
      'old retiring',
    ]);
    expect(statesOf(revokeKey(record, 'old', revocation))).toEqual([
      'new pending',
      'mid active',
      'old retired',
    ]);
  });

  test('counts once, and means nothing for a key that is gone', () => {
    const once = revokeKey(withKeys(signingKey('old', 'retiring')), 'old', revocation);
    expect(revokeKey(once, 'old', { ...revocation, reason: 'again' })).toBe(once);
    const gone = withKeys(signingKey('old', 'destroyed'));
    expect(revokeKey(gone, 'old', revocation)).toBe(gone);
    expect(revokeKey(gone, 'none', revocation)).toBe(gone);
  });

  test('is seen between two versions of a tenant', () => {
    const before = withKeys(pending, signingKey('old', 'active'));
    const after = revokeKey(before, 'old', revocation);
    expect(revokesMore(before, after)).toBe(true);
    expect(revokesMore(after, after)).toBe(false);
    expect(revokesMore(before, later(before, pendingMs))).toBe(false);
    const cookies = { ...before, cookieKeys: [{ id: 'c', state: 'retired', createdAt: at(0), revocation }] };
    expect(revokesMore(before, cookies as TenantRecord)).toBe(true);
  });
});

describe('destroyed keys', () => {
  test('are remembered while an ID token of theirs may still be a hint of some session', () => {
    const old = signingKey('old', 'destroyed', { retiringAt: at(0) });
    const keys = [signingKey('new', 'active'), old];
    const month = (7_200 + 30 * 86_400 + 5) * 1000;
    expect(forgetDestroyed(keys, keyTimings, start + month - 1)).toEqual(keys);
    expect(forgetDestroyed(keys, keyTimings, start + month)).toEqual([keys[0]]);
  });

  test('do not fill the directory entry', () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      signingKey(`old-${index}`, 'destroyed', { retiringAt: at(0) }),
    );
    const kept = forgetDestroyed([signingKey('new', 'active'), ...many], keyTimings, start);
    expect(kept).toHaveLength(21);
    expect(kept.at(-1)?.kid).toBe('old-19');
  });
});
