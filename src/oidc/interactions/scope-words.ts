import { isMessageKey, type Texts } from '../../web/i18n/texts.ts';

/** What a scope lets an application do, in words for the person who allows it; an unknown scope speaks for itself. */
export function scopeInWords({ t }: Pick<Texts, 't'>, scope: string): string {
  const key = `scopes.${scope}`;
  return isMessageKey(key) && scope !== 'other' ? t(key) : t('scopes.other', { scope });
}
