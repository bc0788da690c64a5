/**
 * `npm run test:aws`: runs vitest.aws.config.ts against two AWS emulators that others wrote (aws-emulators.ts): the adapters' own tests, and
 * the journeys of the embedded default once more over DynamoDB and KMS. Arguments are handed to vitest.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Emulator, startMinistack, startMoto } from './aws-emulators.ts';

const root = join(import.meta.dirname, '..');
const stack = new AsyncDisposableStack();
let tests: ChildProcess | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    tests?.kill(signal);
    stack.disposeAsync().finally(() => process.exit(130));
  });
}

try {
  const [ministack, fullPlan, moto] = await Promise.all([
    start(startMinistack),
    start(startMinistack),
    start(startMoto),
  ]);
  process.exitCode = await runTests({
    MINISTACK_ENDPOINT: ministack.endpoint,
    FULL_PLAN_ENDPOINT: fullPlan.endpoint,
    MOTO_ENDPOINT: moto.endpoint,
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stack.disposeAsync();
}

/** Ended in the end, also when another one does not start. */
async function start(emulator: () => Promise<Emulator>): Promise<Emulator> {
  const started = await emulator();
  stack.defer(() => started.stop());
  return started;
}

/** By the Node that runs this: the one that comes first in PATH may be older. */
async function runTests(endpoints: Record<string, string>): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--config',
      'vitest.aws.config.ts',
      ...process.argv.slice(2),
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...endpoints } },
  );
  tests = child;
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
