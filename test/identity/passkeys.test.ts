import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { challengeSeconds } from '../../src/identity/challenges.ts';
import { maxPasskeys, passkeyName } from '../../src/identity/passkeys.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { createSoftwareAuthenticator, type Misbehaviour } from '../support/software-authenticator.ts';
import { createFactorStores, type FactorStores } from './factor-stores.ts';

const origin = 'https://id.example';
let acme: FactorStores;
let globex: FactorStores;
let count = 0;
let ada: { id: AccountId; email: string; name: string };

beforeAll(async () => {
  acme = await createFactorStores();
  globex = await createFactorStores({ clock: acme.clock });
});

beforeEach(() => {
  count += 1;
  ada = { id: `acc_ada${count}` as AccountId, email: 'ada@example.com', name: 'Ada' };
});

async function register(
  authenticator: ReturnType<typeof createSoftwareAuthenticator>,
  { stores = acme, account = ada, wrong = {} as Misbehaviour } = {},
) {
  const options = await stores.passkeys.registrationOptions(account, 'ticket');
  return stores.passkeys.register(account.id, 'ticket', authenticator.create(options, wrong), 'Phone');
}

describe('registration', () => {
  it('asks for a discoverable credential of this account, whose chooser entry names the tenant', async () => {
    const options = await acme.passkeys.registrationOptions(ada, 'ticket');
    expect(options).toMatchObject({
      rp: { id: 'id.example', name: 'Acme' },
      user: {
        id: Buffer.from(ada.id).toString('base64url'),
        name: 'ada@example.com',
        displayName: 'Ada (Acme)',
      },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      excludeCredentials: [],
    });
    expect(options.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-8, -7, -257]);
  });

  it('keeps what later checks need', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    const proof = await register(authenticator);
    expect(proof).toMatchObject({
      userVerified: true,
      passkey: {
        accountId: ada.id,
        counter: 0,
        name: 'Phone',
        synced: true,
        backedUp: true,
        transports: ['hybrid', 'internal'],
        createdAt: new Date(acme.clock.now()).toISOString(),
      },
    });
    expect(await acme.passkeyRecords.list(ada.id)).toEqual([proof?.passkey]);
    const again = await acme.passkeys.registrationOptions(ada, 'ticket');
    expect(again.excludeCredentials?.map(({ id }) => id)).toEqual(
      authenticator.credentials.map(({ id }) => id),
    );
    const bound = await register(createSoftwareAuthenticator({ origin, synced: false, userVerified: false }));
    expect(bound).toMatchObject({ userVerified: false, passkey: { synced: false, backedUp: false } });
  });

  it.each<[string, Misbehaviour]>([
    ['another origin', { origin: 'https://id.example.evil.example' }],
    ['another port', { origin: 'https://id.example:8443' }],
    ['plain http', { origin: 'http://id.example' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['another challenge', { challenge: Buffer.alloc(54, 7).toString('base64url') }],
    ['a sign-in’s answer', { type: 'webauthn.get' }],
    ['nobody present', { userPresent: false }],
  ])('refuses %s', async (_what, wrong) => {
    expect(await register(createSoftwareAuthenticator({ origin }), { wrong })).toBeUndefined();
    expect(await acme.passkeyRecords.list(ada.id)).toEqual([]);
  });

  it('takes a challenge once, in time, from the browser and for the account it was given to', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    const options = await acme.passkeys.registrationOptions(ada, 'ticket');
    const answer = () => authenticator.create(options);
    expect(await acme.passkeys.register('acc_eve', 'ticket', answer(), 'x')).toBeUndefined();
    expect(await acme.passkeys.register(ada.id, 'other ticket', answer(), 'x')).toBeUndefined();
    expect(await globex.passkeys.register(ada.id, 'wrong ticket', answer(), 'x')).toBeUndefined();
    expect(await acme.passkeys.register(ada.id, 'ticket', answer(), 'x')).toBeDefined();
    expect(await acme.passkeys.register(ada.id, 'ticket', answer(), 'x')).toBeUndefined();

    const late = await acme.passkeys.registrationOptions(ada, 'ticket');
    acme.clock.advance(challengeSeconds * 1000);
    const lateAnswer = createSoftwareAuthenticator({ origin }).create(late);
    expect(await acme.passkeys.register(ada.id, 'ticket', lateAnswer, 'x')).toBeUndefined();
  });

  it('refuses a credential that somebody has registered', async () => {
    const options = await acme.passkeys.registrationOptions(ada, 'ticket');
    const answer = createSoftwareAuthenticator({ origin }).create(options);
    const proof = await acme.passkeys.register(ada.id, 'ticket', answer, 'x');
    const { id: _id, createdAt: _createdAt, ...passkey } = proof?.passkey ?? ({} as never);
    for (const accountId of [ada.id, 'acc_eve']) {
      await expect(acme.passkeyRecords.add({ ...passkey, accountId })).rejects.toMatchObject({
        code: 'conflict',
      });
    }
    expect(await acme.passkeyRecords.list('acc_eve')).toEqual([]);
  });

  it('completes what a cut-off registration began, for the same account only', async () => {
    const proof = await register(createSoftwareAuthenticator({ origin }));
    const { id, createdAt: _createdAt, ...passkey } = proof?.passkey ?? ({} as never);
    await acme.table.delete({ pk: `Account#${ada.id}`, sk: `factor#passkey#${id}` });
    await expect(acme.passkeyRecords.add({ ...passkey, accountId: 'acc_eve' })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await acme.passkeyRecords.add(passkey)).toMatchObject({ id });
  });

  it('ends at a number', async () => {
    for (let index = 0; index < maxPasskeys; index += 1) {
      await register(createSoftwareAuthenticator({ origin }));
    }
    await expect(acme.passkeys.registrationOptions(ada, 'ticket')).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"id":1,"response":{}}',
    '{"id":"a"}',
    '{"id":"a","response":null}',
    '{',
  ])('refuses %j', async (text) => {
    expect(await acme.passkeys.register(ada.id, 'ticket', text, 'x')).toBeUndefined();
    expect(await acme.passkeys.signIn('ticket', text)).toBeUndefined();
    expect(await acme.passkeys.verifySecondFactor(ada.id, 'ticket', text)).toBeUndefined();
  });

  it('takes a name of one line', () => {
    expect(passkeyName(' My\u0000\n  phone\u202e ')).toBe('My phone');
    expect(passkeyName('\u200b \t')).toBe('Passkey');
    expect(passkeyName('😀'.repeat(100))).toBe('😀'.repeat(60));
  });
});

