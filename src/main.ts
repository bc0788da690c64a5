/**
 * The process: settings -> storage -> context -> first-start work -> listen -> banner, and all of it backwards on SIGTERM, SIGINT or SIGHUP
 * (its terminal is gone), within SHUTDOWN_GRACE_SECONDS. A second signal ends the process at once. This is the only place that touches the
 * process itself: its environment, signals and exit code.
 *
 * Exit codes: 0 after an orderly stop; 78 (EX_CONFIG) for settings; 1 when something else keeps the server from starting or running;
 * 128 + signal when a second signal cut the stop short.
 */
import { constants } from 'node:os';
import { createProgress, printBanner, printFailure, silentProgress } from './banner.ts';
import { createContext } from './context.ts';
import { listen } from './listen.ts';
import { createLog, type Log } from './platform/log.ts';
import { serveMetrics } from './platform/metrics-server.ts';
import { readSettings, type Settings, SettingsError } from './platform/settings.ts';
import { openResources } from './resources.ts';

const exitCodeOfConfiguration = 78;

/** One Ctrl-C may arrive twice: the terminal sends it to every process of the group, and npm passes it on to its child, which is this one. */
const sameSignalMs = 500;

try {
  await run(readSettings(process.env, process.cwd()));
} catch (error) {
  if (!(error instanceof SettingsError)) {
    throw error;
  }
  printFailure(error.problems.map(({ name, message }) => `${name} ${message}`));
  process.exitCode = exitCodeOfConfiguration;
}

async function run(settings: Settings): Promise<void> {
  const log = createLog({ level: settings.logLevel });
  const stack = new AsyncDisposableStack();
  const stopRequested = new AbortController();
  const stopReason = new Promise<'signal' | 'storage lost'>((resolve) => {
    stopRequested.signal.addEventListener('abort', () => resolve(stopRequested.signal.reason));
  });
  stopOnSignals(log, stopRequested);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected error');
    process.exit(1);
  });

  const starting = start(settings, log, stack, stopRequested);
  const failure = await Promise.race([
    starting.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
    stopReason,
  ]);
  if (typeof failure === 'object' && !stopRequested.signal.aborted) {
    log.debug({ err: failure.error }, 'start failed');
    printFailure(describe(failure.error));
    await stopWithin(settings, log, stack, starting);
    process.exit(1);
  }
  const reason = await stopReason;
  const orderly = await stopWithin(settings, log, stack, starting);
  process.exit(orderly && reason === 'signal' ? 0 : 1);
}

async function start(
  settings: Settings,
  log: Log,
  stack: AsyncDisposableStack,
  stopRequested: AbortController,
): Promise<void> {
  const { signal } = stopRequested;
  const embedded = settings.database.kind === 'embedded' || settings.dynamodb.kind === 'embedded';
  const forPeople = embedded || process.stdout.isTTY === true;
  const progress = forPeople ? createProgress() : silentProgress;
  const resources = await openResources({
    settings,
    log,
    progress,
    stack,
    signal,
    onStorageLost(reason) {
      log.fatal({ reason }, 'the embedded storage ended');
      stopRequested.abort('storage lost');
    },
    onExit: (action) => process.on('exit', action),
  });
  signal.throwIfAborted();

  const context = await createContext(settings, resources, {});
  stack.defer(() => context.stop());
  await progress.step('Platform tenant and workers', () => context.start());
  signal.throwIfAborted();

  if (settings.metrics) {
    const server = await serveMetrics({ ...settings.metrics, metrics: context.metrics, log });
    stack.defer(() => server.close());
  }
  const { mode, host, port, shutdownGraceSeconds } = settings;
  const app = mode === 'work' ? context.workerApp : context.app;
  const server = await listen(app, { host, port, drainMs: shutdownGraceSeconds * 500 });
  stack.defer(() => server.close());
  const elapsedMs = performance.now();
  log.info({ mode, publicUrl: settings.publicUrl.origin, elapsedMs: Math.round(elapsedMs) }, 'ready');
  if (forPeople) {
    printBanner(settings, elapsedMs);
  }
}

function stopOnSignals(log: Log, stopRequested: AbortController): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!stopRequested.signal.aborted) {
        toldAt = performance.now();
        log.info({ signal }, 'stopping');
        stopRequested.abort('signal');
      } else if (performance.now() - toldAt > sameSignalMs) {
        process.exit(128 + constants.signals[signal]);
      }
    });
  }
}

/** Closes everything that was opened, also by a start that is not finished. False when the time was not enough. */
async function stopWithin(
  settings: Settings,
  log: Log,
  stack: AsyncDisposableStack,
  starting: Promise<void>,
): Promise<boolean> {
  const outOfTime = Promise.withResolvers<false>();
  setTimeout(() => outOfTime.resolve(false), settings.shutdownGraceSeconds * 1000).unref();
  const stopped = starting
    .catch(() => {})
    .then(() => stack.disposeAsync())
    .then(
      () => true,
      (error: unknown) => {
        log.error({ err: error }, 'the stop was not clean');
        return false;
      },
    );
  const orderly = await Promise.race([stopped, outOfTime.promise]);
  log.info({ orderly }, 'stopped');
  return orderly;
}

function describe(error: unknown): string[] {
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return ['PORT is in use by another program on this HOST'];
  }
  return [error instanceof Error ? error.message : String(error)];
}
