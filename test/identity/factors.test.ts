import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  classOfMethods,
  combineMethods,
  methodsOfPasskey,
  multiFactor,
  phishingResistant,
  satisfies,
  singleFactor,
  strongerClass,
  weakestOffered,
} from '../../src/identity/authentication-level.ts';
import { queryFactorItems } from '../../src/identity/factor-items.ts';
import { hasSecondFactor, removalProblem } from '../../src/identity/factors.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import { totpCode } from '../support/totp-app.ts';
import { createFactorStores, type FactorStores } from './factor-stores.ts';

let stores: FactorStores;
let count = 0;
let ada: { id: AccountId; email: string; name: string };

beforeAll(async () => {
  stores = await createFactorStores();
});

beforeEach(() => {
  count += 1;
  ada = { id: `acc_${count}` as AccountId, email: 'ada@example.com', name: 'Ada' };
});

async function addTotp() {
  const { secret } = await stores.totpCodes.begin(ada, 't');
  await stores.totpCodes.confirm(ada.id, 't', totpCode(secret, stores.clock.now()));
}

async function addPasskey(): Promise<string> {
  const options = await stores.passkeys.registrationOptions(ada, 't');
  const answer = createSoftwareAuthenticator({ origin: 'https://id.example' }).create(options);
  return (await stores.passkeys.register(ada.id, 't', answer, 'Phone'))?.passkey.id ?? '';
}

describe('what an account has', () => {
  it('is nothing at first; recovery codes alone are no second factor', async () => {
    expect(await stores.factors.of(ada.id)).toEqual({
      passkeys: [],
      recoveryCodesLeft: 0,
      recoveryCodesSaved: false,
    });
    await stores.recoveryCodes.replace(ada.id);
    expect(hasSecondFactor(await stores.factors.of(ada.id))).toBe(false);
    await addTotp();
    expect(hasSecondFactor(await stores.factors.of(ada.id))).toBe(true);
  });

  it('loses its recovery codes with its last factor, not before', async () => {
    await addTotp();
    const passkeyId = await addPasskey();
    await stores.recoveryCodes.replace(ada.id);
    expect(await stores.factors.remove(ada.id, { totp: true })).toBe(true);
    expect(await stores.factors.remove(ada.id, { totp: true })).toBe(false);
    expect((await stores.factors.of(ada.id)).recoveryCodesLeft).toBe(10);
    expect(await stores.factors.remove('acc_eve', { passkeyId })).toBe(false);
    expect(await stores.factors.remove(ada.id, { passkeyId })).toBe(true);
    expect(await queryFactorItems(stores.table, ada.id)).toEqual([]);
  });

  it('is all gone after a reset, and that of nobody else', async () => {
    await addTotp();
    await addPasskey();
    await addPasskey();
    await stores.recoveryCodes.replace(ada.id);
    const reset = ada.id;
    ada = { ...ada, id: 'acc_bystander' as AccountId };
    await addPasskey();
    await stores.factors.reset(reset);
    expect(await queryFactorItems(stores.table, reset)).toEqual([]);
    expect((await stores.factors.of(ada.id)).passkeys).toHaveLength(1);
  });
});

describe('removing', () => {
  const passkey = { id: 'p1' } as never;
  const free = { isLastWayIn: false, secondFactorRequired: false };
  const required = { isLastWayIn: false, secondFactorRequired: true };
  const onlyWayIn = { isLastWayIn: true, secondFactorRequired: false };

  it.each([
    ['the only app', { totpSince: 'x', passkeys: [] }, { totp: true }, free, undefined],
    [
      'the only app where one is required',
      { totpSince: 'x', passkeys: [] },
      { totp: true },
      required,
      'required',
    ],
    [
      'the app beside a passkey',
      { totpSince: 'x', passkeys: [passkey] },
      { totp: true },
      required,
      undefined,
    ],
    [
      'a passkey beside the app',
      { totpSince: 'x', passkeys: [passkey] },
      { passkeyId: 'p1' },
      required,
      undefined,
    ],
    [
      'the only passkey where one is required',
      { passkeys: [passkey] },
      { passkeyId: 'p1' },
      required,
      'required',
    ],
    [
      'the only passkey where nothing else leads in',
      { totpSince: 'x', passkeys: [passkey] },
      { passkeyId: 'p1' },
      onlyWayIn,
      'only-way-in',
    ],
    [
      'the app of somebody without a password',
      { totpSince: 'x', passkeys: [] },
      { totp: true },
      free,
      undefined,
    ],
  ] as const)('%s', (_what, has, factor, account, problem) => {
    expect(removalProblem({ ...has, recoveryCodesLeft: 3, recoveryCodesSaved: true }, factor, account)).toBe(
      problem,
    );
  });
});

describe('authentication classes', () => {
  it.each([
    [['pwd'], singleFactor],
    [['fed'], singleFactor],
    [[], singleFactor],
    [['otp'], singleFactor],
    [['hwk', 'user'], singleFactor],
    [['otp', 'hwk', 'user'], singleFactor],
    [['pwd', 'otp'], multiFactor],
    [['fed', 'mfa'], multiFactor],
    [['pwd', 'hwk', 'user'], phishingResistant],
    [['swk', 'user', 'mfa'], phishingResistant],
  ])('%j amounts to %s', (amr, expected) => {
    expect(classOfMethods(amr)).toBe(expected);
  });

  it('says mfa when two kinds of factor were proved, and each method once', () => {
    expect(combineMethods(['pwd'], ['otp'])).toEqual(['pwd', 'otp', 'mfa']);
    expect(combineMethods(['pwd'], ['pwd'])).toEqual(['pwd']);
    expect(combineMethods(['swk', 'user', 'mfa'], ['pwd'])).toEqual(['swk', 'user', 'mfa', 'pwd']);
    expect(methodsOfPasskey({ synced: true, userVerified: true })).toEqual(['swk', 'user', 'mfa']);
    expect(methodsOfPasskey({ synced: false, userVerified: false })).toEqual(['hwk', 'user']);
  });

  it('lets the stronger stand for the weaker, and nothing for what is not offered', () => {
    expect(satisfies(phishingResistant, multiFactor)).toBe(true);
    expect(satisfies(multiFactor, phishingResistant)).toBe(false);
    expect(satisfies(undefined, singleFactor)).toBe(true);
    expect(satisfies(undefined, multiFactor)).toBe(false);
    expect(satisfies('gold', multiFactor)).toBe(false);
    expect(satisfies(phishingResistant, 'gold')).toBe(false);
    expect(strongerClass(singleFactor, multiFactor)).toBe(multiFactor);
    expect(strongerClass(phishingResistant, multiFactor)).toBe(phishingResistant);
    expect(weakestOffered([phishingResistant, 'gold', multiFactor])).toBe(multiFactor);
    expect(weakestOffered(['gold'])).toBeUndefined();
  });
});
