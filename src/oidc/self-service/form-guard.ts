import { createHmac } from 'node:crypto';
import type { Context } from 'koa';
import { type Random, randomId } from '../../kernel/random.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';

/** CSRF tokens for forms of people who are not signed in and follow no link: bound to the browser by a cookie that says nothing. */
export interface FormGuard {
  /** The token for a form on the page that is being answered; sets the cookie when the browser has none. */
  token(context: FormContext, form: string): string;
  isToken(context: FormContext, form: string, given: string | undefined): boolean;
}

type FormContext = Pick<Context, 'get' | 'append'>;

const cookieName = 'form';
const cookiePattern = /(?:^|;\s*)form=([A-Za-z0-9_-]{22})(?=;|$)/;

export function createFormGuard({
  path,
  secure,
  cookieKeys,
  random,
}: {
  /** `/<slug>`. */
  path: string;
  /** Whether the public URL is https. */
  secure: boolean;
  /** The first signs, all verify. */
  cookieKeys: readonly string[];
  random: Random;
}): FormGuard {
  /** Somebody who plants a cookie of their own cannot make tokens for it. */
  function secretOf(browser: string, cookieKey: string): string {
    const key = createHmac('sha256', cookieKey).update('form-guard').digest();
    return createHmac('sha256', key).update(`${path} ${browser}`).digest('base64url');
  }

  const browserOf = (context: FormContext) => cookiePattern.exec(context.get('cookie'))?.[1];

  return {
    token(context, form) {
      const known = browserOf(context);
      const browser = known ?? randomId(random);
      if (known === undefined) {
        const attributes = `Path=${path}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
        context.append('Set-Cookie', `${cookieName}=${browser}; ${attributes}`);
      }
      return csrfToken(secretOf(browser, cookieKeys[0] ?? ''), form);
    },
    isToken(context, form, given) {
      const browser = browserOf(context);
      return (
        browser !== undefined && cookieKeys.some((key) => isCsrfToken(secretOf(browser, key), form, given))
      );
    },
  };
}
