import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListTaskDefinitionsCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import { createEcsAdapter, type EcsOptions } from '../../src/cloud/service/ecs.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { freshOwner } from '../conformance/owners.ts';
import { silentLog } from '../support/services.ts';
import { type EmulatorName, emulator } from './emulators.ts';
import { type HostingTemplate, makeHostingTemplate } from './hosting-template.ts';

const never = new AbortController().signal;
const targetGroups = {
  backend: 'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/b/1',
  frontend: 'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/f/2',
};

function open(name: EmulatorName, template: HostingTemplate, options: Partial<EcsOptions> = {}) {
  return createEcsAdapter({
    ...emulator(name),
    cluster: template.cluster,
    templateServices: template.templateServices,
    secretFiles: { bucket: template.bucket, endpoint: emulator(name).endpoint },
    deployment: 'tenantry-test',
    log: silentLog,
    timings: { pollMs: 5, steadyMs: 300, drainMs: 5_000 },
    ...options,
  });
}

const deploymentOf = (owner: ResourceOwner) => ({
  environment: {
    TENANT_SLUG: owner.slug,
    OIDC_ISSUER: `https://id.example.com/${owner.slug}`,
    REDIS_URL: undefined,
  },
  secrets: { DATABASE_URL: new Secret('postgres://role:p4ss@db/tenant') },
  targetGroups,
});

