import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Stops a PostgreSQL server that outlived the process that had started it, found by the cluster's own pid file. The caller holds the lock
 * on the data directory, so nobody else uses that server. A pid file whose process is gone, or is meanwhile something else (pids start
 * over with a container), is removed: PostgreSQL itself would refuse to start.
 *
 * Returns whether a server was stopped. Throws when it does not end within `patienceMs` of being told to end at once.
 */
export async function stopOrphan(cluster: string, patienceMs = 10_000): Promise<boolean> {
  const pidFile = join(cluster, 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (text === undefined) {
    return false;
  }
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1) || !(await isServerOf(pid, cluster))) {
    await rm(pidFile, { force: true });
    return false;
  }
  // SIGINT: roll back what is running and shut down cleanly. SIGQUIT: end now and recover from the log at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(pid, signal);
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(25)) {
      if (!(await isServerOf(pid, cluster))) {
        return true;
      }
    }
  }
  throw new Error(`A PostgreSQL server that was left behind does not stop: process ${pid}, ${cluster}`);
}

/**
 * Ends an initdb that outlived the process that had started it, with the helpers in its process group: it would go on writing to, and at
 * its end remove, the very directory in which the next one works. `pidFile` holds the number of the group's leader.
 */
export async function endOrphanedCreation(pidFile: string, cluster: string): Promise<void> {
  const leader = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  const isCreation = async () => {
    const commandLine = await readCommandLine(leader);
    return commandLine.includes('initdb') && commandLine.includes(cluster);
  };
  if (leader > 1 && (await isCreation())) {
    process.kill(-leader, 'SIGKILL');
    while (await isCreation()) {
      await delay(10);
    }
  }
  await rm(pidFile, { force: true });
}

/** Recognised by its command line, which names the directory it serves. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  const commandLine = await readCommandLine(pid);
  return commandLine.includes('postgres') && commandLine.includes(cluster);
}

/** Empty when there is no such process. */
async function readCommandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  }
  return await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}
