import { type Locale, localeOfTag } from './locales.ts';

/** More than anybody speaks; what follows is not looked at. */
const maxTags = 20;

/**
 * The language to speak: what the application asks for (`ui_locales`, OpenID Connect Core §3.1.2.1: tags in order, separated by spaces), else what
 * the browser asks for (RFC 9110 §12.5.4), else `fallback`. What we do not speak is passed over.
 */
export function chooseLocale({
  uiLocales,
  acceptLanguage,
  fallback,
}: {
  uiLocales?: string | undefined;
  acceptLanguage?: string | undefined;
  fallback: Locale;
}): Locale {
  const wanted = [...(uiLocales ?? '').split(' ').slice(0, maxTags), ...tagsByWeight(acceptLanguage ?? '')];
  for (const tag of wanted) {
    const locale = localeOfTag(tag);
    if (locale !== undefined) {
      return locale;
    }
  }
  return fallback;
}

function tagsByWeight(header: string): string[] {
  return header
    .split(',')
    .slice(0, maxTags)
    .map((entry) => {
      const [tag = '', ...parameters] = entry.split(';').map((part) => part.trim());
      const weight = parameters.find((parameter) => /^q=/i.test(parameter));
      return { tag, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
