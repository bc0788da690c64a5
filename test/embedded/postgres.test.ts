import { mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { createLinks } from '../../src/embedded/postgres-binaries.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { silentLog } from '../support/services.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const asRoot = process.getuid?.() === 0;

async function start(directory: string, durable = false): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    directory,
    random: systemRandom,
    log: silentLog,
    durable,
  });
  onTestFinished(() => server.stop());
  return server;
}

async function query(server: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.connectionString.reveal() });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('what is stored survives a stop and a start', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  const first = await start(directory);
  await query(first, "create table notes as select 'kept' as note");
  await first.stop();
  expect(await query(await start(directory), 'select note from notes')).toEqual([{ note: 'kept' }]);
});

test('a server left behind by a killed process is stopped, and its data is there', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  const orphan = await start(directory);
  await query(orphan, "create table notes as select 'kept' as note");
  const successor = await start(directory);
  expect(successor.pid).not.toBe(orphan.pid);
  expect(() => process.kill(orphan.pid, 0)).toThrow('ESRCH');
  expect(await orphan.ended).toContain('PostgreSQL ended (0)');
  expect(await query(successor, 'select note from notes')).toEqual([{ note: 'kept' }]);
});

test('a killed server recovers at the next start', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  const first = await start(directory, true);
  await query(first, "create table notes as select 'kept' as note");
  process.kill(first.pid, 'SIGKILL');
  expect(await first.ended).toContain('SIGKILL');
  expect(await query(await start(directory), 'select note from notes')).toEqual([{ note: 'kept' }]);
});

test('a pid file that names some other process does not keep the server from starting', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  await (await start(directory)).stop();
  await writeFile(join(directory, 'cluster', 'postmaster.pid'), `${process.pid}\n${directory}/cluster\n`);
  const server = await start(directory);
  expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a creation that was cut short is begun again', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  await mkdir(join(directory, 'cluster.unfinished', 'base'), { recursive: true });
  const server = await start(directory);
  expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(await readdir(directory)).not.toContain('cluster.unfinished');
});

test('only the generated password opens it, and it listens on the loopback interface alone', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  const server = await start(directory);
  const wrong = new URL(server.connectionString.reveal());
  wrong.password = 'postgres';
  await expect(new pg.Client({ connectionString: wrong.href }).connect()).rejects.toMatchObject({
    code: '28P01',
  });
  expect(await query(server, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(directory, 'password'), 'utf8')).toHaveLength(43);
});

test('a server that does not start says why', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  await (await start(directory)).stop();
  await writeFile(join(directory, 'cluster', 'PG_VERSION'), '9.6\n');
  await expect(start(directory)).rejects.toThrow(/did not start.*not compatible/s);
});

test.runIf(asRoot)('as root it runs as nobody, who owns its directory', async () => {
  const directory = join(await temporaryDirectory(), 'postgres');
  const server = await start(directory);
  expect((await stat(`/proc/${server.pid}`)).uid).toBe(65_534);
  expect((await stat(directory)).uid).toBe(65_534);
});

test.runIf(asRoot)(
  'as root under a directory that nobody else may enter, it runs in a user namespace',
  async () => {
    const closed = await temporaryDirectory(0o700);
    const first = await start(join(closed, 'postgres'));
    expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect((await stat(join(closed, 'postgres', 'cluster'))).uid).toBe(0);
    const second = await start(join(closed, 'postgres'));
    expect(await query(second, 'select 2 as two')).toEqual([{ two: 2 }]);
  },
);

test('the links between shared libraries are made when the install script was not run', async () => {
  const root = await temporaryDirectory();
  await mkdir(join(root, 'native/lib'), { recursive: true });
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so' }];
  await writeFile(join(root, 'native/pg-symlinks.json'), JSON.stringify(links));
  await writeFile(join(root, 'native/lib/libx.so.1.2'), '');
  await Promise.all([createLinks(root), createLinks(root)]);
  await createLinks(root);
  expect(await readlink(join(root, 'native/lib/libx.so'))).toBe('libx.so.1.2');
});
