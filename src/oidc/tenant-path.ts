/** What a request asks of a tenant. */
export interface TenantPath {
  /** The path and query as the provider's router wants them, beginning with `/`. */
  url: string;
  /** Only paths below `/<slug>` can be pages. */
  page: string | undefined;
}

const wellKnownNames = ['openid-configuration', 'oauth-authorization-server'];

/**
 * The request target seen from the tenant: what follows `/<slug>`, or the well-known document that RFC 8414 §3.1 puts before it. Compares the raw
 * text, without decoding. `undefined` when the target is not the tenant's.
 */
export function tenantPath(target: string, slug: string): TenantPath | undefined {
  const { path, query } = splitTarget(target);
  const prefix = `/${slug}`;
  if (path.startsWith(`${prefix}/`)) {
    const page = path.slice(prefix.length);
    return { url: page + query, page };
  }
  if (path === prefix) {
    return { url: `/${query}`, page: '/' };
  }
  for (const name of wellKnownNames) {
    const url = `/.well-known/${name}`;
    if (path === url + prefix) {
      return { url: url + query, page: undefined };
    }
  }
  return undefined;
}

function splitTarget(target: string): { path: string; query: string } {
  const end = target.indexOf('?');
  return end === -1 ? { path: target, query: '' } : { path: target.slice(0, end), query: target.slice(end) };
}
