import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tables } from '../../src/cloud/tables/port.ts';
import { createFederatedIdentities, identityFingerprint } from '../../src/identity/federated-identities.ts';
import { createFederatedSignIn } from '../../src/identity/federated-sign-in.ts';
import { openPeople } from '../../src/identity/people.ts';
import type { SignInSource } from '../../src/identity/sign-in-source.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createTenantTable } from './identity-table.ts';

let tables: Tables;
let name: string;
let people: ReturnType<typeof openPeople>;
let identities: ReturnType<typeof createFederatedIdentities>;
beforeAll(async () => {
  const made = await createTenantTable();
  ({ tables, name } = made);
  const stores = { table: made.table, clock: systemClock, random: systemRandom };
  people = openPeople(stores);
  identities = createFederatedIdentities(stores);
});
afterAll(() => tables.delete(name));

const source: SignInSource = {
  id: 'src_aaaaaaaaaaaaaaaaaaaaaa',
  kind: 'openid',
  name: 'Corp',
  hasSecret: true,
  version: '1',
  createdAt: '',
  updatedAt: '',
};

let count = 0;
function arrivalOf(changes: Partial<{ email: string; emailVerified: boolean; subject: string }> = {}) {
  count += 1;
  const person = {
    subject: `subject-${count}`,
    email: `person${count}@corp.example`,
    emailVerified: true,
    name: 'Ada',
    groups: [],
    methods: ['fed'],
    provedAt: undefined,
    ...changes,
  };
  return { source, applicationTenantId: 'default', person };
}
const identityOf = ({ person: { subject } }: ReturnType<typeof arrivalOf>) => ({
  sourceId: source.id,
  applicationTenantId: 'default',
  subject,
});

/** With another request that runs as a whole at one of the looks of this one. */
function signInWith(atLook: (look: string) => Promise<void>) {
  return createFederatedSignIn({
    accounts: {
      ...people.accounts,
      async get(id) {
        await atLook('get');
        return people.accounts.get(id);
      },
      async findByEmail(...key) {
        await atLook('findByEmail');
        return people.accounts.findByEmail(...key);
      },
      async create(account) {
        await atLook('create');
        return people.accounts.create(account);
      },
    },
    identities: {
      ...identities,
      async begin(...given) {
        await atLook('begin');
        return identities.begin(...given);
      },
    },
    applicationTenants: people.applicationTenants,
    random: systemRandom,
  });
}
const signIn = () => signInWith(async () => {});

it.each(['findByEmail', 'begin', 'create'])(
  'of two requests of one newcomer both get the same account, wherever they meet: %s',
  async (place) => {
    const arrival = arrivalOf();
    let other: unknown;
    const outcome = await signInWith(async (look) => {
      if (look === place && other === undefined) {
        other = 'running';
        other = await signIn().enter(arrival);
      }
    }).enter(arrival);
    expect(outcome).toMatchObject({ kind: 'account' });
    expect(other).toMatchObject({ kind: 'account' });
    const account = await people.accounts.findByEmail('default', arrival.person.email);
    expect(await identities.find(identityOf(arrival))).toEqual({ accountId: account?.id, state: 'created' });
    expect(await signIn().enter(arrival)).toMatchObject({ kind: 'account', account: { id: account?.id } });
  },
);

it('completes what a request that was cut off has begun, before and after the account was made', async () => {
  const begun = arrivalOf();
  const id = await identities.begin(identityOf(begun), 'acc_begun-before');
  expect(await signIn().enter(begun)).toMatchObject({ kind: 'account', account: { id } });

  const made = arrivalOf();
  const madeId = await identities.begin(identityOf(made), 'acc_begun-after');
  const madeFor = identityFingerprint(identityOf(made));
  await people.accounts.create({ id: madeId, madeFor, email: made.person.email, name: 'Ada', roles: [] });
  expect(await signIn().enter(made)).toMatchObject({ kind: 'account', account: { id: madeId } });
  expect(await identities.find(identityOf(made))).toEqual({ accountId: madeId, state: 'created' });
  expect(await identities.listOf(madeId)).toHaveLength(1);
});

it('gives an address that somebody takes in between to whoever took it', async () => {
  const arrival = arrivalOf();
  const { email } = arrival.person;
  const outcome = await signInWith(async (look) => {
    if (look === 'create' && !(await people.accounts.findByEmail('default', email))) {
      await people.accounts.create({ email, name: 'First', roles: [], emailVerified: true });
    }
  }).enter(arrival);
  expect(outcome).toMatchObject({ kind: 'prove', account: { name: 'First' } });
  expect(await identities.find(identityOf(arrival))).toBeUndefined();
});

it('links an identity to one account, whoever comes second', async () => {
  const arrival = arrivalOf();
  const [one, two] = await Promise.all(
    ['one', 'two'].map((part) =>
      people.accounts.create({ email: `${part}@link.example`, name: part, roles: [], emailVerified: true }),
    ),
  );
  if (!one || !two) throw new Error('no accounts');
  const identity = identityOf(arrival);
  const results = await Promise.all([one, two].map((each) => signIn().link(identity, each, each.email)));
  expect(results.filter(Boolean)).toHaveLength(1);
  const winner = results[0] ? one : two;
  expect(await identities.find(identity)).toEqual({ accountId: winner.id, state: 'linked' });
  expect(await identities.listOf(results[0] ? two.id : one.id)).toEqual([]);
});

it('is not somebody else who signs up with an address that a request which was cut off had claimed', async () => {
  const arrival = arrivalOf();
  const { email } = arrival.person;
  await identities.begin(identityOf(arrival), 'acc_cut-off');
  const owner = await people.accounts.create({
    id: 'acc_cut-off',
    email,
    name: 'Owner',
    roles: [],
    emailVerified: true,
  });
  expect(await signIn().enter(arrival)).toMatchObject({ kind: 'prove', account: { id: owner.id } });
  expect(await identities.find(identityOf(arrival))).toBeUndefined();
});

it('can be linked again once the account that it was linked to is gone', async () => {
  const arrival = arrivalOf();
  const first = await signIn().enter(arrival);
  if (first.kind !== 'account') throw new Error('no account');
  await people.accounts.remove(first.account.id);
  const { email } = arrival.person;
  const next = await people.accounts.create({ email, name: 'Next', roles: [], emailVerified: true });
  expect(await signIn().enter(arrival)).toMatchObject({ kind: 'prove', account: { id: next.id } });
  expect(await signIn().link(identityOf(arrival), next, email)).toBe(true);
  expect(await signIn().enter(arrival)).toMatchObject({ kind: 'account', account: { id: next.id } });
});
