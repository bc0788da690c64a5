import type { Context } from 'koa';
import { chooseLocale } from './i18n/choose-locale.ts';
import type { Locale } from './i18n/locales.ts';
import { createTexts, type Texts } from './i18n/texts.ts';

/** Whose page it is. Absent from pages that belong to no tenant, or must not tell that they do (E3). */
export interface Brand {
  /** The tenant's display name. */
  name: string;
  /** Paths of what the tenant brings along. */
  stylesheet?: string;
  logo?: string;
  /** Web addresses. */
  links?: { support?: string; privacy?: string; terms?: string };
}

/** What every page has besides its data: the reader's language, and the tenant's looks. */
export interface PageLook {
  texts: Texts;
  brand?: Brand;
}

/**
 * The look of an answer to this request. `uiLocales` is the authorization parameter; where there was no authorization request, the page's own
 * query may have it.
 */
export type LookFor = (context: LanguageContext, uiLocales?: unknown) => PageLook;

type LanguageContext = Pick<Context, 'query' | 'get'>;

/** `language` speaks to whoever asks for nothing that we have. */
export function createLookFor({ brand, language }: { brand?: Brand; language: Locale }): LookFor {
  return (context, uiLocales = context.query.ui_locales) => {
    const locale = chooseLocale({
      uiLocales: typeof uiLocales === 'string' ? uiLocales : undefined,
      acceptLanguage: context.get('Accept-Language'),
      fallback: language,
    });
    return { texts: createTexts(locale), ...(brand === undefined ? {} : { brand }) };
  };
}
