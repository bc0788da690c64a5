import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { TableCapabilities } from '../../src/cloud/tables/port.ts';
import { startEmbeddedDynamodb } from '../../src/embedded/dynamodb.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createLog, type Log } from '../../src/platform/log.ts';
import { migrate } from '../../src/platform/migrations.ts';
import { connectPostgres } from '../../src/platform/postgres.ts';
import { startQueue } from '../../src/platform/queue.ts';

export interface TestDynamodb {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  capabilities: TableCapabilities;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the database `postgres`; tests get copies of the migrated database `template`. */
    postgresUrl: string;
    dynamodb: TestDynamodb;
    /** Settings for every server of the run; absent in most runs. */
    serverEnv: Record<string, string> | undefined;
  }
}

/** What the embedded DynamoDB-compatible server can do. */
const capabilities: TableCapabilities = {
  timeToLive: false,
  pointInTimeRecovery: false,
  deletionProtection: false,
  tags: true,
};

/** One real PostgreSQL and one real DynamoDB-protocol server for the whole run. */
export default async function startServices(project: TestProject): Promise<() => Promise<void>> {
  const log = createLog({ level: 'silent' });
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-test-'));
  // The server may run as another user, who must be able to pass.
  await chmod(directory, 0o711);
  const [postgres, dynamodb] = await Promise.all([
    startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      random: systemRandom,
      log,
      durable: false,
    }),
    startEmbeddedDynamodb({ random: systemRandom }),
  ]);
  // Of a run that is cut short: the server is in a session of its own, and would outlive it.
  process.once('exit', postgres.kill);
  const url = postgres.connectionString.reveal();
  const admin = connectPostgres({ connectionString: postgres.connectionString, max: 1, log });
  await admin.query('create database template');
  await admin.close();
  await prepareTemplate(new Secret(url.replace(/postgres$/, 'template')), log);
  const { endpoint, region, credentials } = dynamodb;
  project.provide('postgresUrl', url);
  project.provide('dynamodb', { endpoint, region, credentials, capabilities });
  return async () => {
    process.off('exit', postgres.kill);
    await Promise.all([postgres.stop(), dynamodb.stop()]);
    await rm(directory, { recursive: true, force: true });
  };
}

/** All that a first start prepares in the database, which is then copied for every test that wants one. */
async function prepareTemplate(connectionString: Secret, log: Log): Promise<void> {
  await migrate({ connectionString, log });
  const queue = await startQueue({ connectionString, log });
  await queue.stop();
}
