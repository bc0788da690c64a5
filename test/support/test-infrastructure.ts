import { tmpdir } from 'node:os';
import type { Tables } from '../../src/cloud/tables/port.ts';
import { openInfrastructure } from '../../src/infrastructure.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Queryable } from '../../src/platform/postgres.ts';
import { readSettings } from '../../src/platform/settings.ts';

/** What settings by their names in the environment describe, with waits that suit emulators. */
export function openTestInfrastructure({
  env,
  connectionString,
  postgres,
  tables,
}: {
  env: Readonly<Record<string, string>>;
  connectionString: string;
  postgres: Queryable;
  tables: Tables;
}) {
  return openInfrastructure({
    settings: readSettings({ CONFIG_FILE: '', ...env }, tmpdir()),
    connectionString: new Secret(connectionString),
    postgres,
    tables,
    random: systemRandom,
    log: createLog({ level: 'silent' }),
    timings: { pollMs: 20, inSyncMs: 10_000, healthyMs: 10_000, reachableMs: 5_000 },
  });
}
