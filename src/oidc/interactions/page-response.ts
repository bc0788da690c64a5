import type { Context } from 'koa';

/** The few things that our pages, and the provider's own, need of a Koa context. */
type PageContext = Pick<Context, 'set' | 'status' | 'type' | 'body'>;

/**
 * Answers with a page that nobody caches or frames, and that runs no script unless `scripts` says that it loads some of our own; the host's
 * other security headers stay. `formTarget` is the address to which the answer to a form of this page
 * redirects in the end: Chrome applies `form-action` to the whole chain of redirects, so its origin must be allowed here.
 */
export function sendPage(
  context: PageContext,
  html: string,
  {
    status = 200,
    formTarget,
    scripts = false,
  }: { status?: number; formTarget?: string | undefined; scripts?: boolean } = {},
): void {
  const formSources = ["'self'", ...(formTarget === undefined ? [] : cspSourcesOf(formTarget))];
  context.set({
    'Content-Security-Policy': [
      "default-src 'none'",
      "style-src 'self'",
      "img-src 'self'",
      ...(scripts ? ["script-src 'self'"] : []),
      `form-action ${formSources.join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'Cache-Control': 'no-store',
  });
  context.status = status;
  context.type = 'text/html; charset=utf-8';
  context.body = html;
}

function cspSourcesOf(address: string): string[] {
  const url = URL.parse(address);
  if (!url) {
    return [];
  }
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  // CSP has no notation for IPv6 hosts (CSP Level 3 §2.3.1), and a native client's own scheme has no origin.
  return [isWeb && !url.hostname.startsWith('[') ? url.origin : url.protocol];
}
