import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Logger } from 'pino';
import type { Secret } from '../../kernel/secret.ts';
import type { ResourceOwner } from '../resource-owner.ts';
import { onDatabase } from './on-database.ts';

const directory = fileURLToPath(new URL('../../../migrations/tenant', import.meta.url));

/** Brings the tenant's schema up to date, as the tenant's role: what it makes is the tenant's. The row that names the tenant comes last. */
export async function applyBaseMigrations({
  url,
  schema,
  owner,
  log,
}: {
  url: Secret;
  schema: string;
  owner: ResourceOwner;
  log: Logger;
}): Promise<void> {
  await onDatabase(url, log, async (client) => {
    await runner({
      dbClient: client,
      dir: directory,
      schema,
      migrationsTable: 'schema_migrations',
      direction: 'up',
      singleTransaction: true,
      // Its lock would be one that every tenant of a shared database can hold.
      noLock: true,
      logger: {
        debug: () => {},
        info: (text) => log.debug(text),
        warn: (text) => log.warn(text),
        error: (text) => log.error(text),
      },
    });
    await client.query(
      'insert into tenant_identity (tenant_id, slug) values ($1, $2) on conflict (only_row) do nothing',
      [owner.tenantId, owner.slug],
    );
  });
}
