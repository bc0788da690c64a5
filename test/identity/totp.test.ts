import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Item, Table } from '../../src/cloud/tables/port.ts';
import { createTotpCodes } from '../../src/identity/totp.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { totpCode } from '../support/totp-app.ts';
import { createFactorStores, type FactorStores } from './factor-stores.ts';

const stepMs = 30_000;
let stores: FactorStores;
let count = 0;
let ada: { id: AccountId; email: string };

beforeAll(async () => {
  stores = await createFactorStores();
});

beforeEach(() => {
  count += 1;
  ada = { id: `acc_ada${count}` as AccountId, email: 'ada@example.com' };
});

async function enrol(): Promise<string> {
  const { secret } = await stores.totpCodes.begin(ada, 'ticket');
  const code = totpCode(secret, stores.clock.now());
  expect(await stores.totpCodes.confirm(ada.id, 'ticket', code)).toBe('enrolled');
  stores.clock.advance(stepMs);
  return secret;
}

const codeNow = (secret: string, steps = 0) => totpCode(secret, stores.clock.now() + steps * stepMs);

describe('enrolment', () => {
  it('shows the secret for typing and for scanning, and the same one again to the same browser', async () => {
    const enrolment = await stores.totpCodes.begin(ada, 'ticket');
    expect(enrolment.secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = new URL(enrolment.uri);
    expect(`${uri.protocol}//${uri.host}${decodeURIComponent(uri.pathname)}`).toBe(
      'otpauth://totp/Acme:ada@example.com',
    );
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Acme',
      secret: enrolment.secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(await stores.totpCodes.begin(ada, 'ticket')).toEqual(enrolment);
  });

  it('counts only when the app shows the right code', async () => {
    const { secret } = await stores.totpCodes.begin(ada, 'ticket');
    const right = codeNow(secret);
    const wrong = right === '000000' ? '000001' : '000000';
    expect(await stores.totpCodes.confirm(ada.id, 'ticket', wrong)).toBe('wrong');
    expect(await stores.totpCodes.verify(ada.id, right)).toBe('wrong');
    expect(await stores.totpCodes.confirm(ada.id, 'ticket', `${right.slice(0, 3)} ${right.slice(3)}`)).toBe(
      'enrolled',
    );
    expect((await stores.factors.of(ada.id)).totpSince).toBe(new Date(stores.clock.now()).toISOString());
  });

  it('is of no use to a browser that was shown another secret', async () => {
    const mine = await stores.totpCodes.begin(ada, 'my ticket');
    const theirs = await stores.totpCodes.begin(ada, 'their ticket');
    expect(theirs.secret).not.toBe(mine.secret);
    expect(await stores.totpCodes.confirm(ada.id, 'my ticket', codeNow(theirs.secret))).toBe('wrong');
    expect(await stores.totpCodes.confirm(ada.id, 'no ticket', codeNow(mine.secret))).toBe('expired');
  });

  it('never replaces an app, and ends after a quarter of an hour', async () => {
    const other = await stores.totpCodes.begin(ada, 'other ticket');
    const secret = await enrol();
    expect(await stores.totpCodes.confirm(ada.id, 'other ticket', codeNow(other.secret))).toBe('exists');
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret))).toBe('accepted');

    const late = { id: `${ada.id}late` as AccountId, email: 'late@example.com' };
    const begun = await stores.totpCodes.begin(late, 'ticket');
    stores.clock.advance(900_000);
    expect(await stores.totpCodes.confirm(late.id, 'ticket', codeNow(begun.secret))).toBe('expired');
    expect((await stores.totpCodes.begin(late, 'ticket')).secret).not.toBe(begun.secret);
  });

  it('of two that end at once, one becomes the factor', async () => {
    const one = await stores.totpCodes.begin(ada, 'one');
    const other = await stores.totpCodes.begin(ada, 'other');
    const results = await Promise.all([
      stores.totpCodes.confirm(ada.id, 'one', codeNow(one.secret)),
      stores.totpCodes.confirm(ada.id, 'other', codeNow(other.secret)),
    ]);
    expect(results.toSorted()).toEqual(['enrolled', 'exists']);
  });
});

describe('a code', () => {
  it('counts one step before and after its own', async () => {
    const secret = await enrol();
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret, 2))).toBe('wrong');
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret, -2))).toBe('wrong');
    stores.clock.advance(3 * stepMs);
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret, -1))).toBe('accepted');
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret, 1))).toBe('accepted');
  });

  it('is accepted once, and none older than it ever after', async () => {
    const secret = await enrol();
    const code = codeNow(secret);
    expect(await stores.totpCodes.verify(ada.id, code)).toBe('accepted');
    expect(await stores.totpCodes.verify(ada.id, code)).toBe('used');
    stores.clock.advance(stepMs);
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret))).toBe('accepted');
    expect(await stores.totpCodes.verify(ada.id, code)).toBe('used');
  });

  it('cannot be used again after it confirmed the app', async () => {
    const { secret } = await stores.totpCodes.begin(ada, 'ticket');
    const code = codeNow(secret);
    await stores.totpCodes.confirm(ada.id, 'ticket', code);
    expect(await stores.totpCodes.verify(ada.id, code)).toBe('used');
  });

  it('is accepted for one of many who send it at once', async () => {
    const code = codeNow(await enrol());
    const results = await Promise.all(
      Array.from({ length: 12 }, () => stores.totpCodes.verify(ada.id, code)),
    );
    expect(results.filter((result) => result === 'accepted')).toHaveLength(1);
    expect(results.filter((result) => result === 'used')).toHaveLength(11);
  });

  it.each(['', '12345', '1234567', 'abcdef', '12345６', '-12345', '1e4000'])('is not %j', async (text) => {
    await enrol();
    expect(await stores.totpCodes.verify(ada.id, text)).toBe('wrong');
  });

  it('is wrong for an account without an app, and once the app is removed', async () => {
    expect(await stores.totpCodes.verify(ada.id, '000000')).toBe('wrong');
    const secret = await enrol();
    await stores.factors.remove(ada.id, { totp: true });
    expect(await stores.totpCodes.verify(ada.id, codeNow(secret))).toBe('wrong');
  });
});

describe('the secret at rest', () => {
  it('is sealed for its account and its tenant', async () => {
    const stored: Item[] = [];
    const watched: Table = {
      ...stores.table,
      put(item, condition) {
        stored.push(item);
        return stores.table.put(item, condition);
      },
    };
    const shared = { clock: stores.clock, random: systemRandom, issuerName: 'Acme' };
    const codes = createTotpCodes({ ...shared, table: watched, sealer: stores.keys });
    const { secret } = await codes.begin(ada, 'ticket');
    await codes.confirm(ada.id, 'ticket', codeNow(secret));
    expect(stored).toHaveLength(2);
    expect(JSON.stringify(stored)).not.toContain(secret);

    const moved = { ...stored[1], pk: 'Account#acc_eve' } as Item;
    await stores.table.put(moved);
    stores.clock.advance(stepMs);
    await expect(codes.verify('acc_eve', codeNow(secret))).rejects.toMatchObject({ code: 'server_error' });

    const other = await createFactorStores({ clock: stores.clock });
    await other.table.put(stored[1] as Item);
    await expect(other.totpCodes.verify(ada.id, codeNow(secret))).rejects.toMatchObject({
      code: 'server_error',
    });
  });
});

it('belongs to one tenant', async () => {
  const secret = await enrol();
  const other = await createFactorStores({ clock: stores.clock });
  expect(await other.totpCodes.verify(ada.id, codeNow(secret))).toBe('wrong');
});