describe('service port: ECS on ministack', () => {
  let template: HostingTemplate;
  let ecs: ECSClient;
  beforeAll(async () => {
    template = await makeHostingTemplate(emulator('ministack'));
    ecs = new ECSClient(emulator('ministack'));
  });

  it('lists services and task definitions of its deployment, until they are removed', async () => {
    const owner = freshOwner();
    const stranger = freshOwner();
    const services = open('ministack', template);
    const elsewhere = open('ministack', template, { deployment: 'another' });
    await services.deploy(owner, deploymentOf(owner));
    await elsewhere.deploy(stranger, deploymentOf(stranger));
    const listed = async () =>
      (await services.list([])).filter(({ owner: { tenantId } }) => tenantId === owner.tenantId);
    const names = (await listed()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('service tenant-'))).toHaveLength(2);
    expect(names.filter((name) => name.startsWith('task definition tenant-'))).toHaveLength(2);
    const others = (await services.list([])).map((each) => each.owner.tenantId);
    expect(others).not.toContain(stranger.tenantId);
    await services.remove(owner, never);
    expect(await listed()).toEqual([]);
    await elsewhere.remove(stranger, never);
  });

  async function read(owner: ResourceOwner, part: string) {
    const state = (await open('ministack', template).describe(owner)).find((each) => each.part === part);
    const { services } = await ecs.send(
      new DescribeServicesCommand({
        cluster: template.cluster,
        services: [state?.service ?? ''],
        include: ['TAGS'],
      }),
    );
    const service = services?.[0];
    const { taskDefinition } = await ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: service?.taskDefinition }),
    );
    return { service, taskDefinition };
  }

  async function revisions(family: string, status: 'ACTIVE' | 'INACTIVE' = 'ACTIVE'): Promise<number> {
    const { taskDefinitionArns = [] } = await ecs.send(
      new ListTaskDefinitionsCommand({ familyPrefix: family, status }),
    );
    return taskDefinitionArns.length;
  }

  it('knows the parts of the template', async () => {
    expect(await open('ministack', template).templateParts()).toEqual([
      { part: 'backend', targetGroup: template.targetGroups.backend },
      { part: 'frontend', targetGroup: template.targetGroups.frontend },
    ]);
    const wrong = open('ministack', template, { templateServices: { backend: 'nothing' } });
    await expect(wrong.templateParts()).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'The template service of the backend does not exist.',
    });
  });

  it('clones the template but for environment, secrets and target group', async () => {
    const owner = freshOwner();
    const services = open('ministack', template);
    await services.deploy(owner, deploymentOf(owner));
    expect(await services.untilSteady(owner, never)).toEqual([]);
    const { service, taskDefinition } = await read(owner, 'backend');
    expect(service).toMatchObject({
      desiredCount: 2,
      launchType: 'FARGATE',
      healthCheckGracePeriodSeconds: 30,
      networkConfiguration: {
        awsvpcConfiguration: { securityGroups: [template.securityGroup], assignPublicIp: 'DISABLED' },
      },
      deploymentConfiguration: {
        maximumPercent: 150,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      loadBalancers: [{ targetGroupArn: targetGroups.backend, containerName: 'app', containerPort: 8080 }],
    });
    expect(service?.tags).toContainEqual({ key: 'tenantry:tenant', value: owner.tenantId });
    expect(taskDefinition).toMatchObject({
      cpu: '512',
      memory: '1024',
      networkMode: 'awsvpc',
      taskRoleArn: 'arn:aws:iam::000000000000:role/template-task',
      runtimePlatform: { cpuArchitecture: 'ARM64' },
    });
    const file = `arn:aws:s3:::${template.bucket}/services/`;
    expect(taskDefinition?.containerDefinitions).toMatchObject([
      {
        name: 'app',
        image: 'registry.example.com/backend:1.4.2',
        environment: [
          { name: 'LOG_LEVEL', value: 'info' },
          { name: 'TENANT_SLUG', value: owner.slug },
          { name: 'OIDC_ISSUER', value: `https://id.example.com/${owner.slug}` },
        ],
        secrets: [{ name: 'LICENSE' }],
        environmentFiles: [{ type: 's3', value: expect.stringContaining(file) }],
      },
      { name: 'log-router', environment: [{ name: 'TENANT_SLUG', value: owner.slug }] },
    ]);
    expect(JSON.stringify({ service, taskDefinition })).not.toContain('p4ss');
    await services.remove(owner, never);
  });

  it('keeps secrets in an encrypted file that goes with the services', async () => {
    const owner = freshOwner();
    const services = open('ministack', template);
    await services.deploy(owner, deploymentOf(owner));
    const { taskDefinition } = await read(owner, 'frontend');
    const arn = taskDefinition?.containerDefinitions?.[0]?.environmentFiles?.[0]?.value ?? '';
    const [Bucket, ...path] = arn.replace('arn:aws:s3:::', '').split('/');
    const s3 = new S3Client({ ...emulator('ministack'), forcePathStyle: true });
    const get = () => s3.send(new GetObjectCommand({ Bucket, Key: path.join('/') }));
    const { Body, ServerSideEncryption } = await get();
    expect(await Body?.transformToString()).toBe('DATABASE_URL=postgres://role:p4ss@db/tenant\n');
    expect(ServerSideEncryption).toBe('AES256');
    await services.remove(owner, never);
    await expect(get()).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('registers nothing twice, and moves a service whose definition changes', async () => {
    const owner = freshOwner();
    const services = open('ministack', template);
    await services.deploy(owner, deploymentOf(owner));
    await services.deploy(owner, deploymentOf(owner));
    const family = (await read(owner, 'backend')).taskDefinition?.family ?? '';
    expect(await revisions(family)).toBe(1);
    const changed = deploymentOf(owner);
    await services.deploy(owner, {
      ...changed,
      environment: { ...changed.environment, OIDC_ISSUER: 'https://new.example.com' },
    });
    expect(await revisions(family)).toBe(2);
    expect((await read(owner, 'backend')).taskDefinition?.revision).toBe(2);
    await services.remove(owner, never);
  });

  it('removes services and definitions, and nobody else’s', async () => {
    const [owner, other] = [freshOwner(), freshOwner()];
    const services = open('ministack', template);
    await services.deploy(owner, deploymentOf(owner));
    await services.deploy(other, deploymentOf(other));
    const family = (await read(owner, 'backend')).taskDefinition?.family ?? '';
    const used = await services.used();
    await services.remove(owner, never);
    await services.remove(owner, never);
    expect(await services.describe(owner)).toEqual([]);
    expect([await revisions(family), await revisions(family, 'INACTIVE')]).toEqual([0, 1]);
    expect(await services.used()).toBe(used - 2);
    expect((await services.describe(other)).map(({ state }) => state)).toEqual(['steady', 'steady']);
    await services.deploy(owner, deploymentOf(owner));
    expect(await services.untilSteady(owner, never)).toEqual([]);
    await services.remove(owner, never);
    await services.remove(other, never);
  });

  it('says which part is missing', async () => {
    expect(await open('ministack', template).untilSteady(freshOwner(), never)).toEqual([
      'backend: there is no service',
      'frontend: there is no service',
    ]);
  });
});

it('gives up waiting when tasks never run', async () => {
  // moto starts no task by itself.
  const template = await makeHostingTemplate(emulator('moto'));
  const services = open('moto', template);
  const owner = freshOwner();
  await services.deploy(owner, deploymentOf(owner));
  expect(await services.untilSteady(owner, never)).toEqual([
    'backend: 0 of 2 tasks run and time is up',
    'frontend: 0 of 2 tasks run and time is up',
  ]);
  const [backend] = await services.describe(owner);
  const ecs = new ECSClient(emulator('moto'));
  await ecs.send(
    new UpdateServiceCommand({ cluster: template.cluster, service: backend?.service, desiredCount: 1 }),
  );
  await services.remove(owner, never);
  expect(await services.describe(owner)).toEqual([]);
});
