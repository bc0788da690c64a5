/**
 * What pages say, in the reader's language. Messages are ICU MessageFormat, one JSON file per area and language in `messages/`, all compiled once
 * when the process starts. A key is the area and the name: `sign-in.title`. A key that the English files do not have is a type error, and
 * so is a language that lacks one.
 */
import { IntlMessageFormat } from 'intl-messageformat';
import { escapeHtml } from '../escape-html.ts';
import { catalogues } from './catalogues.ts';
import { directionOf, type Locale, locales } from './locales.ts';

type English = (typeof catalogues)['en'];

export type MessageKey = {
  [Area in keyof English]: `${Area}.${keyof English[Area] & string}`;
}[keyof English];

export type MessageValues = Readonly<Record<string, string | number>>;

/** Something to say, in no language yet. */
export interface Message {
  key: MessageKey;
  values?: MessageValues;
}

export interface Texts {
  locale: Locale;
  direction: 'ltr' | 'rtl';
  /** Plain text: a view escapes it like any value. */
  t(key: MessageKey, values?: MessageValues): string;
  /**
   * HTML, for a message with tags: `<b>` is emphasised, `<code>` is code, `<a>` links to `link`. Every value is escaped, and isolated so that
   * its direction does not disturb the sentence.
   */
  html(key: MessageKey, values?: MessageValues, link?: string): string;
  say(message: Message): string;
  /** Date and time to the minute, in UTC, which it names. */
  time(at: Date): string;
}

/** The texts of a language; made once. */
export function createTexts(locale: Locale): Texts {
  return textsByLocale[locale];
}

/** Whether there is such a message: for keys that are made of something that others define, such as scopes. */
export function isMessageKey(key: string): key is MessageKey {
  return compiled.en.has(key as MessageKey);
}

const compiled = byLocale((locale) => {
  const messages = Object.entries(catalogues[locale]).flatMap(([area, texts]) =>
    Object.entries(texts).map(
      ([name, text]) => [`${area}.${name}` as MessageKey, new IntlMessageFormat(text, locale)] as const,
    ),
  );
  return new Map(messages);
});

const textsByLocale = byLocale((locale): Texts => {
  const direction = directionOf(locale);
  const timeFormat = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  });

  function format(key: MessageKey, values: Record<string, unknown>): string {
    const message = compiled[locale].get(key);
    if (message === undefined) {
      throw new Error(`there is no message ${key}`);
    }
    return String(message.format(values as Record<string, string>));
  }

  const t = (key: MessageKey, values: MessageValues = {}) =>
    format(key, direction === 'rtl' ? mapStrings(values, isolate) : values);

  return {
    locale,
    direction,
    t,
    html: (key, values = {}, link = '') =>
      format(key, {
        ...mapStrings(values, (text) => `<bdi>${escapeHtml(text)}</bdi>`),
        b: (parts: string[]) => `<strong>${parts.join('')}</strong>`,
        code: (parts: string[]) => `<code>${parts.join('')}</code>`,
        a: (parts: string[]) => `<a href="${escapeHtml(link)}">${parts.join('')}</a>`,
      }),
    say: ({ key, values }) => t(key, values),
    time: (at) => `${timeFormat.format(at)} UTC`,
  };
});

function byLocale<T>(make: (locale: Locale) => T): Readonly<Record<Locale, T>> {
  return Object.fromEntries(locales.map((locale) => [locale, make(locale)])) as Record<Locale, T>;
}

function mapStrings(values: MessageValues, change: (text: string) => string): MessageValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? change(value) : value]),
  );
}

/** FIRST STRONG ISOLATE … POP DIRECTIONAL ISOLATE (UAX #9): plain text's `<bdi>`. */
function isolate(text: string): string {
  return `\u2068${text}\u2069`;
}
