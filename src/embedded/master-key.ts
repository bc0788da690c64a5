import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../kernel/random.ts';

/**
 * The 32-byte key in `<dataDir>/master.key` (mode 0600), generated the first time. Throws rather than generating one when the embedded
 * tables already hold what only the lost key can open. The caller holds the lock on the directory.
 */
export async function loadMasterKey(dataDir: string, random: Random): Promise<Buffer> {
  const file = join(dataDir, 'master.key');
  const text = await readFile(file, 'utf8').catch(ignoreAbsent);
  if (text !== undefined) {
    const key = Buffer.from(text.trim(), 'base64');
    if (key.length !== 32) {
      throw new Error(`${file} does not hold a 32-byte key in base64.`);
    }
    return key;
  }
  const tables = await readdir(join(dataDir, 'dynamodb')).catch(ignoreAbsent);
  if (tables && tables.length > 0) {
    throw new Error(
      `${file} is missing, and what it sealed in ${dataDir} cannot be opened without it. Restore it, or begin with an empty directory.`,
    );
  }
  const key = random.bytes(32);
  await writeDurably(file, `${key.toString('base64')}\n`);
  return key;
}

/** On disk, whole, before anything is sealed with it. */
async function writeDurably(file: string, content: string): Promise<void> {
  const unfinished = `${file}.unfinished`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}
