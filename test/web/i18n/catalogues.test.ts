import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import { adminScopes } from '../../../src/identity/admin-scopes.ts';
import { catalogues } from '../../../src/web/i18n/catalogues.ts';
import { locales } from '../../../src/web/i18n/locales.ts';
import { createTexts, isMessageKey, type MessageKey } from '../../../src/web/i18n/texts.ts';

type Ast = ReturnType<IntlMessageFormat['getAst']>;

/** Every argument and tag of a message, whatever branch of a plural it stands in. */
function placeholders(ast: Ast): string[] {
  return ast.flatMap((element) => {
    const own = 'value' in element && element.type !== 0 ? [`${element.value}`] : [];
    const branches =
      'options' in element ? Object.values(element.options).flatMap(({ value }) => placeholders(value)) : [];
    const children = 'children' in element ? placeholders(element.children) : [];
    return [...own, ...branches, ...children];
  });
}

const messages = locales.flatMap((locale) =>
  Object.entries(catalogues[locale]).flatMap(([area, texts]) =>
    Object.entries(texts).map(([name, text]) => ({ locale, key: `${area}.${name}` as MessageKey, text })),
  ),
);
const keysOf = (wanted: string) => messages.filter(({ locale }) => locale === wanted).map(({ key }) => key);
const english = new Map(
  messages.filter(({ locale }) => locale === 'en').map(({ key, text }) => [key, text] as const),
);

describe.each(locales)('the catalogue %s', (locale) => {
  const own = messages.filter((message) => message.locale === locale);

  it('has exactly the keys of the English one', () => {
    expect(keysOf(locale).sort()).toEqual(keysOf('en').sort());
  });

  it('has the placeholders of the English one in every message', () => {
    for (const { key, text } of own) {
      const names = (message: string) =>
        [...new Set(placeholders(new IntlMessageFormat(message, 'en').getAst()))].sort();
      expect(names(text), key).toEqual(names(english.get(key) ?? ''));
    }
  });

  it('has no markup but the tags that mean something, and no empty text', () => {
    for (const { key, text } of own) {
      expect(text.trim(), key).toBe(text);
      expect(text, key).not.toBe('');
      expect(text.replaceAll(/<\/?(?:b|a|code)>/g, ''), key).not.toMatch(/[<>&]/);
    }
  });

  it('says every plural of its language', () => {
    const categories = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    for (const { key, text } of own) {
      for (const [, branches = ''] of text.matchAll(/plural,((?:[^{}]|\{[^{}]*\})*)\}/g)) {
        // Arabic's `zero` is what `other` says, too.
        for (const category of categories.filter((name) => name !== 'zero')) {
          expect(branches, `${key} ${category}`).toContain(`${category} {`);
        }
      }
    }
  });
});

it('are translated, not copied', () => {
  const sentences = messages.filter(({ locale, text }) => locale !== 'en' && text.includes(' '));
  for (const { locale, key, text } of sentences) {
    expect(text, `${locale} ${key}`).not.toBe(english.get(key));
  }
});

describe('texts', () => {
  it('escape and isolate values in HTML, also between tags', () => {
    const hostile = `<img src=x onerror="alert('1')">&`;
    expect(createTexts('en').html('sign-in.lead', { client: hostile })).toBe(
      'to continue to <strong><bdi>&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</bdi></strong>',
    );
    expect(createTexts('ar').html('sign-in.lead', { client: '<b>{x}</b>' })).toContain(
      '<bdi>&lt;b&gt;{x}&lt;/b&gt;</bdi>',
    );
  });

  it('escape the address of a link', () => {
    expect(createTexts('de').html('home.owners', {}, 'https://x.example/"><i>')).toContain(
      'href="https://x.example/&quot;&gt;&lt;i&gt;"',
    );
  });

  it('isolate a value in plain text that runs the other way', () => {
    expect(createTexts('ar').t('invitation.lead', { tenant: 'Acme' })).toContain('\u2068Acme\u2069');
    expect(createTexts('en').t('invitation.lead', { tenant: 'Acme' })).toContain('to Acme.');
  });

  it('count by the rules of the language', () => {
    const say = (locale: 'en' | 'ar', count: number) =>
      createTexts(locale).t('password.rule-length', { count });
    expect(say('en', 1)).toBe('at least 1 character');
    expect(say('en', 12)).toBe('at least 12 characters');
    expect(new Set([1, 2, 3, 11, 100].map((count) => say('ar', count).replaceAll(/\d/g, '#'))).size).toBe(5);
  });

  it('refuse to say half a sentence', () => {
    expect(() => createTexts('en').t('invitation.lead')).toThrow('tenant');
  });
});

it('say in words what every scope of the admin API lets somebody do', () => {
  const unsaid = adminScopes.filter((scope) => !isMessageKey(`scopes.${scope}`));
  expect(unsaid).toEqual([]);
});
