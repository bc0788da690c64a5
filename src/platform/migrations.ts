import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Secret } from '../kernel/secret.ts';
import type { Log } from './log.ts';

const controlMigrations = fileURLToPath(new URL('../../migrations/control', import.meta.url));

/**
 * Brings the control plane's schema up to date. All pending migrations run in one transaction under an advisory lock that later comers
 * wait for, so any number of processes may start at once.
 */
export async function migrate({
  connectionString,
  log,
}: {
  connectionString: Secret;
  log: Log;
}): Promise<void> {
  const applied = await runner({
    databaseUrl: connectionString.reveal(),
    dir: controlMigrations,
    migrationsTable: 'schema_migrations',
    direction: 'up',
    advisoryLockMode: 'wait',
    singleTransaction: true,
    logger: {
      debug: () => {},
      info: (text) => log.debug(text),
      warn: (text) => log.warn(text),
      error: (text) => log.error(text),
    },
  });
  for (const { name } of applied) {
    log.info({ migration: name }, 'schema migration applied');
  }
}
