/**
 * Measures what the product costs over bare oidc-provider, and what many tenants cost over one: `npm run bench`, or `npm run bench -- --quick`.
 * Three servers in processes of their own take turns, slice by slice, so that a machine that becomes slower or faster meanwhile does so for
 * all of them. docs/performance.md explains the numbers.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, platform, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findFreePort } from '../src/embedded/free-port.ts';
import type { BareFacts } from './bench/bare-server.ts';
import { type BenchTenant, flowNames } from './bench/flows.ts';
import { onboardTenants } from './bench/onboard.ts';
import { describeResults } from './bench/report.ts';
import type { Slice } from './bench/samples.ts';
import { type ServerProcess, startServer } from './bench/server-process.ts';
import { obtainRefreshTokens } from './bench/sign-in.ts';
import { createSubject, measure, type Subject } from './bench/subject.ts';
import type { TenantryFacts } from './bench/tenantry-server.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    /** A directory for CPU profiles of the servers. */
    profile: { type: 'string' },
  },
});
const concurrency = 8;
const { rounds, sliceMs, warmUpMs, manyTenants } = options.quick
  ? { rounds: 3, sliceMs: 250, warmUpMs: 250, manyTenants: 20 }
  : { rounds: 7, sliceMs: 700, warmUpMs: 1_000, manyTenants: 100 };
const servers = ['bare oidc-provider', '1 tenant', `${manyTenants} tenants`] as const;

const nodeOptions =
  options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`];

const startedAt = performance.now();
const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
const stack = new AsyncDisposableStack();
stack.defer(() => rm(directory, { recursive: true, force: true }));
const interrupted = new Promise<never>((_, reject) => {
  process.once('SIGINT', () => reject(new Error('interrupted')));
  process.once('SIGTERM', () => reject(new Error('terminated')));
});
try {
  // The embedded PostgreSQL may run as another user, who must be able to pass.
  await chmod(directory, 0o711);
  await Promise.race([bench(), interrupted]);
} finally {
  await stack.disposeAsync();
}

async function bench(): Promise<void> {
  const [{ model = 'unknown CPU' } = {}] = cpus();
  console.log(
    `Node ${process.versions.node} on ${platform()} ${arch()}, ${availableParallelism()} cores (${model.trim()})`,
  );
  console.log(`${concurrency} connections, ${rounds} rounds of ${sliceMs} ms per flow and server`);
  // What else the machine is doing; the bench itself brings it to about three.
  console.log(`load average before: ${describeLoad()}`);
  const subjects = [
    await startBare(servers[0]),
    ...(await Promise.all([startTenantry(servers[1], 1), startTenantry(servers[2], manyTenants)])),
  ];
  progress('servers are ready and tenants onboarded');
  for (const flow of flowNames) {
    for (const subject of subjects) {
      await measure(subject, flow, 0, warmUpMs);
    }
  }
  progress('everything has been called once');
  const slices: Slice[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const flow of flowNames) {
      for (const subject of subjects) {
        slices.push(await measure(subject, flow, round, sliceMs));
      }
    }
  }
  progress('measured');
  console.log(`load average after: ${describeLoad()}\n\n${describeResults(slices, servers)}`);
}

async function startBare(name: string): Promise<Subject> {
  const server = await startServer<BareFacts>('bare-server.ts', { stack, nodeOptions });
  const { origin, machine, web } = server.facts;
  const refreshTokens = await obtainRefreshTokens({ issuer: origin, client: web, times: concurrency });
  return toSubject(name, server, origin, [{ path: '', machine, web, refreshTokens }]);
}

async function startTenantry(name: string, count: number): Promise<Subject> {
  const dataDir = join(directory, String(count));
  await mkdir(dataDir, { mode: 0o711 });
  const port = await findFreePort();
  const env = { DATA_DIR: dataDir, PORT: String(port) };
  const server = await startServer<TenantryFacts>('tenantry-server.ts', { stack, env, nodeOptions });
  const tenants = await onboardTenants(server.facts, { count, signIns: Math.max(concurrency, count) });
  return toSubject(name, server, server.facts.origin, tenants);
}

function toSubject(
  name: string,
  server: ServerProcess<unknown>,
  origin: string,
  tenants: readonly BenchTenant[],
): Subject {
  return createSubject({ name, process: server, origin, tenants, concurrency, stack });
}

function describeLoad(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}

function progress(what: string): void {
  console.error(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${what}`);
}