describe('as the first factor', () => {
  it('tells whose passkey signed, without asking who it is', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const options = await acme.passkeys.signInOptions('ticket');
    expect(options).toMatchObject({ rpId: 'id.example', userVerification: 'required' });
    expect(options.allowCredentials).toBeUndefined();
    const proof = await acme.passkeys.signIn('ticket', authenticator.get(options));
    expect(proof).toMatchObject({ userVerified: true, passkey: { accountId: ada.id } });
    const [stored] = await acme.passkeyRecords.list(ada.id);
    expect(stored?.lastUsedAt).toBe(new Date(acme.clock.now()).toISOString());
  });

  it.each<[string, Misbehaviour]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['another challenge', { challenge: Buffer.alloc(54, 7).toString('base64url') }],
    ['a registration’s answer', { type: 'webauthn.create' }],
    ['nobody present', { userPresent: false }],
    ['a user who was not verified', { userVerified: false }],
    ['another account’s handle', { userHandle: Buffer.from('acc_eve').toString('base64url') }],
    ['no handle', { userHandle: undefined }],
    ['a signature of something else', { signature: Buffer.alloc(70, 1) }],
  ])('refuses %s', async (_what, wrong) => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const answer = authenticator.get(await acme.passkeys.signInOptions('ticket'), wrong);
    expect(await acme.passkeys.signIn('ticket', answer)).toBeUndefined();
  });

  it('takes an answer once, also when it is sent many times at once', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const answer = authenticator.get(await acme.passkeys.signInOptions('ticket'));
    const results = await Promise.all(
      Array.from({ length: 8 }, () => acme.passkeys.signIn('ticket', answer)),
    );
    expect(results.filter((proof) => proof !== undefined)).toHaveLength(1);
    expect(await acme.passkeys.signIn('ticket', answer)).toBeUndefined();
  });

  it('takes no challenge of another browser, another purpose, or too late', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const options = await acme.passkeys.signInOptions('ticket');
    expect(await acme.passkeys.signIn('other ticket', authenticator.get(options))).toBeUndefined();
    const answer = authenticator.get(options);
    expect(await acme.passkeys.verifySecondFactor(ada.id, 'ticket', answer)).toBeUndefined();
    const second = await acme.passkeys.secondFactorOptions(ada.id, 'ticket');
    expect(await acme.passkeys.signIn('ticket', authenticator.get(second))).toBeUndefined();
    acme.clock.advance(challengeSeconds * 1000);
    expect(await acme.passkeys.signIn('ticket', answer)).toBeUndefined();
  });

  it('refuses a passkey of one tenant at another, although they share a host', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const options = await globex.passkeys.signInOptions('ticket');
    expect(await globex.passkeys.signIn('ticket', authenticator.get(options))).toBeUndefined();
    expect(
      await globex.passkeys.verifySecondFactor(ada.id, 'ticket', authenticator.get(options)),
    ).toBeUndefined();
    const answer = authenticator.get(await globex.passkeys.signInOptions('globex secret'));
    expect(await acme.passkeys.signIn('acme secret', answer)).toBeUndefined();
  });

  it('refuses a removed passkey, and knows the credential again afterwards', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    const id = (await register(authenticator))?.passkey.id ?? '';
    expect(await acme.passkeyRecords.remove('acc_eve', id)).toBe(false);
    expect(await acme.passkeyRecords.remove(ada.id, id)).toBe(true);
    expect(await acme.passkeyRecords.remove(ada.id, id)).toBe(false);
    const options = await acme.passkeys.signInOptions('ticket');
    expect(await acme.passkeys.signIn('ticket', authenticator.get(options))).toBeUndefined();
  });
});

