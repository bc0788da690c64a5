import type { Context } from 'koa';
import type { ErrorCode } from '../kernel/errors.ts';
import { defaultLocale } from './i18n/locales.ts';
import type { MessageKey } from './i18n/texts.ts';
import { createLookFor } from './page-look.ts';
import type { ErrorPage } from './problem.ts';
import type { Render } from './render.ts';

/** The pages that belong to no tenant. They are the same for everybody who speaks a language, whatever tenant was asked for (E3). */
export function createHostPages({ render, publicUrl }: { render: Render; publicUrl: URL }): {
  home: (context: Context) => string;
  error: ErrorPage;
} {
  const lookFor = createLookFor({ language: defaultLocale });
  const platformDiscovery = `${publicUrl.origin}/platform/.well-known/openid-configuration`;
  return {
    home: (context) => render('home', { platformDiscovery }, lookFor(context)),
    error({ status, code, requestId }, context) {
      const look = lookFor(context);
      if (status === 404) {
        return render('not-found', {}, look);
      }
      const { t } = look.texts;
      const failure = status >= 500 ? 'ours' : (ownWords[code] ?? 'refused');
      const details = [
        { term: t('failure.error'), text: code },
        { term: t('failure.reference'), text: requestId },
      ];
      return render(
        'message',
        { title: t(`failure.${failure}-title`), text: t(`failure.${failure}`), details },
        look,
      );
    },
  };
}

type Failure =
  Extract<MessageKey, `failure.${string}-title`> extends `failure.${infer Name}-title` ? Name : never;

const ownWords: Partial<Record<ErrorCode, Failure>> = { rate_limited: 'rate-limited' };
