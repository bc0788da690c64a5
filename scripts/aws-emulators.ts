/**
 * The two AWS emulators that others wrote, for `npm run test:aws`, `npm run bench:aws` and `npm run demo:aws`: a Python virtual environment made once (kept in
 * node_modules/.cache, made anew when test/aws/requirements.txt changes), both started on loopback, both ended whatever happens.
 *
 * `AWS_EMULATORS_VENV` names a virtual environment that has them already.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../src/embedded/free-port.ts';
import { preparePython } from './prepare-python.ts';

const root = join(import.meta.dirname, '..');
const startWithinMs = 60_000;

export interface Emulator {
  /** Loopback URL of all its services. */
  endpoint: string;
  /** By force when it takes longer than five seconds. */
  stop(): Promise<void>;
}

export async function startMinistack(): Promise<Emulator> {
  const port = await findFreePort();
  return await startEmulator('ministack', [], port, {
    // It would bind every interface.
    BIND_HOST: '127.0.0.1',
    MINISTACK_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    LOG_LEVEL: 'ERROR',
    // Where it finds Docker it would run what ECS services name.
    DOCKER_HOST: 'unix:///nonexistent',
  });
}

export async function startMoto(): Promise<Emulator> {
  const port = await findFreePort();
  return await startEmulator('moto_server', ['-H', '127.0.0.1', '-p', String(port)], port, {});
}

async function startEmulator(
  program: string,
  args: string[],
  port: number,
  settings: Record<string, string>,
): Promise<Emulator> {
  const environment = process.env.AWS_EMULATORS_VENV ?? (await prepareEnvironment());
  const child = spawn(join(environment, 'bin', program), args, {
    cwd: root,
    env: { ...process.env, ...settings, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let lastWords = '';
  child.stderr.on('data', (chunk: Buffer) => {
    lastWords = `${lastWords}${chunk}`.slice(-4_000);
  });
  child.on('error', (error) => {
    lastWords = error.message;
  });
  const emulator = { endpoint: `http://127.0.0.1:${port}`, stop: () => stop(child) };
  if (!(await answers(child, emulator.endpoint))) {
    await emulator.stop();
    throw new Error(`${program} does not answer: ${lastWords || 'it says nothing'}`);
  }
  return emulator;
}

async function answers(child: ChildProcess, endpoint: string): Promise<boolean> {
  for (const started = Date.now(); Date.now() - started < startWithinMs; await delay(200)) {
    if (child.exitCode !== null || child.pid === undefined) {
      return false;
    }
    if (await fetch(endpoint, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)) {
      return true;
    }
  }
  return false;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
    return;
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = new AbortController();
  await Promise.race([ended, delay(5_000, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
  child.kill('SIGKILL');
}

/** The virtual environment's directory. */
function prepareEnvironment(): Promise<string> {
  return preparePython({ name: 'aws', requirements: join(root, 'test', 'aws', 'requirements.txt') });
}
