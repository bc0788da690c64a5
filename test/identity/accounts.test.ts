import { beforeAll, describe, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createAccounts } from '../../src/identity/accounts.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

const password = 'Correct horse 1!';
let table: Table;

beforeAll(async () => {
  ({ table } = await createTenantTable());
});

function accountsAt(clock = testClock()) {
  return createAccounts({ table, clock, random: systemRandom });
}

function person(email: string) {
  return { email, name: 'Ada Lovelace', roles: ['Member'] };
}

describe('creating', () => {
  it('normalises the address and finds the account by any spelling of it', async () => {
    const accounts = accountsAt();
    const account = await accounts.create(person('  Ada@Example.COM '));
    expect(account).toMatchObject({ email: 'ada@example.com', emailVerified: false, disabled: false });
    expect(await accounts.findByEmail('default', 'ADA@example.com')).toEqual(account);
    expect(await accounts.get(account.id)).toEqual(account);
  });

  it('gives an address to one of many writers', async () => {
    const accounts = accountsAt();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => accounts.create(person('race@example.com'))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ code: 'conflict' });
      }
    }
  });

  it('completes an account whose writer died after the login pointer', async () => {
    const accounts = accountsAt();
    await table.put({ pk: 'Login#default#half@example.com', sk: 'login', accountId: 'acc_half' });
    expect(await accounts.findByEmail('default', 'half@example.com')).toBeUndefined();
    const account = await accounts.create(person('half@example.com'));
    expect(account.id).toBe('acc_half');
    expect(await accounts.findByEmail('default', 'half@example.com')).toEqual(account);
  });

  it('keeps the same address apart in two application tenants', async () => {
    const accounts = accountsAt();
    const first = await accounts.create({ ...person('shared@example.com'), applicationTenantId: 'one' });
    const second = await accounts.create({ ...person('shared@example.com'), applicationTenantId: 'two' });
    await accounts.setPassword(first.id, password);
    expect(second.id).not.toBe(first.id);
    expect(await accounts.verifyPassword('shared@example.com', password, 'two')).toBeUndefined();
    expect(await accounts.verifyPassword('shared@example.com', password, 'one')).toMatchObject({
      id: first.id,
    });
  });

  it.each([
    '',
    'ada',
    'ada@localhost',
    'a b@example.com',
    'ada@example.com\r\nBcc: x@y.zz',
    'аda@example.com',
  ])('refuses %j as an address', async (email) => {
    await expect(accountsAt().create(person(email))).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field: 'email' }],
    });
  });
});

