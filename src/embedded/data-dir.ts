import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface DataDir {
  path: string;
  /** Lets the next process in. The end of the process, however it comes, does the same. */
  release(): void;
}

/**
 * Makes `path` this process's own for as long as it lives. Throws, naming the holder, when another process has it.
 *
 * The lock is one that the operating system holds for the process (through SQLite, which node brings), so there is no stale lock to
 * recognise and no moment in which two processes both believe they have it; a pid in a file says nothing in a container, where pids begin
 * again with each start. The file beside it only tells who holds the lock.
 */
export async function lockDataDir(path: string): Promise<DataDir> {
  // Started as root, the embedded PostgreSQL runs as another user, who must be able to pass through.
  await mkdir(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const holderFile = join(path, 'holder.json');
  const lock = new DatabaseSync(join(path, 'lock'));
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive');
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode !== sqliteBusy) {
      throw cause;
    }
    throw new Error(
      `${path} is in use by ${await describeHolder(holderFile)}. One process at a time can own it.`,
      { cause },
    );
  }
  const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  await writeFile(holderFile, `${JSON.stringify(holder)}\n`);
  return {
    path,
    release() {
      lock.close();
    },
  };
}

const sqliteBusy = 5;

async function describeHolder(file: string): Promise<string> {
  try {
    const { pid, host, since } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    return `process ${pid} on ${host} since ${since}`;
  } catch {
    return 'another process';
  }
}
