import { expect, it } from 'vitest';
import { chooseLocale } from '../../../src/web/i18n/choose-locale.ts';

it.each([
  [undefined, undefined, 'en'],
  ['de', 'ar', 'de'],
  ['fr-CA ar', 'de', 'ar'],
  ['DE-at', undefined, 'de'],
  ['fr', 'de', 'de'],
  [undefined, 'de-CH, en;q=0.8', 'de'],
  [undefined, 'fr, en;q=0.3, ar;q=0.7', 'ar'],
  [undefined, 'de;q=0, ar;q=0.1', 'ar'],
  [undefined, 'fr, *', 'en'],
  [undefined, 'de;q=x', 'en'],
  ['../../etc', ';;,=,q=', 'en'],
  [undefined, `${'fr,'.repeat(500)}de`, 'en'],
] as const)('ui_locales %j and Accept-Language %j: %s', (uiLocales, acceptLanguage, expected) => {
  expect(chooseLocale({ uiLocales, acceptLanguage, fallback: 'en' })).toBe(expected);
});

it('falls back to the tenant’s language', () => {
  expect(chooseLocale({ acceptLanguage: 'fr', fallback: 'ar' })).toBe('ar');
});
