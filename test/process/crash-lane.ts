import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../src/embedded/free-port.ts';
import type { CrashPlan } from '../support/crashing-context.ts';
import { crashingContext, eventually, type ServerProcess, within } from '../support/server-process.ts';
import { call, register, type SubmittedOrder } from './server-calls.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

/** One data directory and one server after the other on it, each killed at a point of a provisioning run. */
export interface CrashLane {
  readonly home: ServerHome;
  readonly dataDir: string;
  /** The server that runs; when it has died, the next one, which has no plan to die. */
  server(): Promise<ServerProcess>;
  /** Starts a server that dies at the point before it is ready. Resolves with its end. */
  startCrashing(plan: CrashPlan): ServerProcess['ended'];
  /** Registers a tenant, in whose provisioning the server dies. */
  registerCrashing(slug: string, plan: CrashPlan): Promise<{ order: SubmittedOrder; code: number | string }>;
}

export async function openCrashLane(): Promise<CrashLane> {
  const home = await createServerHome();
  const dataDir = join(home.directory, 'data');
  const crashFile = join(home.directory, 'crash.json');
  // Every server is found at the same address: it is part of the issuers.
  const port = await findFreePort();
  let running: ServerProcess | undefined;

  const lay = (plan: CrashPlan) => writeFile(crashFile, JSON.stringify(plan));
  const start = () =>
    home.start({
      dataDir,
      port,
      preload: [crashingContext],
      env: { TENANTRY_CRASH_FILE: crashFile, APPROVAL: 'automatic' },
    });

  async function server(): Promise<ServerProcess> {
    if (!running) {
      await rm(crashFile, { force: true });
      running = await (await start()).ready();
    }
    return running;
  }

  return {
    home,
    dataDir,
    server,
    async startCrashing(plan) {
      await lay(plan);
      return await (await start()).ended;
    },
    async registerCrashing(slug, plan) {
      const { origin, ended } = await server();
      await lay(plan);
      const order = await register(origin, slug);
      const { code } = await within(60, `the end of the server at ${plan.crashAt}`, ended);
      running = undefined;
      return { order, code };
    },
  };
}

/** Waits until provisioning of the order's tenant has come to an end. */
export async function untilSettled({ statusUrl, slug }: SubmittedOrder): Promise<string> {
  return await eventually(`provisioning of ${slug} has ended`, 40, async () => {
    const state = (await call(statusUrl)).body?.provisioning?.state;
    return state !== undefined && !['queued', 'running'].includes(state) && state;
  });
}

export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  process.stdout.write(`\n${title}\n${lines.map((line) => `  ${line.trimEnd()}\n`).join('')}`);
}
