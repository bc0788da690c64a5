/**
 * What the product stands on, opened by the settings: embedded or external storage, the control plane's schema, pool and queue, the master
 * key. Whatever is opened is registered on `stack` at once, so that it is closed in the reverse order also when a later step fails.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from './banner.ts';
import type { TableCapabilities } from './cloud/tables/port.ts';
import { lockDataDir } from './embedded/data-dir.ts';
import { startEmbeddedDynamodb } from './embedded/dynamodb.ts';
import { loadMasterKey } from './embedded/master-key.ts';
import { startEmbeddedPostgres } from './embedded/postgres.ts';
import { systemRandom } from './kernel/random.ts';
import type { Secret } from './kernel/secret.ts';
import type { Log } from './platform/log.ts';
import { migrate } from './platform/migrations.ts';
import { connectPostgres, type Postgres } from './platform/postgres.ts';
import { type Queue, startQueue } from './platform/queue.ts';
import type { Settings } from './platform/settings.ts';

export interface DynamodbAccess {
  /** Absent: AWS in `region`. */
  endpoint?: string;
  region: string;
  /** Absent: the SDK's usual chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  capabilities: TableCapabilities;
  /** ARN, id or alias of the KMS key that encrypts new tables. */
  encryptionKey?: string;
  maxTableOperations?: number;
}

export interface Resources {
  log: Log;
  /** Of the control plane's PostgreSQL. */
  connectionString: Secret;
  postgres: Postgres;
  queue: Queue;
  dynamodb: DynamodbAccess;
  /** 32 bytes; absent where everything is sealed in KMS. */
  masterKey: Buffer | undefined;
}

export interface OpenResourcesOptions {
  settings: Settings;
  log: Log;
  progress: Progress;
  stack: AsyncDisposableStack;
  /** Aborted when the process is asked to stop while it starts. */
  signal: AbortSignal;
  /** Storage without which nothing can be answered has ended. */
  onStorageLost: (reason: string) => void;
  /** Registers what must be done synchronously when the process ends without the orderly way. */
  onExit: (action: () => void) => void;
}

export async function openResources(options: OpenResourcesOptions): Promise<Resources> {
  const { settings, log, progress, stack, signal } = options;
  if (settings.database.kind === 'embedded' || settings.dynamodb.kind === 'embedded') {
    const dataDir = await lockDataDir(settings.dataDir);
    stack.defer(() => dataDir.release());
  } else {
    await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  }
  const masterKey = await openMasterKey(settings);

  const opened = await Promise.allSettled([openDatabase(options), openDynamodb(options)]);
  const [connectionString, dynamodb] = opened.map((result) => {
    if (result.status === 'rejected') {
      throw result.reason;
    }
    return result.value;
  }) as [Secret, DynamodbAccess];
  signal.throwIfAborted();

  await progress.step('Control plane schema', () => migrate({ connectionString, log }));
  signal.throwIfAborted();

  const postgres = connectPostgres({ connectionString, log });
  stack.defer(() => postgres.close());
  const queue = await progress.step('Job queue', () =>
    startQueue({
      connectionString,
      log,
      soleWorker: settings.database.kind === 'embedded',
      stopTimeoutMs: settings.shutdownGraceSeconds * 300,
    }),
  );
  stack.defer(() => queue.stop());
  return { log, connectionString, postgres, queue, dynamodb, masterKey };
}

async function openMasterKey({ masterKey, keyMode, dataDir }: Settings): Promise<Buffer | undefined> {
  if (masterKey) {
    return Buffer.from(masterKey.reveal(), 'base64');
  }
  return keyMode === 'local' ? await loadMasterKey(dataDir, systemRandom) : undefined;
}

async function openDatabase({
  settings,
  log,
  progress,
  stack,
  onExit,
}: OpenResourcesOptions): Promise<Secret> {
  if (settings.database.kind === 'external') {
    return settings.database.connectionString;
  }
  const server = await progress.step('Embedded PostgreSQL', () =>
    startEmbeddedPostgres({ directory: join(settings.dataDir, 'postgres'), random: systemRandom, log }),
  );
  onExit(() => server.kill());
  stack.defer(() => server.stop());
  // Sign-in does not need it: the process goes on, and onboarding answers 503.
  server.ended.then((reason) => log.error({ reason }, 'the embedded PostgreSQL ended'));
  return server.connectionString;
}

async function openDynamodb(options: OpenResourcesOptions): Promise<DynamodbAccess> {
  const { settings, progress, stack, onStorageLost } = options;
  if (settings.dynamodb.kind === 'external') {
    const { endpoint, region, encryptionKey, tableOperations } = settings.dynamodb;
    return {
      ...(endpoint === undefined ? {} : { endpoint }),
      region,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      maxTableOperations: tableOperations,
      capabilities: { timeToLive: true, pointInTimeRecovery: true, deletionProtection: true, tags: true },
    };
  }
  const { endpoint, region, credentials, ended, stop } = await progress.step(
    'Embedded DynamoDB-compatible server',
    () => startEmbeddedDynamodb({ directory: join(settings.dataDir, 'dynamodb'), random: systemRandom }),
  );
  stack.defer(stop);
  ended.then(onStorageLost);
  return {
    endpoint,
    region,
    credentials,
    capabilities: { timeToLive: false, pointInTimeRecovery: false, deletionProtection: false, tags: true },
  };
}
