import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { queryFactorItems } from '../../src/identity/factor-items.ts';
import { createFactorStores, type FactorStores } from './factor-stores.ts';

let stores: FactorStores;
let count = 0;
let account: string;

beforeAll(async () => {
  stores = await createFactorStores();
});

beforeEach(() => {
  count += 1;
  account = `acc_${count}`;
});

const left = async () => (await stores.factors.of(account)).recoveryCodesLeft;

it('gives ten codes of eighty bits, of which each counts once', async () => {
  const { codes } = await stores.recoveryCodes.replace(account);
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) {
    expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
  }
  expect(await left()).toBe(10);
  expect(await stores.recoveryCodes.use(account, codes[3] ?? '')).toBe(true);
  expect(await stores.recoveryCodes.use(account, codes[3] ?? '')).toBe(false);
  expect(await left()).toBe(9);
  expect(await stores.recoveryCodes.use(account, codes[4] ?? '')).toBe(true);
});

it('is won by one of many who use a code at once', async () => {
  const {
    codes: [code = ''],
  } = await stores.recoveryCodes.replace(account);
  const results = await Promise.all(
    Array.from({ length: 12 }, () => stores.recoveryCodes.use(account, code)),
  );
  expect(results.filter(Boolean)).toHaveLength(1);
});

it('counts as saved when the person says so of this very set', async () => {
  const { setId } = await stores.recoveryCodes.replace(account);
  expect((await stores.factors.of(account)).recoveryCodesSaved).toBe(false);
  expect(await stores.recoveryCodes.noteSaved(account, setId)).toBe(true);
  expect((await stores.factors.of(account)).recoveryCodesSaved).toBe(true);
  await stores.recoveryCodes.replace(account);
  expect((await stores.factors.of(account)).recoveryCodesSaved).toBe(false);
  expect(await stores.recoveryCodes.noteSaved(account, setId)).toBe(false);
  expect(await stores.recoveryCodes.noteSaved('acc_nobody', setId)).toBe(false);
});

it('forgives how people type', async () => {
  const {
    codes: [code = '', other = ''],
  } = await stores.recoveryCodes.replace(account);
  const typed = code.toUpperCase().replace(/0/g, 'O').replace(/1/g, 'l').replace(/-/g, ' ');
  expect(await stores.recoveryCodes.use(account, `  ${typed} `)).toBe(true);
  expect(await stores.recoveryCodes.use(account, other.replace(/-/g, ''))).toBe(true);
});

it('lets new codes take the place of all former ones', async () => {
  const { codes: former } = await stores.recoveryCodes.replace(account);
  const { codes: present } = await stores.recoveryCodes.replace(account);
  expect(await stores.recoveryCodes.use(account, former[0] ?? '')).toBe(false);
  expect(await left()).toBe(10);
  expect(await stores.recoveryCodes.use(account, present[0] ?? '')).toBe(true);
  expect(await queryFactorItems(stores.table, account)).toHaveLength(10);
});

it('does not count codes whose replacement was cut off, nor lets them in', async () => {
  const { codes } = await stores.recoveryCodes.replace(account);
  const stray = { pk: `Account#${account}`, sk: 'factor#recovery-code#stray#digest' };
  await stores.table.put(stray);
  expect(await left()).toBe(10);
  await stores.recoveryCodes.replace(account);
  expect(await stores.table.get(stray)).toBeUndefined();
  expect(await stores.recoveryCodes.use(account, codes[0] ?? '')).toBe(false);
});

it('is nothing for another account or tenant', async () => {
  const {
    codes: [code = ''],
  } = await stores.recoveryCodes.replace(account);
  await stores.recoveryCodes.replace('acc_other');
  expect(await stores.recoveryCodes.use('acc_other', code)).toBe(false);
  const other = await createFactorStores();
  await other.recoveryCodes.replace(account);
  expect(await other.recoveryCodes.use(account, code)).toBe(false);
  expect(await stores.recoveryCodes.use(account, code)).toBe(true);
});

it('is stored as a hash only', async () => {
  const { codes } = await stores.recoveryCodes.replace(account);
  const stored = JSON.stringify(await queryFactorItems(stores.table, account));
  for (const code of codes) {
    expect(stored).not.toContain(code);
    expect(stored).not.toContain(code.replace(/-/g, ''));
  }
});

describe('what is no code', () => {
  it.each([
    '',
    'x',
    'uuuu-uuuu-uuuu-uuuu',
    '0000-0000-0000-0000-0',
    `${'0'.repeat(16)}#`,
    'z'.repeat(100_000),
  ])('refuses %.30j', async (text) => {
    await stores.recoveryCodes.replace(account);
    expect(await stores.recoveryCodes.use(account, text)).toBe(false);
  });

  it('refuses all once they are removed', async () => {
    const {
      codes: [code = ''],
    } = await stores.recoveryCodes.replace(account);
    await stores.recoveryCodes.remove(account);
    expect(await stores.recoveryCodes.use(account, code)).toBe(false);
    expect(await queryFactorItems(stores.table, account)).toEqual([]);
  });
});
