/** The languages of the pages and mails. Each has a file of every area in `messages/`. */
export const locales = ['en', 'de', 'ar'] as const;

export type Locale = (typeof locales)[number];

export const defaultLocale: Locale = 'en';

const rightToLeft: readonly Locale[] = ['ar'];

/** For the attribute `dir` of a document. */
export function directionOf(locale: Locale): 'ltr' | 'rtl' {
  return rightToLeft.includes(locale) ? 'rtl' : 'ltr';
}

/** The language of ours that a tag (RFC 5646) asks for: `de` for `de-AT`. */
export function localeOfTag(tag: string): Locale | undefined {
  const language = tag.split('-', 1)[0]?.toLowerCase();
  return locales.find((locale) => locale === language);
}
