/**
 * What production gets from outside, started here for a machine that has nothing: a real PostgreSQL server, as child process, and (in
 * dynamodb.ts) a server that speaks the DynamoDB protocol, in a worker thread. Both live under DATA_DIR, listen on the loopback interface
 * only and on a port of the moment, and ask for generated credentials. data-dir.ts makes sure that one process alone uses the directory.
 *
 * The flow of a start: lock the directory -> stop a server left behind by a killed process -> create the cluster once, aside, and rename
 * it into place -> start -> answer queries. Nothing here knows tenants; nobody above asks whether a store is embedded.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { access, chown, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Random, randomId } from '../kernel/random.ts';
import { Secret } from '../kernel/secret.ts';
import type { Log } from '../platform/log.ts';
import { findFreePort } from './free-port.ts';
import { endOrphanedCreation, stopOrphan } from './orphan.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { prepareUnprivileged, type Unprivileged } from './unprivileged.ts';

export interface EmbeddedPostgres {
  connectionString: Secret;
  /** Operating system process of the server. */
  pid: number;
  /** Resolves with a description when the server ends without having been told to. */
  readonly ended: Promise<string>;
  /** Ends sessions and shuts the server down cleanly; after five seconds, at once. */
  stop(): Promise<void>;
  /** Ends the server at once, without waiting; the next start recovers from the log. */
  kill(): void;
}

export interface StartPostgresOptions {
  /** Holds the cluster and its password; created when absent. */
  directory: string;
  random: Random;
  log: Log;
  /** Off only where the data may be lost with the machine, as in tests. */
  durable?: boolean;
}

const user = 'tenantry';

/** Sized for the control plane of one machine: no idle workers, small memory, no replication. */
const tuning = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '32MB',
  huge_pages: 'off',
  io_method: 'sync',
  jit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_parallel_workers_per_gather: '0',
  max_wal_size: '256MB',
  password_encryption: 'scram-sha-256',
  log_min_messages: 'warning',
};

/** Starts the server and returns once it answers queries. Throws with the server's own words when it does not start. */
export async function startEmbeddedPostgres(options: StartPostgresOptions): Promise<EmbeddedPostgres> {
  const { directory, random, log, durable = true } = options;
  const binaries = await findPostgresBinaries();
  const unprivileged = await prepareUnprivileged(binaries.postgres, directory);
  // A server left behind is recognised by the path, whatever links the directory was named through this time.
  const cluster = join(await realpath(directory), 'cluster');
  if (await stopOrphan(cluster)) {
    log.warn('a PostgreSQL server left behind by a killed process was stopped');
  }
  const password = await createCluster(binaries, unprivileged, dirname(cluster), random);

  const patienceEnds = Date.now() + 15_000;
  for (let portsTaken = 0; ; ) {
    const port = await findFreePort();
    const server = startServer(binaries, unprivileged, cluster, port, durable, log);
    const connectionString = new Secret(`postgres://${user}:${password}@127.0.0.1:${port}/postgres`);
    const failure = await Promise.race([waitUntilReady(connectionString), server.ended]);
    if (failure === undefined) {
      return { connectionString, ...server };
    }
    await server.stop();
    if (failure.includes(sessionsLeft) && Date.now() < patienceEnds) {
      log.warn('waiting for the last sessions of a killed PostgreSQL server to end');
      await delay(250);
    } else if (failure.includes('could not bind') && portsTaken < 2) {
      // Somebody else may take the port between finding it and listening on it.
      portsTaken += 1;
    } else {
      throw new Error(`The embedded PostgreSQL did not start. ${failure}`);
    }
  }
}

/** Sessions of a server whose main process was killed end by themselves, a moment later; a new server refuses to start until then. */
const sessionsLeft = 'pre-existing shared memory block';

/** Creates the cluster unless it exists, and returns its password. A start that is killed half-way leaves nothing that looks complete. */
async function createCluster(
  binaries: PostgresBinaries,
  { command, identity }: Unprivileged,
  directory: string,
  random: Random,
): Promise<string> {
  const cluster = join(directory, 'cluster');
  const passwordFile = join(directory, 'password');
  if (await exists(cluster)) {
    return (await readFile(passwordFile, 'utf8')).trim();
  }
  const unfinished = join(directory, 'cluster.unfinished');
  const pidFile = join(directory, 'initdb.pid');
  await endOrphanedCreation(pidFile, unfinished);
  await rm(unfinished, { recursive: true, force: true, maxRetries: 5 });
  const password = randomId(random, 32);
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (identity.uid !== undefined && identity.gid !== undefined) {
    await chown(passwordFile, identity.uid, identity.gid);
  }
  const initdb = [
    ...[
      ...command,
      binaries.initdb,
      `--pgdata=${unfinished}`,
      `--username=${user}`,
      `--pwfile=${passwordFile}`,
    ],
    ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ];
  const { child, output } = spawnQuiet(initdb, identity);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  writeFileSync(pidFile, String(child.pid));
  const [code] = await exited;
  await rm(pidFile, { force: true });
  if (code !== 0) {
    throw new Error(`The embedded PostgreSQL could not be created in ${directory}. ${output()}`);
  }
  await rename(unfinished, cluster);
  return password;
}

type Server = Omit<EmbeddedPostgres, 'connectionString'>;

function startServer(
  { postgres }: PostgresBinaries,
  { command, identity }: Unprivileged,
  cluster: string,
  port: number,
  durable: boolean,
  log: Log,
): Server {
  const settings = {
    ...tuning,
    port: String(port),
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off' }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { child, output } = spawnQuiet([...command, postgres, '-D', cluster, ...flags], identity, (line) =>
    log.debug({ postgres: line }, 'embedded PostgreSQL'),
  );
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const ended = new Promise<string>((resolve) => {
    const report = (how: string) => {
      if (!stopping) {
        resolve(`${how}: ${output()}`);
      }
    };
    child.once('exit', (code, signal) => report(`PostgreSQL ended (${signal ?? code})`));
    child.once('error', (error) => report(error.message));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    async stop() {
      stopping = true;
      child.kill('SIGINT');
      const impatience = setTimeout(() => child.kill('SIGQUIT'), 5_000);
      await exited;
      clearTimeout(impatience);
    },
    kill() {
      stopping = true;
      child.kill('SIGQUIT');
    },
  };
}

/** Runs a program in a session of its own, so that a Ctrl-C in the terminal reaches only the process that decides what ends when. */
function spawnQuiet(
  [program, ...args]: readonly string[],
  identity: Unprivileged['identity'],
  onLine?: (line: string) => void,
): { child: ChildProcess; output: () => string } {
  const child = spawn(program as string, args, {
    ...identity,
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4_000);
    onLine?.(text.trimEnd());
  });
  return { child, output: () => tail.trim() };
}

/** Undefined once the server answers; otherwise why it does not. */
async function waitUntilReady(connectionString: Secret): Promise<string | undefined> {
  let reason = '';
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(15)) {
    const client = new pg.Client({ connectionString: connectionString.reveal() });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return undefined;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  return `It does not answer: ${reason}`;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
