import type { Middleware } from 'koa';

/**
 * Nothing may run, nobody may frame, and only our own styles and images load. There is no `form-action` here: it does not fall back to
 * `default-src`, and the provider's `form_post` pages post to a client. `script-src` is named because the provider adds the hash of such
 * a page's only script to it. Pages with forms set a policy of their own.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const oneYearSeconds = 31_536_000;

/** Sets the headers that every answer carries; what runs below may replace them. `no-store` is the default, to be lifted where it is safe. */
export function setSecurityHeaders({ publicUrl }: { publicUrl: URL }): Middleware {
  const headers: Record<string, string> = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': contentSecurityPolicy,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  };
  if (publicUrl.protocol === 'https:') {
    headers['Strict-Transport-Security'] = `max-age=${oneYearSeconds}`;
  }
  return async (context, next) => {
    context.set(headers);
    await next();
  };
}
