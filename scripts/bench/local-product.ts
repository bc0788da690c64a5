import { silentProgress } from '../../src/banner.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import { createContext } from '../../src/context.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { listen } from '../../src/listen.ts';
import { createLog } from '../../src/platform/log.ts';
import { readSettings } from '../../src/platform/settings.ts';
import { openResources } from '../../src/resources.ts';
import { createDirectory, type Directory } from '../../src/tenancy/directory.ts';

/** The product in this process, on embedded storage, with its stores within reach. */
export interface LocalProduct {
  origin: string;
  dataDir: string;
  tables: Tables;
  directory: Directory;
}

/** `env` as in `docs/settings.md`. Ends when `stack` is disposed. */
export async function startLocalProduct(
  env: Readonly<Record<string, string>>,
  stack: AsyncDisposableStack,
): Promise<LocalProduct> {
  const settings = readSettings(env, process.cwd());
  const log = createLog({ level: settings.logLevel });
  const resources = await openResources({
    settings,
    log,
    progress: silentProgress,
    stack,
    signal: new AbortController().signal,
    onStorageLost(reason) {
      throw new Error(`the embedded storage ended: ${reason}`);
    },
    onExit: (action) => process.on('exit', action),
  });
  const context = await createContext(settings, resources, {});
  stack.defer(() => context.stop());
  await context.start();
  const { host, port, publicUrl, dataDir, tablePrefix } = settings;
  const server = await listen(context.app, { host, port, drainMs: 1_000 });
  stack.defer(() => server.close());
  const tables = createDynamodbTables({ ...resources.dynamodb, log });
  stack.defer(() => tables.close());
  const table = tables.open(`${tablePrefix}-directory`);
  return {
    origin: publicUrl.origin,
    dataDir,
    tables,
    directory: createDirectory({ table, clock: systemClock }),
  };
}
