/**
 * `npm run test:api`: schemathesis (PyPI, test/api/requirements.txt) goes through /api/openapi.json against the product as `npm start` runs it, on
 * loopback with a data directory of its own: no 5xx, every answer in its schema, and no operation of the document left out. The same requests
 * every time. Needs `python3` with `venv`, and some minutes; `SCHEMATHESIS_VENV` names a virtual environment that has it already.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../src/embedded/free-port.ts';
import { readBootstrap, type ServerProcess, startServer } from '../test/support/server-process.ts';
import { preparePython } from './prepare-python.ts';
import { configure } from './test-api/configure.ts';
import { findUntried } from './test-api/count-answers.ts';
import { createPlatformThings, createThings } from './test-api/create-things.ts';
import { readOperations } from './test-api/operations.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'api');
const stack = new AsyncDisposableStack();
/** Each part ends when nothing can come of it any more, on however slow a machine. */
const patience = { start: 180_000, things: 300_000, tests: 1_200_000 };
let tests: ChildProcess | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    tests?.kill(signal);
    stack.disposeAsync().finally(() => process.exit(130));
  });
}

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

try {
  const environment =
    process.env.SCHEMATHESIS_VENV ??
    (await preparePython({ name: 'api', requirements: join(folder, 'requirements.txt') }));
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-api-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const server = startServer({
    dataDir: join(directory, 'data'),
    port: await findFreePort(),
    env: { LOG_LEVEL: 'error', REGISTRATIONS_PER_HOUR: '100000' },
  });
  stack.defer(async () => void (await server.stop()));
  await ready(server);
  const token = await platformToken(server);
  const access = { origin: server.origin, token, patience: AbortSignal.timeout(patience.things) };
  const operations = await readOperations(server.origin, access.patience);
  const configuration = join(directory, 'schemathesis.toml');
  await writeFile(
    configuration,
    configure(operations, {
      kept: await createThings(access, 'kept'),
      doomed: await createThings(access, 'doomed'),
      ended: await createThings(access, 'ended'),
      platform: await createPlatformThings(access),
    }),
  );
  const calls = join(directory, 'calls');
  await writeFile(calls, '');
  process.exitCode = await run(environment, { configuration, calls }, server, token);
  const untried = await findUntried(operations, calls);
  if (untried.length > 0) {
    console.error(untried.join('\n'));
    process.exitCode = 1;
  }
  if (/"level":"(error|fatal)"/.test(server.output())) {
    console.error(
      server
        .output()
        .split('\n')
        .filter((line) => line.includes('"level":"error"'))
        .slice(0, 20)
        .join('\n'),
    );
    process.exitCode = 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stack.disposeAsync();
}

/** Its log says so on a level that is off. */
async function ready({ origin }: ServerProcess): Promise<void> {
  const limit = AbortSignal.timeout(patience.start);
  for (;;) {
    limit.throwIfAborted();
    const response = await fetch(`${origin}/readyz`).catch(() => undefined);
    if (response?.ok === true) {
      return;
    }
    await delay(200);
  }
}

async function platformToken({ origin, dataDir }: ServerProcess): Promise<string> {
  const { client, issuer, resource } = await readBootstrap(dataDir);
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource,
      scope: client.scopes.join(' '),
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (token === undefined) {
    throw new Error(`${origin} gives no token`);
  }
  return token;
}

async function run(
  environment: string,
  { configuration, calls }: { configuration: string; calls: string },
  { origin }: ServerProcess,
  token: string,
): Promise<number> {
  const child = spawn(
    join(environment, 'bin', 'schemathesis'),
    [
      ...['--config-file', configuration, 'run', `${origin}/api/openapi.json`],
      ...['--header', `Authorization: Bearer ${token}`],
      ...['--checks', checks.join(',')],
      ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '3'],
      ...['--workers', '1', '--warnings', 'off', '--no-color'],
    ],
    {
      // It keeps things beside itself, which would make the next run another one.
      cwd: dirname(configuration),
      stdio: 'inherit',
      env: {
        ...process.env,
        SCHEMATHESIS_HOOKS: 'hooks',
        PYTHONPATH: folder,
        PYTHONDONTWRITEBYTECODE: '1',
        CALLS_FILE: calls,
      },
      signal: AbortSignal.timeout(patience.tests),
    },
  );
  tests = child;
  const [code] = await once(child, 'exit');
  return (code as number | null) ?? 1;
}