describe('passwords', () => {
  it('accepts the right one only, in any Unicode form, and stores it as argon2id', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('pw@example.com'));
    await accounts.setPassword(id, 'Zoë’s caf\u00e9 12');
    expect(await accounts.verifyPassword('pw@example.com', 'Zoë’s cafe\u0301 12')).toMatchObject({ id });
    expect(await accounts.verifyPassword('pw@example.com', 'Zoë’s cafe 12')).toBeUndefined();
    const item = await table.get({ pk: `Account#${id}`, sk: 'account' });
    expect(item?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('lets nobody in without a password, while disabled, or with an unknown address', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('gate@example.com'));
    expect(await accounts.verifyPassword('gate@example.com', '')).toBeUndefined();
    await accounts.setPassword(id, password);
    await accounts.setDisabled(id, true);
    expect(await accounts.verifyPassword('gate@example.com', password)).toBeUndefined();
    await accounts.setDisabled(id, false);
    expect(await accounts.verifyPassword('gate@example.com', password)).toMatchObject({ id });
    expect(await accounts.verifyPassword('nobody@example.com', password)).toBeUndefined();
    expect(await accounts.verifyPassword('not an address', password)).toBeUndefined();
  });

  it('makes the same reads for unknown, password-less and known accounts', async () => {
    const keys: string[] = [];
    const watched: Table = {
      ...table,
      get(key) {
        keys.push(key.pk.split('#')[0] ?? '');
        return table.get(key);
      },
    };
    const accounts = createAccounts({ table: watched, clock: testClock(), random: systemRandom });
    const { id } = await accounts.create(person('reads@example.com'));
    await accounts.setPassword(id, password);
    await accounts.create(person('reads-invited@example.com'));
    for (const email of [
      'reads@example.com',
      'reads-invited@example.com',
      'reads-unknown@example.com',
      'x',
    ]) {
      keys.length = 0;
      await accounts.verifyPassword(email, 'Wrong horse 1!');
      expect(keys).toEqual(['Login', 'Account']);
    }
  });

  it('remembers former ones', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('history@example.com'));
    for (const number of [1, 2, 3]) {
      await accounts.setPassword(id, `${password}${number}`);
    }
    expect(await accounts.isRecentPassword(id, `${password}3`, 1)).toBe(true);
    expect(await accounts.isRecentPassword(id, `${password}1`, 2)).toBe(false);
    expect(await accounts.isRecentPassword(id, `${password}1`, 3)).toBe(true);
    expect(await accounts.isRecentPassword(id, `${password}4`, 3)).toBe(false);
    expect(await accounts.isRecentPassword(id, `${password}3`, 0)).toBe(false);
  });

  it('takes a first one once, which verifies the address', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('first@example.com'));
    const outcomes = await Promise.all(
      [1, 2, 3].map((n) => accounts.setFirstPassword(id, `${password}${n}`, 'first@example.com')),
    );
    expect(outcomes.filter((set) => set)).toHaveLength(1);
    const winner = `${password}${outcomes.indexOf(true) + 1}`;
    expect(await accounts.verifyPassword('first@example.com', winner)).toMatchObject({ emailVerified: true });
    expect(await accounts.setFirstPassword('acc_none', password, 'first@example.com')).toBe(false);
    expect(await accounts.get('acc_none')).toBeUndefined();
  });

  it('takes a first one, and verifies the address, only while it is the address that was meant', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('typo@example.com'));
    await accounts.update(id, { email: 'meant@example.com' });
    expect(await accounts.setFirstPassword(id, password, 'typo@example.com')).toBe(false);
    expect(await accounts.get(id)).toMatchObject({ emailVerified: false });
    expect(await accounts.setFirstPassword(id, password, 'meant@example.com')).toBe(true);
  });

  it('takes one by mail only for the account as it was read, former ones kept', async () => {
    const accounts = accountsAt();
    const { id } = await accounts.create(person('mail@example.com'));
    await accounts.setPassword(id, `${password}1`);
    const seen = await accounts.get(id);
    if (!seen) throw new Error('no account');
    await accounts.update(id, { email: 'moved@example.com' });
    expect(await accounts.setPasswordByMail(seen, `${password}2`)).toBe(false);
    const present = await accounts.get(id);
    expect(present).toMatchObject({ emailVerified: false });
    expect(await accounts.setPasswordByMail(present ?? seen, `${password}2`)).toBe(true);
    expect(await accounts.verifyPassword('moved@example.com', `${password}2`)).toMatchObject({
      emailVerified: true,
    });
    expect(await accounts.isRecentPassword(id, `${password}1`, 2)).toBe(true);
  });

  it('records when it was set', async () => {
    const clock = testClock();
    const accounts = accountsAt(clock);
    const { id } = await accounts.create(person('when@example.com'));
    clock.advance(60_000);
    await accounts.setPassword(id, password);
    expect((await accounts.get(id))?.passwordSetAt).toBe('2026-01-01T00:01:00.000Z');
  });
});

it('changes roles, and no account out of thin air', async () => {
  const accounts = accountsAt();
  const { id } = await accounts.create(person('change@example.com'));
  await accounts.setRoles(id, ['Admin', 'Member']);
  expect(await accounts.get(id)).toMatchObject({ roles: ['Admin', 'Member'] });
  await expect(accounts.setRoles('acc_none', ['Admin'])).rejects.toMatchObject({ code: 'not_found' });
  await expect(accounts.setPassword('acc_none', password)).rejects.toMatchObject({ code: 'not_found' });
  expect(await accounts.get('acc_none')).toBeUndefined();
});
