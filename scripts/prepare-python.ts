import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '..', 'node_modules', '.cache');
const preparing = new Map<string, Promise<string>>();

/**
 * A Python virtual environment with what a requirements file names, made once and kept in node_modules/.cache; made anew when the file
 * changes. Returns its directory.
 */
export function preparePython(what: { name: string; requirements: string }): Promise<string> {
  const begun = preparing.get(what.requirements) ?? makeEnvironment(what);
  preparing.set(what.requirements, begun);
  return begun;
}

async function makeEnvironment({
  name,
  requirements,
}: {
  name: string;
  requirements: string;
}): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const environment = join(cache, `tenantry-${name}-${digest}`);
  const complete = join(environment, 'complete');
  if (await readFile(complete).catch(() => undefined)) {
    return environment;
  }
  console.log(`preparing ${environment}`);
  await mkdir(environment, { recursive: true });
  await mustRun('python3', ['-m', 'venv', '--clear', environment]);
  const pip = join(environment, 'bin', 'pip');
  await mustRun(pip, ['install', '--quiet', '--disable-pip-version-check', '--requirement', requirements]);
  await writeFile(complete, 'yes\n');
  return environment;
}

async function mustRun(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) {
    throw new Error(`${command} ended with ${code}`);
  }
}
