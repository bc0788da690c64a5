import type { Slug } from '../kernel/ids.ts';
import { parseSlug } from '../kernel/slug.ts';

/**
 * The slug that a raw request target addresses (E6): its first path segment, or the one segment after an RFC 8414 well-known path. The match
 * is exact and case-sensitive on the bytes that were sent; nothing is decoded or normalised. A path with anything in it that two readers
 * could read differently (encoded bytes, dot segments, empty segments, backslashes, parameters) addresses no tenant.
 */
export function matchTenant(target: string): Slug | undefined {
  const [path = ''] = target.split('?', 1);
  if (!plainPath.test(path) || dotSegment.test(path)) {
    return undefined;
  }
  const wellKnown = wellKnownPath.exec(path);
  return parseSlug(wellKnown?.[1] ?? path.split('/', 2)[1] ?? '');
}

/** Unreserved characters only (RFC 3986, 2.3), which have one spelling each; no empty segment except a last one. */
const plainPath = /^(?:\/[A-Za-z0-9._~-]+)+\/?$/;

const dotSegment = /\/\.{1,2}(?:\/|$)/;

/** RFC 8414, 3.1: the well-known part goes before the issuer's path. */
const wellKnownPath = /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)\/([^/]+)$/;
