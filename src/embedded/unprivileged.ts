import { chown, lchown, mkdir, readdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** Linux's overflow id: belongs to nobody, present everywhere without an entry in any file. */
const nobody = 65534;

/** How to run a program that refuses to run as root. */
export interface Unprivileged {
  /** Prefix of the command line. */
  command: readonly string[];
  /** Passed to spawn; absent when the process stays under the current user id. */
  identity: { uid?: number; gid?: number };
}

/**
 * PostgreSQL refuses to run as root. Started as root, it runs as the id nobody, which then owns its directory. Where that id cannot reach
 * the binaries or the directory (a checkout under a home directory of mode 0700), it runs in a user namespace of its own instead, in which
 * root appears as nobody and owns what root owns.
 *
 * `directory` is created with mode 0700 for whoever will use it, with all that is in it handed over.
 */
export async function prepareUnprivileged(program: string, directory: string): Promise<Unprivileged> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) {
    return { command: hasName() ? [] : inNamespace, identity: {} };
  }
  const reachable = (await isReachable(dirname(program))) && (await isReachable(dirname(directory)));
  const owner = reachable ? nobody : 0;
  if ((await stat(directory)).uid !== owner) {
    await handOver(directory, owner);
  }
  return reachable
    ? { command: [], identity: { uid: nobody, gid: nobody } }
    : { command: inNamespace, identity: {} };
}

const inNamespace = ['unshare', '--user', `--map-user=${nobody}`, '--'];

/** Containers may run under an id without an entry in /etc/passwd, which PostgreSQL refuses too. */
function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

/** Whether every directory from the root down lets any user pass. */
async function isReachable(directory: string): Promise<boolean> {
  const { mode } = await stat(directory);
  const parent = dirname(directory);
  return (mode & 0o001) !== 0 && (parent === directory || (await isReachable(parent)));
}

/** Children first, so that an interrupted change is seen and taken up again by the next start. */
async function handOver(directory: string, owner: number): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      await handOver(path, owner);
    } else {
      await lchown(path, owner, owner);
    }
  }
  await chown(directory, owner, owner);
}
