import { fork } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lockDataDir } from '../../src/embedded/data-dir.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('the second to come is told who holds the directory, until it is released', async () => {
  const path = join(await temporaryDirectory(), 'data');
  const first = await lockDataDir(path);
  await expect(lockDataDir(path)).rejects.toThrow(
    `in use by process ${process.pid} on ${hostname()} since 2`,
  );
  first.release();
  (await lockDataDir(path)).release();
});

test('of many that come at once, exactly one gets it', async () => {
  const path = join(await temporaryDirectory(), 'data');
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(path)));
  const winners = results.filter((result) => result.status === 'fulfilled');
  expect(winners).toHaveLength(1);
  winners[0]?.value.release();
});

test('a process that is killed holds it no longer', async () => {
  const path = join(await temporaryDirectory(), 'data');
  const holder = fork(fileURLToPath(new URL('holder-process.ts', import.meta.url)), {
    env: { ...process.env, TEST_DATA_DIR: path },
    execArgv: [],
  });
  await once(holder, 'message');
  await expect(lockDataDir(path)).rejects.toThrow(`in use by process ${holder.pid} on`);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  (await lockDataDir(path)).release();
});

test('nobody else can list what is in it', async () => {
  const path = join(await temporaryDirectory(), 'data');
  (await lockDataDir(path)).release();
  expect((await stat(path)).mode & 0o066).toBe(0);
});
