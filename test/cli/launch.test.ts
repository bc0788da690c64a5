import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const launcher = resolve('src/cli/launch.js');
let bin: string;

/** Every Node that is on the path, the oldest of which may be older than the product's own. */
const nodes = (process.env.PATH ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'node'))
  .filter((path) => {
    try {
      return execFileSync(path, ['--version'], { stdio: 'pipe' }).length > 0;
    } catch {
      return false;
    }
  });

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'tenantry-bin-'));
  await symlink(launcher, join(bin, 'tenantry'));
});
afterAll(() => rm(bin, { recursive: true }));

const shell = (script: string) =>
  run('bash', ['-c', script], { env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` } });

describe('the command', () => {
  it.each(nodes)('runs under the Node of the product, started by %s', async (node) => {
    const { stdout } = await run(node, [launcher, '--version']);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('hands its exit code on', async () => {
    await expect(run(process.execPath, [launcher, 'nothing'])).rejects.toMatchObject({ code: 2 });
    await expect(
      run(process.execPath, [launcher, '--server', 'http://127.0.0.1:1', 'registrations', 'get', 'x'], {
        env: { ...process.env, TENANTRY_TOKEN: 'x' },
      }),
    ).rejects.toMatchObject({ code: 7, stdout: '' });
  });
});

describe('completion', () => {
  it('of bash asks the command itself', async () => {
    const complete = (line: string) => {
      const words = line.split(' ');
      return shell(`
        eval "$(tenantry completion bash)"
        COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
        _tenantry; printf '%s\\n' "\${COMPREPLY[@]}"`);
    };
    expect((await complete('tenantry te')).stdout).toBe('tenants\n');
    expect((await complete('tenantry tenants re')).stdout).toBe('resume\nrestore\n');
    expect((await complete('tenantry clients create X --type s')).stdout).toBe('spa\n');
    expect((await complete('tenantry clients create --red')).stdout).toBe('--redirect-uri\n');
    expect((await complete('tenantry completion z')).stdout).toBe('zsh\n');
  });

  it.each(['zsh', 'fish'])('of %s does the same', async (name) => {
    const { stdout } = await run(process.execPath, [launcher, 'completion', name]);
    expect(stdout).toContain('tenantry complete -- ');
    expect(stdout).not.toContain('undefined');
  });

  it('offers no shell that it does not know', async () => {
    await expect(run(process.execPath, [launcher, 'completion', 'dos'])).rejects.toMatchObject({ code: 2 });
  });
});
