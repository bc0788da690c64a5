import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { createDiskObjects } from '../../src/cloud/objects/disk.ts';
import { objectsConformance } from '../conformance/objects.ts';
import { freshOwner } from '../conformance/owners.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function put(location: string, name: string, content: string): Promise<void> {
  await mkdir(dirname(join(location, name)), { recursive: true });
  await writeFile(join(location, name), content);
}

async function list(location: string): Promise<string[]> {
  const names = await readdir(location).catch(() => []);
  return names.filter((name) => !name.startsWith('.tenantry'));
}

objectsConformance('disk', async () => ({
  storage: createDiskObjects({ directory: join(await temporaryDirectory(), 'objects') }),
  put,
  list,
}));

it('says when other users of the machine can enter a folder', async () => {
  const storage = createDiskObjects({ directory: await temporaryDirectory() });
  const owner = freshOwner();
  const { location } = await storage.create(owner);
  await chmod(location, 0o755);
  expect(await storage.inspect(owner)).toEqual(['other users of the machine can enter the folder']);
});

it('does not follow a link out of the folder when it removes', async () => {
  const directory = await temporaryDirectory();
  const storage = createDiskObjects({ directory: join(directory, 'objects') });
  const owner = freshOwner();
  const { location } = await storage.create(owner);
  await put(directory, 'elsewhere/kept.txt', 'kept');
  await symlink(join(directory, 'elsewhere'), join(location, 'link'));
  await storage.remove(owner);
  expect(await list(join(directory, 'elsewhere'))).toEqual(['kept.txt']);
});

it('says when folders cannot be made', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'file'), '');
  const storage = createDiskObjects({ directory: join(directory, 'file', 'objects') });
  expect(await storage.problems()).toEqual([expect.stringContaining('ENOTDIR')]);
  await expect(storage.create(freshOwner())).rejects.toMatchObject({ code: 'temporarily_unavailable' });
});
