import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from '../../src/embedded/free-port.ts';
import {
  databaseProcesses,
  eventually,
  type ServerOptions,
  type ServerProcess,
  signalled,
  startServer,
  stillRunning,
} from '../support/server-process.ts';

/** A place on disk in which servers run; with `close` they all end and everything is gone. */
export interface ServerHome {
  readonly directory: string;
  start(options?: Partial<ServerOptions>): Promise<ServerProcess>;
  /** A copy of a data directory whose server has stopped. */
  copyOf(dataDir: string): Promise<string>;
  /** SIGKILL for every server, and for every database left behind. */
  endServers(): Promise<void>;
  close(): Promise<void>;
}

export async function createServerHome({ owner }: { owner?: number } = {}): Promise<ServerHome> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'tenantry-process-')));
  await chmod(directory, 0o711);
  if (owner !== undefined) {
    await chown(directory, owner, owner);
  }
  const started: ServerProcess[] = [];
  let copies = 0;

  async function endServers(): Promise<void> {
    await Promise.all(started.splice(0).map((server) => server.kill()));
    const left = await databaseProcesses(directory);
    for (const { pid } of left) {
      signalled(pid, 'SIGKILL');
    }
    await eventually('the end of all processes', 40, async () => (await stillRunning(left)).length === 0);
  }

  return {
    directory,
    async start({ dataDir = join(directory, 'data'), port, ...options } = {}) {
      const server = startServer({ dataDir, port: port ?? (await findFreePort()), ...options });
      started.push(server);
      return server;
    },
    async copyOf(dataDir) {
      copies += 1;
      const copy = join(directory, `copy-${copies}`);
      await promisify(execFile)('cp', ['-a', dataDir, copy]);
      return copy;
    },
    endServers,
    async close() {
      await endServers();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
