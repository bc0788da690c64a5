import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { readSettings, type SettingsError } from '../../src/platform/settings.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const masterKey = Buffer.alloc(32, 7).toString('base64');
const external = {
  DATABASE_URL: 'postgres://app:secret@db/tenantry',
  DYNAMODB_ENDPOINT: 'aws',
  MASTER_KEY: masterKey,
};
const hosting = {
  ECS_CLUSTER: 'apps',
  ECS_TEMPLATE_SERVICES: 'backend=company-x-api:/api/*, frontend=company-x-web',
  ECS_SECRETS_BUCKET: 'acme-secrets',
  ALB_LISTENER_ARN: 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/apps/1a2b/3c4d',
  TENANT_DOMAIN: 'apps.example.com',
};

async function problemsOf(env: NodeJS.ProcessEnv): Promise<string[]> {
  try {
    readSettings(env, await temporaryDirectory());
    return [];
  } catch (error) {
    return (error as SettingsError).problems.map(({ name, message }) => `${name} ${message}`);
  }
}

test('with embedded storage tenants can have a schema and a folder', async () => {
  expect(readSettings({}, await temporaryDirectory()).infrastructure).toMatchObject({
    database: { kind: 'schema', adminUrl: undefined, connections: 20 },
    objects: { kind: 'disk' },
    redisUrl: undefined,
    hosting: undefined,
    quotas: { tables: 2500, rules: 100 },
  });
});

test('with external storage tenants have what somebody asked for', async () => {
  const { infrastructure } = readSettings(external, await temporaryDirectory());
  expect(infrastructure).toMatchObject({ database: { kind: 'none' }, objects: { kind: 'none' } });
});

test('everything that is asked for', async () => {
  const settings = readSettings(
    {
      ...external,
      ...hosting,
      AWS_REGION: 'eu-central-1',
      TENANT_DATABASE: 'database',
      TENANT_DATABASE_URL: 'postgres://admin:hunter2@tenants/postgres',
      OBJECTS: 'bucket',
      S3_BUCKET_PREFIX: 'acme',
      REDIS_URL: 'rediss://admin:hunter2@cache:6380',
      HOSTED_ZONE_ID: 'Z0123456789ABC',
      TENANT_ENDPOINT_ADDRESS: 'internal-lb.example.com:8443',
      ECS_ENDPOINT: 'http://127.0.0.1:4566',
    },
    await temporaryDirectory(),
  );
  expect(settings.infrastructure).toMatchObject({
    region: 'eu-central-1',
    database: { kind: 'database', connections: 20 },
    objects: { kind: 'bucket', namePrefix: 'acme' },
    s3: { endpoint: undefined },
    hosting: {
      ecs: { endpoint: 'http://127.0.0.1:4566', cluster: 'apps', steadySeconds: 600 },
      parts: [
        { part: 'backend', service: 'company-x-api', path: '/api/*' },
        { part: 'frontend', service: 'company-x-web' },
      ],
      balancer: { endpoint: undefined, listenerArn: hosting.ALB_LISTENER_ARN },
      dns: { hostedZoneId: 'Z0123456789ABC' },
      domain: 'apps.example.com',
      endpointAddress: 'internal-lb.example.com:8443',
    },
  });
  expect(inspect(settings, { depth: 6 }) + JSON.stringify(settings)).not.toContain('hunter2');
});

test.each([
  [{ OBJECTS: 'prefix' }, ['S3_BUCKET is required with OBJECTS=prefix']],
  [
    { ECS_CLUSTER: 'apps' },
    ['ECS_TEMPLATE_SERVICES', 'ECS_SECRETS_BUCKET', 'ALB_LISTENER_ARN', 'TENANT_DOMAIN'].map(
      (name) => `${name} is required with ECS_CLUSTER`,
    ),
  ],
  [
    { TENANT_DOMAIN: 'apps.example.com', HOSTED_ZONE_ID: 'Z1' },
    [
      'TENANT_DOMAIN goes with ECS_CLUSTER, which is not set',
      'HOSTED_ZONE_ID goes with ECS_CLUSTER, which is not set',
    ],
  ],
])('%o is refused', async (env, problems) => {
  expect(await problemsOf(env)).toEqual(problems);
});

test.each([
  ['ECS_TEMPLATE_SERVICES', 'backend'],
  ['ECS_TEMPLATE_SERVICES', 'backend=a,frontend=b'],
  ['ECS_TEMPLATE_SERVICES', 'backend=a:/api/*'],
  ['ECS_TEMPLATE_SERVICES', 'web=a:/x,web=b'],
  ['ECS_TEMPLATE_SERVICES', 'averylongname=a'],
  ['ECS_TEMPLATE_SERVICES', 'web=a;rm'],
  ['ALB_LISTENER_ARN', 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/apps/1a2b'],
  ['TENANT_DOMAIN', 'Apps.Example.com'],
  ['TENANT_DOMAIN', 'localhost'],
  ['TENANT_DOMAIN', '*.example.com'],
  ['REDIS_URL', 'redis://cache:6379/3'],
  ['REDIS_URL', 'http://cache'],
  ['S3_BUCKET', 'Upper'],
  ['S3_BUCKET_PREFIX', 'much-too-long-prefix'],
  ['HOSTED_ZONE_ID', '/hostedzone/Z1'],
  ['TENANT_ENDPOINT_ADDRESS', 'http://host'],
  ['QUOTA_TABLES', '-1'],
])('%s cannot be %s', async (name, value) => {
  expect(await problemsOf({ ...hosting, [name]: value })).toEqual([
    expect.stringMatching(new RegExp(`^${name} must be `)),
  ]);
});
