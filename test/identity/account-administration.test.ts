import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { foreignHashProblem } from '../../src/identity/password-hash.ts';
import { openPeople, type People } from '../../src/identity/people.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let table: Table;
let people: People;
let clock: ReturnType<typeof testClock>;

beforeEach(async () => {
  ({ table } = await createTenantTable());
  clock = testClock();
  people = openPeople({ table, clock, random: systemRandom });
});

const person = (email: string, name = 'Ada Lovelace') => ({ email, name, roles: ['Member'] });
const codes = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((result) =>
    result.status === 'fulfilled' ? 'done' : (result.reason as { code?: string }).code,
  );

describe('changing an account', () => {
  it('moves it to a new address, which counts as unverified', async () => {
    const { accounts } = people;
    const { id } = await accounts.create({ ...person('old@example.com'), emailVerified: true });
    const changed = await accounts.update(id, { email: 'New@Example.com', givenName: 'Ada' });
    expect(changed).toMatchObject({ email: 'new@example.com', emailVerified: false, givenName: 'Ada' });
    expect(await accounts.findByEmail('default', 'old@example.com')).toBeUndefined();
    expect(await accounts.findByEmail('default', 'new@example.com')).toEqual(changed);
    const again = await accounts.create(person('old@example.com'));
    expect(again.id).not.toBe(id);
    expect((await accounts.update(id, { givenName: null })).givenName).toBeUndefined();
  });

  it('lets one of many have an address', async () => {
    const { accounts } = people;
    const all = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => accounts.create(person(`${name}@x.example`))),
    );
    const results = await Promise.allSettled([
      ...all.map(({ id }) => accounts.update(id, { email: 'wanted@x.example' })),
      accounts.create(person('wanted@x.example')),
    ]);
    expect(codes(results).filter((code) => code === 'done')).toHaveLength(1);
    expect(codes(results).filter((code) => code === 'conflict')).toHaveLength(4);
    const { accounts: listed } = await accounts.list({ applicationTenantId: 'default' });
    expect(listed.filter(({ email }) => email === 'wanted@x.example')).toHaveLength(1);
  });

  it('lets one of two changes of the same version win', async () => {
    const { accounts } = people;
    const { id, version } = await accounts.create(person('a@x.example'));
    const results = await Promise.allSettled([
      accounts.update(id, { name: 'One' }, version),
      accounts.update(id, { name: 'Two' }, version),
    ]);
    expect(codes(results).sort()).toEqual(['done', 'precondition_failed']);
    // Without a version both count.
    await Promise.all([accounts.update(id, { name: 'Three' }), accounts.update(id, { roles: ['Viewer'] })]);
    expect(await accounts.get(id)).toMatchObject({ name: 'Three', roles: ['Viewer'] });
  });

  it('frees an address that a crash left between two accounts, after a while', async () => {
    const { accounts } = people;
    const { id } = await accounts.create(person('a@x.example'));
    await table.put({ pk: 'Login#default#b@x.example', sk: 'login', accountId: id, claimedAt: clock.now() });
    expect(await accounts.findByEmail('default', 'b@x.example')).toBeUndefined();
    await expect(accounts.create(person('b@x.example'))).rejects.toMatchObject({ code: 'conflict' });
    clock.advance(61_000);
    const second = await accounts.create(person('b@x.example'));
    expect(await accounts.findByEmail('default', 'b@x.example')).toEqual(second);
  });

  it('finds by external id, of which there is one', async () => {
    const { accounts } = people;
    const first = await accounts.create({ ...person('a@x.example'), externalId: 'hr-1' });
    const second = await accounts.create(person('b@x.example'));
    expect(await accounts.findByExternalId('default', 'hr-1')).toEqual(first);
    expect(await accounts.findByExternalId('apt_other', 'hr-1')).toBeUndefined();
    await expect(accounts.update(second.id, { externalId: 'hr-1' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await accounts.update(first.id, { externalId: null });
    await accounts.update(second.id, { externalId: 'hr-1' });
    expect(await accounts.findByExternalId('default', 'hr-1')).toMatchObject({ id: second.id });
  });
});

describe('removing an account', () => {
  it('takes everything along and frees the address', async () => {
    const { accounts, groups, memberships } = people;
    const account = await accounts.create({ ...person('a@x.example'), externalId: 'hr-1' });
    const group = await groups.create({ name: 'Clerks', description: '', roles: [] });
    await memberships.add(account, group);
    await accounts.remove(account.id);
    await accounts.remove(account.id);
    expect(await accounts.get(account.id)).toBeUndefined();
    expect((await table.query({ pk: `Account#${account.id}` })).items).toEqual([]);
    expect((await memberships.membersOf(group)).accounts).toEqual([]);
    const { accounts: found } = await accounts.search({ applicationTenantId: 'default', text: 'ada' });
    expect(found).toEqual([]);
    expect((await accounts.create({ ...person('a@x.example'), externalId: 'hr-1' })).id).not.toBe(account.id);
  });
});

describe('searching', () => {
  async function emails(text: string, applicationTenantId = 'default', limit = 50) {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await people.accounts.search({
        applicationTenantId,
        text,
        limit,
        ...(cursor ? { cursor } : {}),
      });
      expect(page.accounts.length).toBeLessThanOrEqual(limit);
      found.push(...page.accounts.map(({ email }) => email));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found.sort();
  }

  it('finds by the beginning of the address and of each word of the name, inside one application tenant', async () => {
    const { accounts } = people;
    await accounts.create(person('ada@x.example', 'Ada King, Countess of Lovelace'));
    await accounts.create(person('grace@x.example', 'Grace Adams Hopper'));
    await accounts.create(person('jose@x.example', 'José Adán'));
    const other = await people.applicationTenants.create({ slug: 'other', name: 'Other' });
    await accounts.create({ ...person('ada@y.example', 'Ada Other'), applicationTenantId: other.id });
    expect(await emails('ada')).toEqual(['ada@x.example', 'grace@x.example', 'jose@x.example']);
    expect(await emails('ADA@')).toEqual(['ada@x.example']);
    expect(await emails('king ada')).toEqual(['ada@x.example']);
    expect(await emails('jose')).toEqual(['jose@x.example']);
    expect(await emails('lace')).toEqual([]);
    expect(await emails('--')).toEqual([]);
    expect(await emails('ada', other.id)).toEqual(['ada@y.example']);
    expect(await emails('ada', 'default', 1)).toEqual(['ada@x.example', 'grace@x.example', 'jose@x.example']);
    await expect(
      accounts.search({ applicationTenantId: 'default', text: 'ada', cursor: 'x' }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('follows a change of name', async () => {
    const { accounts } = people;
    const { id } = await accounts.create(person('a@x.example', 'Ada Byron'));
    await accounts.update(id, { name: 'Ada Lovelace' });
    expect(await emails('byron')).toEqual([]);
    expect(await emails('love')).toEqual(['a@x.example']);
  });
});

describe('groups', () => {
  it('give their roles to their members, and to nobody of another application tenant', async () => {
    const { accounts, groups, memberships, roles } = people;
    await roles.put({ name: 'Admin', description: '', scopes: ['read', 'admin'] });
    const ada = await accounts.create(person('a@x.example'));
    const { id: applicationTenantId } = await people.applicationTenants.create({
      slug: 'eves',
      name: 'Eve’s',
    });
    const eve = await accounts.create({ ...person('e@x.example'), applicationTenantId });
    const group = await groups.create({ name: 'Chiefs', description: '', roles: ['Admin'] });
    await memberships.add(ada, group);
    await expect(memberships.add(eve, group)).rejects.toMatchObject({ code: 'conflict' });
    expect(await memberships.rolesOf(ada)).toEqual(['Member', 'Admin']);
    expect(await people.roleScopesOf(ada)).toEqual(['read', 'admin']);
    expect(await memberships.groupsOf(eve)).toEqual([]);
    await groups.remove(group);
    // The membership is still there, and counts no more.
    expect(await memberships.rolesOf(ada)).toEqual(['Member']);
    await memberships.removeAll(group.id);
    expect((await table.query({ pk: `Account#${ada.id}`, skPrefix: 'group#' })).items).toEqual([]);
  });

  it('have a name of their own', async () => {
    const { groups } = people;
    const results = await Promise.allSettled(
      ['Clerks', 'clerks', 'CLERKS'].map((name) => groups.create({ name, description: '', roles: [] })),
    );
    expect(codes(results).sort()).toEqual(['conflict', 'conflict', 'done']);
    const other = await groups.create({
      name: 'Clerks',
      description: '',
      roles: [],
      applicationTenantId: 'apt_x',
    });
    const renamed = await groups.update(other, { name: 'Scribes' });
    expect(await groups.findByName('apt_x', 'clerks')).toBeUndefined();
    expect(await groups.findByName('apt_x', 'scribes')).toEqual(renamed);
    await expect(groups.update(other, { description: 'x' })).rejects.toMatchObject({
      code: 'precondition_failed',
    });
  });
});

describe('somebody’s account', () => {
  it('is of no use while its application tenant is suspended or gone', async () => {
    const { accounts, applicationTenants } = people;
    const tenant = await applicationTenants.create({ slug: 'north', name: 'North' });
    const account = await accounts.create({ ...person('a@x.example'), applicationTenantId: tenant.id });
    expect(await people.findActive(account.id)).toMatchObject({ id: account.id });
    const suspended = await applicationTenants.update(tenant.id, tenant.version, { status: 'suspended' });
    expect(await people.findActive(account.id)).toBeUndefined();
    await applicationTenants.update(tenant.id, suspended.version, { status: 'active' });
    expect(await people.findActive(account.id)).toMatchObject({ id: account.id });
    await applicationTenants.remove(tenant.id);
    expect(await people.findActive(account.id)).toBeUndefined();
  });
});

describe('passwords that were set elsewhere', () => {
  const password = 'Correct horse 1!';
  const passlib = '$pbkdf2-sha256$29000$c2FsdHNhbHRzYWx0c2FsdA$';

  it.each([
    ['argon2id', () => argon2(password, { memoryCost: 8_192, timeCost: 1 })],
    ['argon2i', () => argon2(password, { algorithm: 1, memoryCost: 8_192, timeCost: 3 })],
    ['bcrypt', () => bcrypt(password, 8)],
    ['bcrypt of PHP', async () => (await bcrypt(password, 8)).replace('$2b$', '$2y$')],
    // Made with Python's hashlib.pbkdf2_hmac: sha256, salt `saltsaltsaltsalt`.
    [
      'PBKDF2 in PHC form',
      async () =>
        '$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$SlltmbFGb/d2B9n6emtu0fvR1sFogvfGZO6YFVB9ss8',
    ],
  ])('count once, and are replaced by ours: %s', async (kind, make) => {
    const passwordHash = await make();
    expect(foreignHashProblem(passwordHash)).toBeUndefined();
    const { accounts } = people;
    const { id } = await accounts.create({ ...person('a@x.example'), passwordHash });
    expect(await accounts.verifyPassword('a@x.example', `${password}x`)).toBeUndefined();
    const before = await table.get({ pk: `Account#${id}`, sk: 'account' });
    expect(before?.passwordHash).toBe(passwordHash);
    expect(await accounts.verifyPassword('a@x.example', password), kind).toMatchObject({ id });
    const after = await table.get({ pk: `Account#${id}`, sk: 'account' });
    expect(after?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await accounts.verifyPassword('a@x.example', password)).toMatchObject({ id });
    expect(await accounts.isRecentPassword(id, password, 1)).toBe(true);
  });

  it('of one tenant keep neither this process nor other tenants waiting', async () => {
    const slow = await bcrypt(password, 11);
    const quick = await bcrypt(password, 8);
    const { table: otherTable } = await createTenantTable();
    const other = openPeople({ table: otherTable, clock, random: systemRandom });
    await people.accounts.create({ ...person('slow@x.example'), passwordHash: slow });
    await other.accounts.create({ ...person('quick@x.example'), passwordHash: quick });
    const order: string[] = [];
    const attempts = Promise.allSettled(
      Array.from({ length: 24 }, () =>
        people.accounts.verifyPassword('slow@x.example', 'wrong').finally(() => order.push('slow')),
      ),
    );
    // Resolves only while the event loop turns.
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(order.length).toBeLessThan(24);
    await other.accounts.verifyPassword('quick@x.example', password).finally(() => order.push('quick'));
    const results = codes(await attempts);
    // While some of the slow ones still waited.
    expect(order.indexOf('quick')).toBeLessThan(order.length - 1);
    // Two at once, sixteen that wait; others are told to come later.
    const refused = results.filter((code) => code === 'temporarily_unavailable').length;
    expect(results.filter((code) => code === 'done')).toHaveLength(24 - refused);
  });

  it.each([
    'Correct horse 1!',
    '$2b$04$KIXQf8R0r2fDkq1yUqTQ6eWvF9aG8mXw1l7oYbq8m3F8n0yq5Y5bC',
    '$2b$31$KIXQf8R0r2fDkq1yUqTQ6eWvF9aG8mXw1l7oYbq8m3F8n0yq5Y5bC',
    '$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g',
    '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g',
    `${passlib.replace('29000', '99999999')}aGFzaGhhc2hoYXNoaGFzaGhhc2g`,
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '$6$rounds=5000$salt$hash',
    '',
  ])('are refused in other forms and at other costs: %s', (text) => {
    expect(foreignHashProblem(text)).toEqual(expect.any(String));
  });
});
