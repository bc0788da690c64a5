import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';

export interface ServerOptions {
  dataDir: string;
  port: number;
  /** Further settings. */
  env?: Record<string, string>;
  /** Modules to load before the product. */
  preload?: readonly string[];
  /** Where the product is; default this checkout. */
  checkout?: string;
  /** Runs it as somebody else; only root may. */
  user?: { uid: number; gid: number };
}

/** The product as its users run it: `node src/main.ts`, a process of its own, with settings from its environment. */
export interface ServerProcess {
  readonly pid: number;
  /** The public URL's. */
  readonly origin: string;
  /** Where this process itself listens. */
  readonly listensAt: string;
  readonly dataDir: string;
  output(): string;
  /** Resolves once `text` was printed; rejects with all that was printed when the process ends first, or after a minute. */
  printed(text: string): Promise<void>;
  ready(): Promise<ServerProcess>;
  /** The exit code, or the name of the signal that killed it. */
  readonly ended: Promise<{ code: number | string; output: string }>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and the end of it. */
  stop(): Promise<number | string>;
  /** SIGKILL, and the end of it. */
  kill(): Promise<void>;
}

export const checkoutDirectory = join(import.meta.dirname, '../..');

/** To be preloaded where a server must die at a point of a provisioning run. */
export const crashingContext = join(import.meta.dirname, 'crashing-context.ts');

export function startServer(options: ServerOptions): ServerProcess {
  const { dataDir, port, env = {}, preload = [], checkout = checkoutDirectory, user = {} } = options;
  // The one that npm installed, as for `npm start`.
  const installedNode = join(checkout, 'node_modules/.bin/node');
  const child = spawn(
    existsSync(installedNode) ? installedNode : process.execPath,
    [...preload.flatMap((module) => ['--import', module]), join(checkout, 'src/main.ts')],
    {
      cwd: checkout,
      env: {
        PATH: process.env.PATH,
        // Compiled once, not with every start of a test.
        NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
        PORT: String(port),
        DATA_DIR: dataDir,
        LOG_LEVEL: 'info',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    },
  );
  const printed = watchOutput(child);
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (signal ?? code) as number | string,
    output: printed.text(),
  }));
  const server: ServerProcess = {
    pid: child.pid ?? 0,
    origin: new URL(env.PUBLIC_URL ?? `http://localhost:${port}`).origin,
    listensAt: `http://127.0.0.1:${port}`,
    dataDir,
    output: printed.text,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const giveUp = setTimeout(
          () => reject(new Error(`never printed ${text}:\n${printed.text()}`)),
          110_000,
        );
        printed.listen(() => {
          if (printed.text().includes(text)) {
            clearTimeout(giveUp);
            resolve();
          }
        });
        ended.then(({ code }) => {
          clearTimeout(giveUp);
          reject(new Error(`ended (${code}) before it printed ${text}:\n${printed.text()}`));
        });
      }),
    async ready() {
      await server.printed('"msg":"ready"');
      return server;
    },
    ended,
    signal: (name) => void child.kill(name),
    async stop() {
      child.kill('SIGTERM');
      return (await ended).code;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  return server;
}

function watchOutput(child: ChildProcess) {
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) {
        listener();
      }
    });
  }
  return {
    text: () => output,
    listen(listener: () => void) {
      listeners.add(listener);
      listener();
    },
  };
}

export async function readBootstrap(dataDir: string): Promise<BootstrapFile> {
  return JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')) as BootstrapFile;
}

/** Waits for something that happens elsewhere. Rejects after `seconds`, saying what did not come. */
export async function eventually<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await delay(20)) {
    const found = await look();
    if (found !== undefined && found !== false) {
      return found;
    }
  }
  throw new Error(`not within ${seconds} s: ${what}`);
}

/** The promise's own outcome; rejects when it takes longer than `seconds`. */
export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const late = delay(seconds * 1000, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`not within ${seconds} s: ${what}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}

/** A process by number and start: numbers are used again. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

interface ProcessEntry extends ProcessIdentity {
  parent: number;
  state: string;
  command: string;
}

/** The process and all its descendants. Linux only, like everything below. */
export async function processTree(pid: number): Promise<ProcessIdentity[]> {
  const all = await listProcesses();
  const tree = all.filter((entry) => entry.pid === pid);
  for (const member of tree) {
    tree.push(...all.filter(({ parent }) => parent === member.pid));
  }
  return tree;
}

/** The embedded PostgreSQL of a data directory, found by its command line, with all its children. */
export async function databaseProcesses(dataDir: string): Promise<ProcessIdentity[]> {
  const servers = (await listProcesses()).filter(({ command }) => command.includes(`${dataDir}/postgres`));
  const trees = await Promise.all(servers.map(({ pid }) => processTree(pid)));
  return trees.flat();
}

/** Which of these processes still run. A zombie does not: it only waits for its reaper. */
export async function stillRunning(processes: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const alive = await listProcesses();
  return alive.filter(({ pid, startedAt }) =>
    processes.some((known) => known.pid === pid && known.startedAt === startedAt),
  );
}

/** Sends a signal; false when the process has ended already, as any that was listed may have. */
export function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
      return false;
    }
    throw error;
  }
}

async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(pids.map((pid) => readProcess(Number(pid)).catch(() => undefined)));
  return entries.filter((entry) => entry !== undefined && entry.state !== 'Z') as ProcessEntry[];
}

async function readProcess(pid: number): Promise<ProcessEntry> {
  const [stat, command] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
  ]);
  // The second field, the program's name, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    startedAt: fields[19] ?? '',
    command: command.replaceAll('\0', ' '),
  };
}
