import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** `bootstrap.json`: how the first operators get in. Documented in the README; its shape is part of the product. */
export interface BootstrapFile {
  issuer: string;
  adminApi: string;
  resource: string;
  client: { client_id: string; client_secret: string; scopes: string[] };
  operators: { email: string; password: string; roles: string[] }[];
}

/** Appears whole or not at all, readable by its owner only. */
export async function writeBootstrapFile(directory: string, content: BootstrapFile): Promise<void> {
  const path = pathIn(directory);
  const draft = `${path}.${process.pid}.draft`;
  // A draft that a killed process with this pid left behind may have any mode.
  await rm(draft, { force: true });
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Follows a changed public URL, so that the file goes on naming addresses that answer. A missing or unreadable file stays as it is. */
export async function moveBootstrapFile(
  directory: string,
  addresses: Pick<BootstrapFile, 'issuer' | 'adminApi' | 'resource'>,
): Promise<void> {
  const content = await readBootstrapFile(directory);
  if (content && content.issuer !== addresses.issuer) {
    await writeBootstrapFile(directory, { ...content, ...addresses });
  }
}

async function readBootstrapFile(directory: string): Promise<BootstrapFile | undefined> {
  try {
    return JSON.parse(await readFile(pathIn(directory), 'utf8')) as BootstrapFile;
  } catch {
    return undefined;
  }
}

function pathIn(directory: string): string {
  return join(directory, 'bootstrap.json');
}
