import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadMasterKey } from '../../src/embedded/master-key.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('it is generated once, readable by its owner alone', async () => {
  const directory = await temporaryDirectory();
  const key = await loadMasterKey(directory, systemRandom);
  expect(key).toHaveLength(32);
  expect(await loadMasterKey(directory, systemRandom)).toEqual(key);
  expect((await stat(join(directory, 'master.key'))).mode & 0o777).toBe(0o600);
});

test('a lost key is never replaced while there is something that it sealed', async () => {
  const directory = await temporaryDirectory();
  await loadMasterKey(directory, systemRandom);
  await mkdir(join(directory, 'dynamodb'));
  await writeFile(join(directory, 'dynamodb', '000003.log'), 'tables');
  await rm(join(directory, 'master.key'));
  await expect(loadMasterKey(directory, systemRandom)).rejects.toThrow('master.key is missing');
});

test('a damaged key is refused', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'master.key'), 'short\n');
  await expect(loadMasterKey(directory, systemRandom)).rejects.toThrow('does not hold a 32-byte key');
});
