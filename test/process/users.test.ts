import { execFile } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import {
  checkoutDirectory,
  databaseProcesses,
  type ProcessIdentity,
  processTree,
  readBootstrap,
  stillRunning,
} from '../support/server-process.ts';
import { machineToken } from './server-calls.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

/** Nobody. */
const ordinaryUser = 65_534;

async function openHome(owner?: number): Promise<ServerHome> {
  const home = await createServerHome(owner === undefined ? {} : { owner });
  onTestFinished(() => home.close());
  return home;
}

async function ownersOf(processes: readonly ProcessIdentity[]): Promise<number[]> {
  const owners = await Promise.all(processes.map(async ({ pid }) => (await stat(`/proc/${pid}`)).uid));
  return [...new Set(owners)];
}

/** First start, kill, second start, stop: the life of a server under one user. */
async function live(home: ServerHome, options: Parameters<ServerHome['start']>[0] = {}) {
  const first = await (await home.start(options)).ready();
  const bootstrap = await readBootstrap(first.dataDir);
  await machineToken(bootstrap);
  const owners = {
    server: await ownersOf(await processTree(first.pid).then((tree) => tree.slice(0, 1))),
    database: await ownersOf(await databaseProcesses(first.dataDir)),
  };
  await first.kill();

  const second = await (await home.start({ ...options, port: Number(new URL(first.origin).port) })).ready();
  expect(await readBootstrap(second.dataDir)).toEqual(bootstrap);
  await machineToken(bootstrap);
  const tree = await processTree(second.pid);
  expect(await second.stop()).toBe(0);
  expect(await stillRunning(tree)).toEqual([]);
  expect(await databaseProcesses(second.dataDir)).toEqual([]);
  return owners;
}

interface Case {
  name: string;
  open: () => Promise<ServerHome>;
  options?: (home: ServerHome) => Promise<Parameters<ServerHome['start']>[0]>;
  expected: { server: number; database: number };
}

const self = process.getuid?.() ?? 0;
const cases: Case[] =
  self === 0
    ? [
        {
          name: 'as root runs as root, its database as nobody',
          open: () => openHome(),
          expected: { server: 0, database: ordinaryUser },
        },
        {
          name: 'as an ordinary user runs as that user altogether',
          open: () => openHome(ordinaryUser),
          options: async (home) => ({
            user: { uid: ordinaryUser, gid: ordinaryUser },
            checkout: await readableCheckout(home),
          }),
          expected: { server: ordinaryUser, database: ordinaryUser },
        },
      ]
    : [
        {
          name: 'as an ordinary user runs as that user altogether',
          open: () => openHome(),
          expected: { server: self, database: self },
        },
      ];

it.each(cases)('a server started $name', async ({ open, options, expected }) => {
  const home = await open();
  expect(await live(home, await options?.(home))).toEqual({
    server: [expected.server],
    database: [expected.database],
  });
});

/** This checkout when everybody can reach it, else a copy in the home. */
async function readableCheckout(home: ServerHome): Promise<string> {
  if (await isReachable(checkoutDirectory)) {
    return checkoutDirectory;
  }
  const copy = join(home.directory, 'checkout');
  await mkdir(copy, { mode: 0o755 });
  const parts = ['package.json', 'src', 'views', 'migrations', 'node_modules'];
  await promisify(execFile)('cp', ['-a', ...parts.map((part) => join(checkoutDirectory, part)), copy]);
  return copy;
}

async function isReachable(directory: string): Promise<boolean> {
  const { mode } = await stat(directory);
  const parent = dirname(directory);
  return (mode & 0o001) !== 0 && (parent === directory || (await isReachable(parent)));
}
