import type { Context, Middleware } from 'koa';
import { AppError } from '../kernel/errors.ts';

/**
 * Lets only requests through that were sent to the public URL's host; everything else is `421 misdirected_request`. Links, issuers and
 * cookies all hang on that host, so a request that names another must not reach any of them. A request target in absolute form
 * (RFC 9112, 3.2.2) must name the same origin and is turned into origin form, byte for byte; paths are never normalised here.
 */
export function checkHost({ publicUrl }: { publicUrl: URL }): Middleware {
  const hosts = acceptedHosts(publicUrl);
  return async (context, next) => {
    // Node keeps the first of several Host headers, a proxy in front may have looked at the last.
    const [host, ...others] = context.req.headersDistinct.host ?? [];
    if (host === undefined || others.length > 0 || !hosts.has(host.toLowerCase())) {
      throw misdirected(publicUrl);
    }
    const target = context.req.url ?? '';
    if (!target.startsWith('/')) {
      rewriteTarget(context, originForm(target, publicUrl, hosts));
    }
    await next();
  };
}

/** The host as it is, and with the scheme's default port written out when the public URL has none. */
function acceptedHosts(publicUrl: URL): ReadonlySet<string> {
  const hosts = new Set([publicUrl.host]);
  if (publicUrl.port === '') {
    hosts.add(`${publicUrl.host}:${publicUrl.protocol === 'https:' ? 443 : 80}`);
  }
  return hosts;
}

const absoluteForm = /^([a-z][a-z0-9+.-]*:)\/\/([^/?#]*)(.*)$/i;

function originForm(target: string, publicUrl: URL, hosts: ReadonlySet<string>): string {
  const [, scheme = '', authority = '', rest = ''] = absoluteForm.exec(target) ?? [];
  if (scheme.toLowerCase() !== publicUrl.protocol || !hosts.has(authority.toLowerCase())) {
    throw misdirected(publicUrl);
  }
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function rewriteTarget(context: Context, target: string): void {
  context.req.url = target;
  context.originalUrl = target;
  context.request.originalUrl = target;
}

function misdirected(publicUrl: URL): AppError {
  return new AppError('misdirected_request', `This server answers at ${publicUrl.origin} only.`);
}