describe('the signature counter', () => {
  it('must grow, so that a copied authenticator is noticed', async () => {
    const authenticator = createSoftwareAuthenticator({ origin, counts: true });
    await register(authenticator);
    const use = async (wrong: Misbehaviour = {}) =>
      acme.passkeys.signIn('ticket', authenticator.get(await acme.passkeys.signInOptions('ticket'), wrong));
    expect((await use())?.passkey.counter).toBe(1);
    expect((await use())?.passkey.counter).toBe(2);
    expect(await use({ counter: 2 })).toBeUndefined();
    expect(await use({ counter: 1 })).toBeUndefined();
    expect(await use({ counter: 0 })).toBeUndefined();
    expect((await use({ counter: 9 }))?.passkey.counter).toBe(9);
  });

  it('lets one of two through that were signed with the same count', async () => {
    const authenticator = createSoftwareAuthenticator({ origin, counts: true });
    await register(authenticator);
    const answers = await Promise.all(
      [1, 2, 3].map(async () =>
        authenticator.get(await acme.passkeys.signInOptions('ticket'), { counter: 5 }),
      ),
    );
    const results = await Promise.all(answers.map((answer) => acme.passkeys.signIn('ticket', answer)));
    expect(results.filter((proof) => proof !== undefined)).toHaveLength(1);
  });
});

describe('as the second factor', () => {
  it('is one of the account’s, with or without user verification', async () => {
    const authenticator = createSoftwareAuthenticator({ origin, userVerified: false });
    await register(authenticator);
    const options = await acme.passkeys.secondFactorOptions(ada.id, 'ticket');
    expect(options.allowCredentials?.map(({ id }) => id)).toEqual(
      authenticator.credentials.map(({ id }) => id),
    );
    const answer = authenticator.get(options, { userHandle: undefined });
    expect(await acme.passkeys.verifySecondFactor(ada.id, 'ticket', answer)).toMatchObject({
      userVerified: false,
    });
  });

  it('refuses the passkey of another account', async () => {
    const authenticator = createSoftwareAuthenticator({ origin });
    await register(authenticator);
    const eve = { ...ada, id: 'acc_eve' as AccountId };
    const options = { ...(await acme.passkeys.secondFactorOptions(eve.id, 'ticket')), allowCredentials: [] };
    expect(
      await acme.passkeys.verifySecondFactor(eve.id, 'ticket', authenticator.get(options)),
    ).toBeUndefined();
    const ownOptions = await acme.passkeys.secondFactorOptions(ada.id, 'ticket');
    const withEvesHandle = authenticator.get(ownOptions, {
      userHandle: Buffer.from(eve.id).toString('base64url'),
    });
    expect(await acme.passkeys.verifySecondFactor(ada.id, 'ticket', withEvesHandle)).toBeUndefined();
  });
});
