/**
 * The product as `npm start` composes it, on embedded storage under `DATA_DIR` unless the settings name another; the only difference is that
 * calls to the store and to KMS are counted. Reads its settings from the environment as the product does.
 */
import { silentProgress } from '../../src/banner.ts';
import { createContext } from '../../src/context.ts';
import { listen } from '../../src/listen.ts';
import { createLog } from '../../src/platform/log.ts';
import { readSettings } from '../../src/platform/settings.ts';
import { openResources } from '../../src/resources.ts';
import { serveParent } from './measured-server.ts';

export interface TenantryFacts {
  origin: string;
  dataDir: string;
}

const stack = new AsyncDisposableStack();
const storeCalls: Record<string, number> = {};
const announce = serveParent<TenantryFacts>({ storeCalls, stop: () => stack.disposeAsync() });

const settings = readSettings(process.env, process.cwd());
const log = createLog({ level: settings.logLevel });

const resources = await openResources({
  settings,
  log,
  progress: silentProgress,
  stack,
  signal: new AbortController().signal,
  onStorageLost: (reason) => {
    throw new Error(`the embedded storage ended: ${reason}`);
  },
  onExit: (action) => process.on('exit', action),
});
const context = await createContext(settings, resources, {
  onTableCall({ operation, table, batchSize }) {
    const kind = /-(directory|keys)$/.exec(table)?.[1];
    const key = `${operation}${batchSize === undefined ? '' : ` of ${batchSize}`}${kind === undefined ? '' : ` (${kind})`}`;
    storeCalls[key] = (storeCalls[key] ?? 0) + 1;
  },
  onKmsCall({ operation }) {
    const key = `${operation} (KMS)`;
    storeCalls[key] = (storeCalls[key] ?? 0) + 1;
  },
});
stack.defer(() => context.stop());
await context.start();
const { host, port } = settings;
const server = await listen(context.app, { host, port, drainMs: 1_000 });
stack.defer(() => server.close());

announce({ origin: settings.publicUrl.origin, dataDir: settings.dataDir });
