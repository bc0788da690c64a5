import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

const program = `
  const { createLog } = await import('./src/platform/log.ts');
  const log = createLog({ level: 'info' });
  process.stdin.once('data', () => { log.info('nobody reads this'); log.fatal('nor this'); process.exit(3); });
  process.stderr.write('ready');
`;

it('lets the process end when nobody reads its log any more', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'pipe' });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 40_000);
  await once(child.stderr, 'data');
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.write('go');
  const [code, signal] = await once(child, 'exit');
  clearTimeout(deadline);
  expect({ code, signal }).toEqual({ code: 3, signal: null });
});
