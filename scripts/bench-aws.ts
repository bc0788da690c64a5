/**
 * Measures the product over DynamoDB and KMS of an emulator, in each key mode: `npm run bench:aws`, or `npm run bench:aws -- --quick`. Starts
 * ministack (aws-emulators.ts); three servers in processes of their own take turns as in bench.ts. Then each is started once more under
 * Node's CPU profiler, to say whose code the time goes to. docs/performance.md explains the numbers.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findFreePort } from '../src/embedded/free-port.ts';
import { startMinistack } from './aws-emulators.ts';
import { describeCpuShares, describeServers } from './bench/aws-report.ts';
import { type CpuShares, profileClock, readCpuShares } from './bench/cpu-shares.ts';
import { flowNames } from './bench/flows.ts';
import { onboardTenants } from './bench/onboard.ts';
import type { Slice } from './bench/samples.ts';
import { startServer } from './bench/server-process.ts';
import { createSubject, measure, type Subject } from './bench/subject.ts';
import type { TenantryFacts } from './bench/tenantry-server.ts';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const concurrency = 8;
const { rounds, sliceMs, warmUpMs, profileMs } = options.quick
  ? { rounds: 3, sliceMs: 300, warmUpMs: 300, profileMs: 1_000 }
  : { rounds: 7, sliceMs: 700, warmUpMs: 1_500, profileMs: 4_000 };
const modes = ['local', 'kms', 'kms-envelope'] as const;
const profiledFlow = 'refresh token';

const startedAt = performance.now();
const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-aws-'));
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
  console.log(`load average before: ${loadavg()[0]?.toFixed(1)}`);
  const ministack = await startMinistack();
  stack.defer(() => ministack.stop());
  progress('the emulator is ready');

  const subjects: Subject[] = [];
  for (const mode of modes) {
    subjects.push(await startSubject(mode, ministack.endpoint, stack));
  }
  progress('servers are ready and tenants onboarded');
  for (const flow of flowNames) {
    for (const subject of subjects) {
      await measure(subject, flow, 0, warmUpMs);
    }
  }
  const slices: Slice[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const flow of flowNames) {
      for (const subject of subjects) {
        slices.push(await measure(subject, flow, round, sliceMs));
      }
    }
  }
  progress('measured');
  const shares = new Map<string, CpuShares>();
  for (const mode of modes) {
    shares.set(mode, await profile(mode, ministack.endpoint));
  }
  progress('profiled');
  console.log(`load average after: ${loadavg()[0]?.toFixed(1)}\n`);
  console.log(describeServers(slices, modes));
  console.log(`\n${describeCpuShares(shares, profiledFlow)}`);
}

/** A server of its own deployment, with one tenant. */
async function startSubject(
  mode: (typeof modes)[number],
  endpoint: string,
  owner: AsyncDisposableStack,
  nodeOptions: readonly string[] = [],
): Promise<Subject> {
  const id = randomBytes(4).toString('hex');
  const dataDir = join(directory, id);
  await mkdir(dataDir, { mode: 0o711 });
  const server = await startServer<TenantryFacts>('tenantry-server.ts', {
    stack: owner,
    nodeOptions,
    env: {
      DATA_DIR: dataDir,
      PORT: String(await findFreePort()),
      DYNAMODB_ENDPOINT: endpoint,
      KMS_ENDPOINT: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      TABLE_PREFIX: `bench-${id}`,
      KEYS: mode,
      KMS_CREATE_KEYS_PER_SECOND: '1000',
      KMS_ECC_SIGNATURES_PER_SECOND: '100000',
      ...(mode === 'local' ? { MASTER_KEY: randomBytes(32).toString('base64') } : {}),
      VALIDATION: 'automatic',
      COMPLIANCE: 'automatic',
    },
  });
  const tenants = await onboardTenants(server.facts, { count: 1, signIns: concurrency });
  const { origin } = server.facts;
  return createSubject({ name: mode, process: server, origin, tenants, concurrency, stack: owner });
}

async function profile(mode: (typeof modes)[number], endpoint: string): Promise<CpuShares> {
  const profiles = join(directory, `profile-${mode}`);
  const window = { from: 0, to: 0 };
  {
    await using own = new AsyncDisposableStack();
    const subject = await startSubject(mode, endpoint, own, ['--cpu-prof', `--cpu-prof-dir=${profiles}`]);
    await measure(subject, profiledFlow, 0, warmUpMs);
    window.from = profileClock();
    await measure(subject, profiledFlow, 0, profileMs);
    window.to = profileClock();
  }
  return await readCpuShares(profiles, window);
}

function progress(what: string): void {
  console.error(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${what}`);
}
