/**
 * `npm run demo:aws`: the full plan. A tenant asks for everything there is: files, a database, a cache, and services of its own. Keys are in KMS,
 * tables in DynamoDB, files in S3, services on ECS behind a load balancer with a name in Route 53, all of an emulator (aws-emulators.ts); the
 * database is a real PostgreSQL, and the cache a real Redis where `redis-server` is installed. Starts the product as its own process, prints
 * every step as it is done, what then exists, and the receipt, verified without the server; ends everything that it started.
 *
 * Two things that AWS does and the emulator does not are done here: tasks are registered as targets, and something answers for the balancer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeServicesCommand, ECSClient, ListServicesCommand } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { findFreePort } from '../src/embedded/free-port.ts';
import { type HostingTemplate, makeHostingTemplate } from '../test/aws/hosting-template.ts';
import { registerAllTasks, standInForLoadBalancer } from '../test/aws/load-balancer.ts';
import { startRedisServer } from '../test/support/redis-server.ts';
import { startMinistack } from './aws-emulators.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const region = 'us-east-1';
const patienceMs = 120_000;

interface Bootstrap {
  issuer: string;
  adminApi: string;
  resource: string;
  client: { client_id: string; client_secret: string };
}

interface OrderStatus {
  status: string;
  issuer?: string;
  url?: string;
  provisioning?: {
    state: string;
    failedStep?: string;
    error?: string;
    steps: { name: string; status: string; attempts: number; startedAt?: string; finishedAt?: string }[];
  };
}

let line = 0;
const stack = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stack.disposeAsync().finally(() => process.exit(130)));
}
try {
  await demonstrate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stack.disposeAsync();
}

async function demonstrate(): Promise<void> {
  const emulator = await startMinistack();
  stack.defer(() => emulator.stop());
  const aws = { endpoint: emulator.endpoint, region, credentials };
  const redis = await startRedisServer();
  stack.defer(() => redis?.stop());
  const loadBalancer = await standInForLoadBalancer();
  stack.defer(() => loadBalancer.close());
  const template = await makeHostingTemplate(aws);
  say('What the operator has', {
    AWS: `${emulator.endpoint} (emulator)`,
    cluster: template.cluster,
    template: Object.values(template.templateServices).join(', '),
    domain: template.domain,
    Redis:
      redis === undefined ? 'redis-server is not installed: the tenant gets no cache' : 'a server of its own',
  });

  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-demo-aws-'));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const origin = `http://localhost:${await findFreePort()}`;
  const server = startServer(
    settingsFor(
      { aws: emulator.endpoint, template, dataDir, origin, loadBalancer: loadBalancer.address },
      redis?.url.reveal(),
    ),
  );
  stack.defer(() => stopServer(server));
  await until('the server', async () => {
    if (server.exitCode !== null) {
      throw new Error('the server did not start');
    }
    const ready = await fetch(`${origin}/readyz`).catch(() => undefined);
    return ready?.ok === true ? true : undefined;
  });
  const bootstrap = JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')) as Bootstrap;
  const ecs = playEcs(aws, template);
  stack.defer(() => ecs.stop());

  const slug = `payments-${randomBytes(2).toString('hex')}`;
  const storage = ['s3', 'postgresql', ...(redis === undefined ? [] : ['redis'])];
  const order = await post(`${bootstrap.adminApi}/registrations`, {
    name: 'Payments',
    slug,
    requester: { name: 'Ada Lovelace', email: 'ada@payments.example' },
    purpose: 'Sign-in and services for the payments portal',
    features: { storage, hosting: ['ecs'] },
    redirectUris: ['https://payments.example/callback'],
  });
  say('A group asks for a tenant with everything', { order: order.orderId, storage, hosting: ['ecs'] });
  const read = async (): Promise<OrderStatus> =>
    (await fetch(String(order.statusUrl))).json() as Promise<OrderStatus>;
  await until('the order to be taken', async () =>
    (await read()).status === 'In-Process' ? true : undefined,
  );
  await post(
    `${bootstrap.adminApi}/registrations/${order.orderId}/approve`,
    {},
    await machineToken(bootstrap, 'registrations:decide'),
  );
  say('The order is approved; its steps, as they are done');

  const done = await followSteps(read);
  say('What the tenant has', {
    issuer: done.issuer ?? '',
    url: done.url ?? '',
    ...(await describeTenant(aws, template, slug)),
  });

  say('What is recorded is compared with what exists');
  await runScript('reconcile.ts', ['--data-dir', dataDir]);

  const receipt = join(dataDir, 'receipt.json');
  const keys = join(dataDir, 'evidence-keys.json');
  const token = await machineToken(bootstrap, 'tenants:read');
  await writeFile(receipt, await readText(`${bootstrap.adminApi}/tenants/${slug}/receipt`, token));
  await writeFile(keys, await readText(`${bootstrap.adminApi}/evidence/jwks`));
  // From here on nothing but the two files is looked at.
  await stopServer(server);
  say('Its receipt, verified without the server with the keys that the platform publishes');
  await runScript('verify-receipt.ts', [receipt, '--jwks', keys]);
}

async function readText(url: string, token?: string): Promise<string> {
  const response = await fetch(
    url,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );
  if (!response.ok) {
    throw new Error(`GET ${url} answered ${response.status}`);
  }
  return await response.text();
}

/** A script that operators and auditors are given, with what it prints. */
async function runScript(name: string, args: string[]): Promise<void> {
  const script = spawn(process.execPath, [join(import.meta.dirname, name), ...args], { stdio: 'inherit' });
  const code = await new Promise((resolve) => script.once('exit', resolve));
  if (code !== 0) {
    throw new Error(`${name} ended with ${code}`);
  }
}

