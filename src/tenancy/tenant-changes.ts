import type { Slug } from '../kernel/ids.ts';
import { parseSlug } from '../kernel/slug.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres } from '../platform/postgres.ts';
import type { Listener } from '../platform/postgres-listener.ts';
import type { TenantPool } from './tenant-pool.ts';

const channel = 'tenantry_tenant_changed';

/**
 * Makes every process notice a change of a tenant's directory entry: this one at once, the others when PostgreSQL passes the word on, within
 * moments. A hint only: where it does not arrive, each process finds the change by itself within `TENANT_REVALIDATE_SECONDS`, so the data
 * plane still needs no PostgreSQL.
 */
export interface TenantChanges {
  /** After the entry was written. Never throws. */
  announce(slug: Slug): void;
  /** Begins to hear what other processes announce. */
  start(): void;
  stop(): Promise<void>;
}

export function createTenantChanges({
  postgres,
  pool,
  log,
}: {
  postgres: Pick<Postgres, 'query' | 'listen'>;
  pool: Pick<TenantPool, 'invalidate'>;
  log: Log;
}): TenantChanges {
  const underWay = new Set<Promise<void>>();
  let listener: Listener | undefined;

  async function tellOthers(slug: Slug): Promise<void> {
    try {
      await postgres.query('select pg_notify($1, $2)', [channel, slug]);
    } catch (error) {
      log.warn({ err: error, slug }, 'other processes will notice the change of a tenant later');
    }
  }

  return {
    announce(slug) {
      pool.invalidate(slug);
      const telling = tellOthers(slug).finally(() => underWay.delete(telling));
      underWay.add(telling);
    },
    start() {
      listener ??= postgres.listen(channel, (payload) => {
        const slug = parseSlug(payload);
        if (slug !== undefined) {
          pool.invalidate(slug);
        }
      });
    },
    async stop() {
      await listener?.stop();
      await Promise.all(underWay);
    },
  };
}
