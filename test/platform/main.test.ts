import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

interface Run {
  process: ChildProcess;
  /** Resolves when `text` was printed; rejects with all that was printed when the process ends first. */
  printed(text: string): Promise<void>;
  ended: Promise<{ code: number | null; output: string }>;
}

function runMain(env: Record<string, string>): Run {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) {
        listener();
      }
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return {
    process: child,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        listeners.add(look);
        look();
        ended.then(() => reject(new Error(output)));
      }),
  };
}

/** Zombies, which their reaper has yet to collect, have no command line. */
async function isRunning(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';
}

test('settings that are wrong are listed together, and nothing is started', async () => {
  const dataDir = join(await temporaryDirectory(), 'data');
  const { code, output } = await runMain({ DATA_DIR: dataDir, PORT: 'many', APPROVAL: 'never' }).ended;
  expect(code).toBe(78);
  expect(output).toContain('PORT must be a whole number');
  expect(output).toContain('APPROVAL must be');
});

test('a server starts, keeps others out, survives a kill, and stops in order', {
  timeout: 60_000,
}, async () => {
  const dataDir = join(await temporaryDirectory(), 'data');
  const port = await findFreePort();
  const env = { DATA_DIR: dataDir, PORT: String(port), LOG_LEVEL: 'warn' };

  const first = runMain(env);
  await first.printed('Tenantry is ready');
  expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200);

  const second = await runMain({ ...env, PORT: String(await findFreePort()) }).ended;
  expect(second.code).toBe(1);
  expect(second.output).toContain(`${dataDir} is in use by process ${first.process.pid} on `);

  const cluster = join(dataDir, 'postgres/cluster/postmaster.pid');
  const orphan = Number.parseInt(await readFile(cluster, 'utf8'), 10);
  first.process.kill('SIGKILL');
  await first.ended;

  const third = runMain(env);
  await third.printed('Tenantry is ready');
  expect(await isRunning(orphan)).toBe(false);
  const database = Number.parseInt(await readFile(cluster, 'utf8'), 10);
  expect(database).not.toBe(orphan);
  third.process.kill('SIGTERM');
  expect((await third.ended).code).toBe(0);
  expect(await isRunning(database)).toBe(false);
});
