import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import type { OutboxMail } from '../../src/cloud/mail/outbox.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { connectPostgres, type Postgres } from '../../src/platform/postgres.ts';
import type { CrashPlan } from '../support/crashing-context.ts';
import { readMails } from '../support/outbox.ts';
import { crashingContext, readBootstrap, type ServerProcess } from '../support/server-process.ts';
import { silentLog, testDynamodb, testServerEnv, testTablePrefix } from '../support/services.ts';
import { type RoundRobin, startRoundRobin, startTablesFront } from './forwarding.ts';
import { createServerHome } from './server-home.ts';

export const serverNames = ['server-1', 'server-2'] as const;
export type ServerName = (typeof serverNames)[number];

/** Two server processes on one PostgreSQL database and one DynamoDB, behind one address. */
export interface TwoServers {
  /** The public URL; requests go to the servers in turn. */
  readonly origin: string;
  readonly front: RoundRobin;
  /** The servers' database, as the test sees it. */
  readonly postgres: Postgres;
  readonly tablePrefix: string;
  /** Starts both at the same moment. */
  startBoth(): Promise<void>;
  /** One that does not run, on its data directory; the address leads to it, too, once it is ready. */
  start(name: ServerName): Promise<void>;
  server(name: ServerName): ServerProcess;
  /** SIGKILL; the address leads to the other one from now on. */
  kill(name: ServerName): Promise<void>;
  /** Lets whichever server comes to the point of a provisioning run first kill itself there; resolves once it has. */
  crashOneAt(point: string): Promise<{ crashed: Promise<void> }>;
  /** The bootstrap files that there are. */
  bootstrapFiles(): Promise<BootstrapFile[]>;
  mails(): Promise<OutboxMail[]>;
  close(): Promise<void>;
}

export async function openTwoServers(env: Record<string, string> = {}): Promise<TwoServers> {
  const home = await createServerHome();
  const database = await createEmptyDatabase();
  const dynamodb = testDynamodb();
  // A store that has all of DynamoDB's settings is spoken to as it is: two that start at once meet each other's changes there.
  const tablesFront = dynamodb.capabilities.timeToLive ? undefined : await startTablesFront(dynamodb);
  const front = await startRoundRobin();
  const tablePrefix = testTablePrefix();
  const crashFile = join(home.directory, 'crash.json');
  const shared = {
    DYNAMODB_ENDPOINT: tablesFront?.origin ?? dynamodb.endpoint,
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.credentials.secretAccessKey,
    TABLE_PREFIX: tablePrefix,
    MASTER_KEY: randomBytes(32).toString('base64'),
    PUBLIC_URL: front.origin,
    TENANTRY_CRASH_FILE: crashFile,
    ...testServerEnv(),
    ...env,
  };
  const servers = new Map<ServerName, ServerProcess>();
  const dataDirOf = (name: ServerName) => join(home.directory, name);

  function server(name: ServerName): ServerProcess {
    const running = servers.get(name);
    if (!running) {
      throw new Error(`${name} does not run`);
    }
    return running;
  }

  async function start(name: ServerName): Promise<void> {
    const url = new URL(database.url);
    // How the database's own views tell the two apart.
    url.searchParams.set('application_name', name);
    const started = await home.start({
      dataDir: dataDirOf(name),
      preload: [crashingContext],
      env: { ...shared, DATABASE_URL: url.href },
    });
    servers.set(name, started);
    await started.ready();
  }

  function route(): void {
    front.use([...servers.values()].map(({ listensAt }) => listensAt));
  }

  return {
    origin: front.origin,
    front,
    postgres: database.postgres,
    tablePrefix,
    server,
    async startBoth() {
      await Promise.all(serverNames.map(start));
      route();
    },
    async start(name) {
      await start(name);
      route();
    },
    async kill(name) {
      const killed = server(name);
      servers.delete(name);
      await killed.kill();
      route();
    },
    async crashOneAt(crashAt) {
      const plan: CrashPlan = { crashAt };
      await writeFile(crashFile, JSON.stringify(plan));
      const ends = [...servers].map(async ([name, { ended }]) => {
        await ended;
        servers.delete(name);
        route();
      });
      return { crashed: Promise.race(ends) };
    },
    async bootstrapFiles() {
      const files = await Promise.all(
        serverNames.map((name) => readBootstrap(dataDirOf(name)).catch(() => undefined)),
      );
      return files.filter((file) => file !== undefined);
    },
    async mails() {
      const mails = await Promise.all(serverNames.map((name) => readMails(join(dataDirOf(name), 'outbox'))));
      return mails.flat();
    },
    async close() {
      await home.close();
      await Promise.all([front.close(), tablesFront?.close(), database.drop()]);
    },
  };
}

/** A database without anything in it, on the run's server. */
async function createEmptyDatabase() {
  const serverUrl = inject('postgresUrl');
  const name = `process_${randomBytes(8).toString('hex')}`;
  const admin = connectPostgres({ connectionString: new Secret(serverUrl), max: 1, log: silentLog });
  await admin.query(`create database ${name} template template0`);
  const url = serverUrl.replace(/postgres$/, name);
  const postgres = connectPostgres({ connectionString: new Secret(url), log: silentLog });
  return {
    url,
    postgres,
    async drop() {
      await postgres.close();
      await admin.query(`drop database ${name} with (force)`);
      await admin.close();
    },
  };
}
