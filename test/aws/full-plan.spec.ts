/**
 * The full plan on ministack, a real PostgreSQL and a real Redis: a worker killed by SIGKILL at every point of every step that makes something
 * outside, and every such step failing for a while and for good. Afterwards there is exactly one of each resource, or none. The table of points
 * and outcomes is printed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ECSClient, ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerDigest } from '../../src/cloud/resource-owner.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { connectedTo } from '../conformance/caches.ts';
import { type ControlPlane, startControlPlane, tenantRow } from '../provisioning/control-plane.ts';
import { failingStepsSuite } from '../provisioning/failing-steps.ts';
import { killWorkerAt } from '../provisioning/killed-worker.ts';
import { coreSteps } from '../support/core-steps.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { emulator } from './emulators.ts';
import { type HostingTemplate, makeHostingTemplate } from './hosting-template.ts';
import { registerAllTasks, type StandIn, standInForLoadBalancer } from './load-balancer.ts';

const steps = ['preconditions', 'database', 'objects', 'cache', 'balancer', 'services', 'dns', 'health'];
const request = { features: { storage: ['postgresql', 's3', 'redis'], hosting: ['ecs'] } };

let plane: ControlPlane;
let redis: RedisServer;
let template: HostingTemplate;
let loadBalancer: StandIn;
let directory: string;
let env: Record<string, string>;
let infrastructure: Infrastructure & { close(): void };
const over = new AbortController();
let playingEcs: Promise<void>;

beforeAll(async () => {
  const server = await startRedisServer();
  if (server === undefined) {
    throw new Error('these tests need redis-server (Debian package redis-server)');
  }
  redis = server;
  plane = await startControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-full-plan-'));
  loadBalancer = await standInForLoadBalancer();
  const aws = emulator('ministack');
  template = await makeHostingTemplate(aws);
  const { backend, frontend } = template.templateServices;
  env = {
    DATA_DIR: directory,
    TENANT_DATABASE: 'schema',
    OBJECTS: 'bucket',
    S3_ENDPOINT: aws.endpoint,
    REDIS_URL: redis.url.reveal(),
    ECS_ENDPOINT: aws.endpoint,
    ECS_CLUSTER: template.cluster,
    ECS_TEMPLATE_SERVICES: `backend=${backend}:/api/*,frontend=${frontend}`,
    ECS_SECRETS_BUCKET: template.bucket,
    ELB_ENDPOINT: aws.endpoint,
    ALB_LISTENER_ARN: template.listenerArn,
    ROUTE53_ENDPOINT: aws.endpoint,
    HOSTED_ZONE_ID: template.hostedZoneId,
    TENANT_DOMAIN: template.domain,
    TENANT_ENDPOINT_ADDRESS: loadBalancer.address,
    QUOTA_RULES: '100000',
  };
  infrastructure = openTestInfrastructure({ ...plane, env });
  playingEcs = playEcs();
});

afterAll(async () => {
  over.abort();
  await playingEcs;
  infrastructure.close();
  const name = new URL(plane.connectionString).pathname.slice(1);
  await plane.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await plane.close();
  await redis.stop();
  await loadBalancer.close();
  await rm(directory, { recursive: true });
});

async function playEcs(): Promise<void> {
  while (!over.signal.aborted) {
    // A target group may go between the list and the look.
    await registerAllTasks(emulator('ministack'), Object.values(template.targetGroups)).catch(() => {});
    await delay(100, undefined, { signal: over.signal }).catch(() => {});
  }
}

/** How many of each there are, counted without the product's own look-ups. */
async function traces(tenantId: TenantId, slug: Slug) {
  const aws = emulator('ministack');
  const digest = ownerDigest({ tenantId, slug });
  const name = `tenant_${ownerDigest({ tenantId, slug }, 24)}`;
  const { rows: roles } = await plane.postgres.query('select 1 from pg_roles where rolname = $1', [name]);
  const s3 = new S3Client({ ...aws, forcePathStyle: true });
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const { Contents: secretFiles = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket: template.bucket, Prefix: `services/${slug}-${digest}` }),
  );
  const { taskDefinitionArns = [] } = await new ECSClient(aws).send(
    new ListTaskDefinitionsCommand({ status: 'ACTIVE' }),
  );
  const { Rules = [] } = await new ElasticLoadBalancingV2Client(aws).send(
    new DescribeRulesCommand({ ListenerArn: template.listenerArn }),
  );
  const host = `${slug}.${template.domain}`;
  const { ResourceRecordSets = [] } = await new Route53Client(aws).send(
    new ListResourceRecordSetsCommand({ HostedZoneId: template.hostedZoneId, StartRecordName: host }),
  );
  const cache = await connectedTo(redis.url);
  const users = (await cache.sendCommand(['ACL', 'USERS'])) as string[];
  cache.destroy();
  const { hosting } = infrastructure;
  const owner = { tenantId, slug };
  return {
    roles: roles.length,
    buckets: Buckets.filter(({ Name = '' }) => Name.endsWith(`-${digest}`)).length,
    users: users.filter((user) => user === `tenant-${slug}`).length,
    targetGroups: Object.keys((await hosting?.balancer.find(owner, ['backend', 'frontend'])) ?? {}).length,
    rules: Rules.filter(({ Conditions = [] }) => Conditions.some(({ Values }) => Values?.includes(host)))
      .length,
    services: (await hosting?.services.describe(owner))?.length,
    definitions: taskDefinitionArns.filter((arn) => arn.includes(`-${digest}:`)).length,
    secretFiles: secretFiles.length,
    records: ResourceRecordSets.filter(({ Name = '' }) => Name.endsWith(`${host}.`)).length,
    secrets: Object.keys((await plane.directory.get(slug))?.sealedSecrets ?? {}).length,
  };
}

