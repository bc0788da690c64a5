import type { Context, Middleware } from 'koa';
import { nameRoute } from '../web/access-log.ts';
import { matchTenant } from './match-tenant.ts';
import type { TenantPool } from './tenant-pool.ts';

/**
 * Hands a request to the tenant that its path addresses and keeps the tenant until the answer is out. Whatever addresses no active tenant is
 * left to the next middleware, which cannot tell an unknown tenant from a suspended one (E3).
 */
export function createTenantHost({ pool }: { pool: Pick<TenantPool, 'lease'> }): Middleware {
  return async (context, next) => {
    const target = context.req.url ?? '';
    const slug = matchTenant(target);
    const lease = slug && (await pool.lease(slug));
    if (!lease) {
      return next();
    }
    nameRoute(context, routeOf(target), slug);
    try {
      await lease.runtime.handle(context as Context);
    } finally {
      lease.release();
    }
  };
}

/** The first segment after the slug when it is a word of a route; what follows may be a capability. */
function routeOf(target: string): string {
  const [path = ''] = target.split('?', 1);
  const [, first, second, ...rest] = path.split('/');
  if (first === '.well-known') {
    return `/.well-known/${second}/{tenant}`;
  }
  const word = second !== undefined && /^[a-z.-]{1,24}$/.test(second) ? `/${second}` : second ? '/*' : '';
  return `/{tenant}${word}${rest.length > 0 ? '/*' : ''}`;
}
