import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** What a sign-in left behind. */
export interface Credentials {
  /** Slug of the tenant whose issuer gave the tokens. */
  tenant: string;
  clientId: string;
  accessToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  refreshToken?: string;
}

interface File {
  /** The server that was signed in to last. */
  current?: string;
  /** By origin. */
  servers: Record<string, Credentials>;
}

export interface CredentialStore {
  current(): Promise<string | undefined>;
  get(server: string): Promise<Credentials | undefined>;
  put(server: string, credentials: Credentials): Promise<void>;
  remove(server: string): Promise<void>;
  /** Runs `work` while no other process does so: refresh tokens are good for one use. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** How long a lock is believed in. */
const staleAfterMs = 30_000;

/** What is asked of a server while the lock is held must be over before somebody else takes it. */
export const exclusiveMs = staleAfterMs - 10_000;
const waitMs = 100;

/** `credentials.json` in the user's configuration directory; nobody else can read it. */
export function createCredentialStore({
  configDirectory,
  sleep,
}: Pick<Terminal, 'configDirectory' | 'sleep'>): CredentialStore {
  const path = join(configDirectory, 'credentials.json');
  const lock = join(configDirectory, 'credentials.lock');

  async function read(): Promise<File> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    try {
      return text === undefined ? { servers: {} } : (JSON.parse(text) as File);
    } catch {
      throw new Failure('failed', `${path} cannot be read as JSON. Remove it and sign in again.`);
    }
  }

  /** Appears whole or not at all. */
  async function write(file: File): Promise<void> {
    await prepare();
    const draft = `${path}.${process.pid}`;
    await rm(draft, { force: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  }

  async function prepare(): Promise<void> {
    await mkdir(configDirectory, { recursive: true, mode: 0o700 });
    await chmod(configDirectory, 0o700);
  }

  return {
    current: async () => (await read()).current,
    get: async (server) => (await read()).servers[server],

    async put(server, credentials) {
      const { servers } = await read();
      await write({ current: server, servers: { ...servers, [server]: credentials } });
    },

    async remove(server) {
      const { current, servers } = await read();
      const { [server]: _, ...others } = servers;
      await write({ ...(current === undefined || current === server ? {} : { current }), servers: others });
    },

    async exclusively(work) {
      await prepare();
      for (;;) {
        const handle = await open(lock, 'wx', 0o600).catch(() => undefined);
        if (handle !== undefined) {
          await handle.close();
          break;
        }
        const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
        if (Date.now() - mtimeMs > staleAfterMs) {
          await rm(lock, { force: true });
        } else {
          await sleep(waitMs);
        }
      }
      try {
        return await work();
      } finally {
        await rm(lock, { force: true });
      }
    },
  };
}