function settingsFor(
  places: { aws: string; template: HostingTemplate; dataDir: string; origin: string; loadBalancer: string },
  redisUrl: string | undefined,
): Record<string, string> {
  const { aws, template, dataDir, origin, loadBalancer } = places;
  return {
    PORT: new URL(origin).port,
    PUBLIC_URL: origin,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'error',
    VALIDATION: 'automatic',
    COMPLIANCE: 'automatic',
    AWS_REGION: region,
    DYNAMODB_ENDPOINT: aws,
    KEYS: 'kms',
    KMS_ENDPOINT: aws,
    TENANT_DATABASE: 'schema',
    OBJECTS: 'bucket',
    S3_ENDPOINT: aws,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ECS_ENDPOINT: aws,
    ECS_CLUSTER: template.cluster,
    ECS_TEMPLATE_SERVICES: `backend=${template.templateServices.backend}:/api/*,frontend=${template.templateServices.frontend}`,
    ECS_SECRETS_BUCKET: template.bucket,
    ELB_ENDPOINT: aws,
    ALB_LISTENER_ARN: template.listenerArn,
    ROUTE53_ENDPOINT: aws,
    HOSTED_ZONE_ID: template.hostedZoneId,
    TENANT_DOMAIN: template.domain,
    TENANT_ENDPOINT_ADDRESS: loadBalancer,
  };
}

function startServer(settings: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, '..', 'src', 'main.ts')], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}

/** Registers the tasks of tenants' services as targets, as ECS would. */
function playEcs(
  aws: { endpoint: string; region: string; credentials: typeof credentials },
  template: HostingTemplate,
): { stop(): Promise<void> } {
  const over = new AbortController();
  const playing = (async () => {
    while (!over.signal.aborted) {
      await registerAllTasks(aws, Object.values(template.targetGroups));
      await delay(300, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      over.abort();
      await playing;
    },
  };
}

async function followSteps(read: () => Promise<OrderStatus>): Promise<OrderStatus> {
  const printed = new Set<string>();
  return await until('the tenant to become active', async () => {
    const seen = await read();
    for (const step of seen.provisioning?.steps ?? []) {
      if (step.status === 'done' && !printed.has(step.name)) {
        printed.add(step.name);
        const took = Date.parse(step.finishedAt ?? '') - Date.parse(step.startedAt ?? '');
        console.log(`      ✓ ${step.name.padEnd(20)} ${String(took).padStart(6)} ms`);
      }
    }
    const { state, failedStep, error } = seen.provisioning ?? {};
    if (state === 'failed' || state === 'rolled-back') {
      throw new Error(`step ${failedStep} failed: ${error}`);
    }
    return state === 'active' && !seen.provisioning?.steps.some(({ status }) => status !== 'done')
      ? seen
      : undefined;
  });
}

async function describeTenant(
  aws: { endpoint: string; region: string; credentials: typeof credentials },
  { cluster, listenerArn, hostedZoneId }: HostingTemplate,
  slug: string,
): Promise<Record<string, unknown>> {
  const { Buckets = [] } = await new S3Client({ ...aws, forcePathStyle: true }).send(
    new ListBucketsCommand({}),
  );
  const ecs = new ECSClient(aws);
  const { serviceArns = [] } = await ecs.send(new ListServicesCommand({ cluster }));
  const { services = [] } = await ecs.send(
    new DescribeServicesCommand({ cluster, services: serviceArns.filter((arn) => arn.includes(slug)) }),
  );
  const { Rules = [] } = await new ElasticLoadBalancingV2Client(aws).send(
    new DescribeRulesCommand({ ListenerArn: listenerArn }),
  );
  const { ResourceRecordSets = [] } = await new Route53Client(aws).send(
    new ListResourceRecordSetsCommand({ HostedZoneId: hostedZoneId }),
  );
  return {
    bucket: Buckets.flatMap(({ Name = '' }) => (Name.includes(slug) ? [Name] : [])).join(', '),
    services: services.map(({ serviceName, runningCount }) => `${serviceName}: ${runningCount} running`),
    rules: Rules.flatMap(({ Priority, Conditions = [] }) => {
      const values = Conditions.flatMap(({ Values = [] }) => Values);
      return values.some((value) => value.startsWith(`${slug}.`)) ? [`${Priority}: ${values.join(' ')}`] : [];
    }),
    records: ResourceRecordSets.flatMap(({ Name = '', Type }) =>
      Name.includes(slug) ? [`${Type} ${Name}`] : [],
    ),
  };
}

async function machineToken({ issuer, resource, client }: Bootstrap, scope: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function post(url: string, body: unknown, token?: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) {
    throw new Error(`POST ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  }
  return answer;
}

async function until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  for (const started = Date.now(); Date.now() - started < patienceMs; await delay(200)) {
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
  }
  throw new Error(`gave up waiting for ${what}`);
}

function say(text: string, details: Record<string, unknown> = {}): void {
  line += 1;
  console.log(`\n${String(line).padStart(2)}. ${text}`);
  for (const [name, value] of Object.entries(details)) {
    for (const [index, each] of [value].flat().entries()) {
      console.log(`    ${(index === 0 ? name : '').padEnd(10)} ${String(each)}`);
    }
  }
}
