/**
 * The whole product in this process, as `main.ts` puts it together, on the run's PostgreSQL and DynamoDB-compatible server: a fresh database,
 * table prefix, data directory and master key each time. Owns starting and stopping it; `onboarding.ts` and `relying-party.ts` say what
 * people and applications do with it.
 *
 * Storage is "external" to this product, so its settings are those of a deployment with several processes; a second server can stand beside
 * the first on the same storage, as another process of one deployment would.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import { type ContextOverrides, createContext } from '../../src/context.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Secret } from '../../src/kernel/secret.ts';
import type { Metrics } from '../../src/platform/metrics.ts';
import { connectPostgres, type Postgres } from '../../src/platform/postgres.ts';
import { startQueue } from '../../src/platform/queue.ts';
import { readSettings } from '../../src/platform/settings.ts';
import type { DynamodbAccess } from '../../src/resources.ts';
import { createDirectory, type Directory } from '../../src/tenancy/directory.ts';
import { inspectAnswers } from './inspect-answers.ts';
import {
  createTestPostgres,
  createTestTables,
  silentLog,
  testDynamodb,
  testServerEnv,
  testTablePrefix,
} from './services.ts';

export interface ProductServer {
  /** `http://<host>:<port>`; of a server beside another, the other's. */
  origin: string;
  /** Where this server listens. */
  port: number;
  dataDir: string;
  bootstrap: BootstrapFile;
  /** The stores behind the product, for tests that play the operator of a deployment. */
  postgres: Postgres;
  tables: Tables;
  directory: Directory;
  metrics: Pick<Metrics, 'registry'>;
  /** What a server beside this one shares. */
  stores: Stores;
  close(): Promise<void>;
}

interface Stores {
  connectionString: Secret;
  tablePrefix: string;
  masterKey: string;
  dataDir: string;
  origin: string;
}

export interface StartServerOptions {
  /** Settings by the names under which the environment gives them. */
  env?: Readonly<Record<string, string>>;
  overrides?: ContextOverrides;
  /** Another PostgreSQL than the run's, already migrated. */
  connectionString?: Secret;
  /** Where this server finds DynamoDB, when not straight at the run's: a proxy in front of it. */
  dynamodb?: Partial<DynamodbAccess>;
  /** Name of this machine in the public URL; a browser gives passkeys to `localhost` only. */
  host?: '127.0.0.1' | 'localhost';
  /** A server whose storage and public URL this one shares. */
  beside?: ProductServer;
}

/** Generous limits, so that only tests of limits meet them; gates as with embedded storage. */
const testEnv = {
  VALIDATION: 'automatic',
  COMPLIANCE: 'automatic',
  OBJECTS: 'disk',
  REGISTRATIONS_PER_HOUR: '100000',
  SIGN_IN_ATTEMPTS_PER_MINUTE: '100000',
  SIGN_IN_FREE_FAILURES: '100000',
};

export async function startServer(options: StartServerOptions = {}): Promise<ProductServer> {
  const { env = {}, overrides = {}, host = '127.0.0.1', beside } = options;
  const stack = new AsyncDisposableStack();
  try {
    const http = createServer();
    // Clients in this very process keep connections: after a pause of both they would meet one that has just been closed.
    http.keepAliveTimeout = 0;
    http.listen(0, '127.0.0.1');
    stack.defer(() => closeServer(http));
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    const stores = beside?.stores ?? (await createStores(options, `http://${host}:${port}`, stack));
    const { connectionString, tablePrefix, masterKey, dataDir, origin } = stores;
    const dynamodb = testDynamodb();
    const settings = readSettings(
      {
        ...testEnv,
        PUBLIC_URL: origin,
        DATA_DIR: dataDir,
        DATABASE_URL: connectionString.reveal(),
        DYNAMODB_ENDPOINT: dynamodb.endpoint,
        TABLE_PREFIX: tablePrefix,
        MASTER_KEY: masterKey,
        ...testServerEnv(),
        ...env,
      },
      dataDir,
    );

    const postgres = connectPostgres({ connectionString, log: silentLog });
    stack.defer(() => postgres.close());
    const queue = await startQueue({ connectionString, log: silentLog, stopTimeoutMs: 1_000 });
    stack.defer(() => queue.stop());
    const resources = {
      log: silentLog,
      connectionString,
      postgres,
      queue,
      dynamodb: { ...dynamodb, ...options.dynamodb },
      masterKey: settings.masterKey && Buffer.from(settings.masterKey.reveal(), 'base64'),
    };
    const context = await createContext(settings, resources, {
      inspectAnswer: inspectAnswers(),
      ...overrides,
    });
    stack.defer(() => context.stop());
    await context.start();
    http.on('request', context.app.callback());

    const tables = createTestTables();
    return {
      origin,
      port,
      dataDir,
      bootstrap: JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')) as BootstrapFile,
      postgres,
      tables,
      metrics: context.metrics,
      directory: createDirectory({ table: tables.open(`${tablePrefix}-directory`), clock: systemClock }),
      stores,
      close: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function createStores(
  options: StartServerOptions,
  origin: string,
  stack: AsyncDisposableStack,
): Promise<Stores> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-server-'));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  let { connectionString } = options;
  if (connectionString === undefined) {
    const database = await createTestPostgres();
    stack.defer(() => database.close());
    connectionString = database.connectionString;
  }
  return {
    connectionString,
    tablePrefix: testTablePrefix(),
    masterKey: randomBytes(32).toString('base64'),
    dataDir,
    origin,
  };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