const everything = {
  roles: 1,
  buckets: 1,
  users: 1,
  targetGroups: 2,
  rules: 2,
  services: 2,
  definitions: 2,
  secretFiles: 1,
  records: 2,
  secrets: 2,
};
const nothing = Object.fromEntries(Object.keys(everything).map((name) => [name, 0]));

const outcomes: [point: string, outcome: string][] = [];

const killedAt = (point: string, failAt?: string) =>
  killWorkerAt(point, {
    plane,
    request,
    env,
    infrastructure,
    outbox: join(directory, 'outbox'),
    ...(failAt === undefined ? {} : { failAt }),
  });

it('is looked at in every step that reaches outside; the others are for crash.test.ts', () => {
  const { steps: all } = plane.provisioning({ infrastructure });
  expect(new Set(all.keys())).toEqual(new Set([...steps, ...coreSteps, 'receipt']));
});

describe('a worker killed at any point of the full plan', () => {
  afterAll(() => {
    const width = Math.max(...outcomes.map(([point]) => point.length));
    const lines = outcomes.map(([point, outcome]) => `  ${point.padEnd(width)}  ${outcome}\n`);
    process.stdout.write(`\nSIGKILL at                    afterwards\n${lines.join('')}`);
  });

  it.each(
    steps.flatMap((step) =>
      ['before-act', 'after-act', 'after-confirm', 'after-done'].map((phase) => `${step}/${phase}`),
    ),
  )('while it builds, at %s: there is exactly one of each', async (point) => {
    const { tenantId, slug, resume, mails } = await killedAt(point);
    await resume();
    expect((await tenantRow(plane.postgres, tenantId))?.status).toBe('active');
    expect(await traces(tenantId, slug)).toEqual(everything);
    expect(await mails()).toBe(1);
    outcomes.push([point, 'active, one of each']);
  });

  it.each(steps.flatMap((step) => ['before-undo', 'after-undo'].map((phase) => `${step}/${phase}`)))(
    'while it removes what it built, at %s: there is nothing left',
    async (point) => {
      const { tenantId, slug, resume } = await killedAt(point, 'defaults/before-act');
      await resume();
      expect(await traces(tenantId, slug)).toEqual(nothing);
      expect((await tenantRow(plane.postgres, tenantId))?.provisioning_state).toBe('rolled-back');
      outcomes.push([point, 'rolled back, nothing left']);
    },
  );

  it.each(steps)('after %s made something that was never recorded: the undo finds it', async (step) => {
    const { tenantId, slug, resume } = await killedAt(`${step}/after-act`);
    await resume(async (point) => {
      if (point.step === step && point.phase === 'before-act') {
        throw new UnusableResult('It cannot be done.');
      }
    });
    expect(await traces(tenantId, slug)).toEqual(nothing);
    outcomes.push([`${step}/after-act, then failed`, 'rolled back, nothing left']);
  });
});

failingStepsSuite(steps, () => ({ plane, infrastructure, request, traces, nothing, everything }));
