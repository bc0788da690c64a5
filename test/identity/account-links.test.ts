import { beforeEach, describe, expect, it } from 'vitest';
import { type AccountLinks, createAccountLinks } from '../../src/identity/account-links.ts';
import { createLinks } from '../../src/identity/links.ts';
import { openPeople, type People } from '../../src/identity/people.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { type TestClock, testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let people: People;
let links: AccountLinks;
let clock: TestClock;

beforeEach(async () => {
  clock = testClock();
  const stores = { ...(await createTenantTable()), clock, random: systemRandom };
  people = openPeople(stores);
  links = createAccountLinks({ links: createLinks(stores), findActive: people.findActive });
});

async function begin() {
  const account = await people.accounts.create({ email: 'ada@example.com', name: 'Ada', roles: [] });
  const token = await links.issue(account, {
    purpose: 'email-change',
    data: { to: 'new@example.com' },
    ttlSeconds: 60,
  });
  clock.advance(1_000);
  return { account, token };
}

it('finds account and data, for its purpose and until it is used', async () => {
  const { account, token } = await begin();
  const found = await links.find(token, 'email-change');
  expect(found).toMatchObject({ account, link: { data: { to: 'new@example.com' } } });
  expect(await links.find(token, 'password-reset')).toBeUndefined();
  expect(await links.consume(token, 'email-change')).toBeDefined();
  expect(await links.find(token, 'email-change')).toBeUndefined();
});

describe('it is worth nothing', () => {
  const changes: Record<string, (id: string) => Promise<unknown>> = {
    'after a new password': (id) => people.accounts.setPassword(id, 'Correct horse 1!'),
    'after another address': (id) => people.accounts.update(id, { email: 'moved@example.com' }),
    'while the account is disabled': (id) => people.accounts.setDisabled(id, true),
    'when the account was disabled meanwhile': async (id) => {
      await people.accounts.setDisabled(id, true);
      await people.accounts.setDisabled(id, false);
    },
    'when the account was disabled by a change': async (id) => {
      await people.accounts.update(id, { disabled: true });
      await people.accounts.update(id, { disabled: false });
    },
    'when all access was taken back': (id) => people.accounts.noteAccessEnded(id),
    'when the account is gone': (id) => people.accounts.remove(id),
  };

  it.each(Object.entries(changes))('%s', async (_, change) => {
    const { account, token } = await begin();
    await change(account.id);
    expect(await links.find(token, 'email-change')).toBeUndefined();
  });
});

it('stays what it is when a name or a role changes', async () => {
  const { account, token } = await begin();
  await people.accounts.update(account.id, { name: 'Ada King', roles: ['Member'] });
  expect(await links.find(token, 'email-change')).toBeDefined();
});

it('does nothing to an account that is gone', async () => {
  await people.accounts.noteAccessEnded('acc_none');
  expect(await people.accounts.get('acc_none')).toBeUndefined();
});
