import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.ts';
import {
  checkoutDirectory,
  databaseProcesses,
  eventually,
  processTree,
  signalled,
  stillRunning,
} from '../support/server-process.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

let home: ServerHome;
let npm: ChildProcess | undefined;

beforeEach(async () => {
  home = await createServerHome();
});

afterEach(async () => {
  const left = npm?.pid === undefined ? [] : await processTree(npm.pid);
  for (const { pid } of left) {
    signalled(pid, 'SIGKILL');
  }
  await home.close();
});

it('`npm start` hands SIGTERM on to the server, and nothing outlives it', async () => {
  const dataDir = join(home.directory, 'data');
  const port = String(await findFreePort());
  npm = spawn('npm', ['start'], {
    cwd: checkoutDirectory,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: port,
      DATA_DIR: dataDir,
      LOG_LEVEL: 'error',
    },
    stdio: 'ignore',
  });
  const exited = once(npm, 'exit');
  await eventually('a ready server', 60, () =>
    fetch(`http://localhost:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const tree = await processTree(npm.pid ?? 0);
  npm.kill('SIGTERM');
  await exited;
  await eventually('the end of all processes', 40, async () => (await stillRunning(tree)).length === 0);
  expect(await databaseProcesses(dataDir)).toEqual([]);
});
