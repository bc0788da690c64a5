import type { TaskDefinition } from '@aws-sdk/client-ecs';
import { expect, it } from 'vitest';
import { cloneTaskDefinition } from '../../src/cloud/service/clone-task-definition.ts';

const template: TaskDefinition = {
  taskDefinitionArn: 'arn:aws:ecs:eu-central-1:123456789012:task-definition/company-x:7',
  family: 'company-x',
  revision: 7,
  status: 'ACTIVE',
  registeredAt: new Date(0),
  registeredBy: 'arn:aws:iam::123456789012:user/olga',
  requiresAttributes: [{ name: 'ecs.capability.task-eni' }],
  compatibilities: ['EC2', 'FARGATE'],
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '512',
  memory: '1024',
  volumes: [{ name: 'scratch' }],
  ephemeralStorage: { sizeInGiB: 30 },
  containerDefinitions: [
    {
      name: 'app',
      image: 'app:1',
      environment: [
        { name: 'LOG_LEVEL', value: 'info' },
        { name: 'OBJECTS_LOCATION', value: 's3://company-x/' },
      ],
      secrets: [
        { name: 'DATABASE_URL', valueFrom: 'arn:of:company-x' },
        { name: 'LICENSE', valueFrom: 'arn:of:license' },
      ],
      environmentFiles: [{ type: 's3', value: 'arn:aws:s3:::common/common.env' }],
      healthCheck: { command: ['CMD', 'true'] },
    },
    { name: 'migrator', image: 'app:1', secrets: [{ name: 'DATABASE_URL', valueFrom: 'arn:of:company-x' }] },
    { name: 'router', image: 'router:1' },
  ],
};

const changes = {
  family: 'tenant-acme',
  mainContainer: 'app',
  environment: { TENANT_SLUG: 'acme', OBJECTS_LOCATION: undefined },
  secretNames: ['DATABASE_URL', 'REDIS_URL'],
  secretFile: 'arn:aws:s3:::secrets/services/acme.env',
};

it('keeps everything of the template that is not read-only', () => {
  const { containerDefinitions, ...clone } = cloneTaskDefinition(template, changes);
  expect(clone).toEqual({
    family: 'tenant-acme',
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '512',
    memory: '1024',
    volumes: [{ name: 'scratch' }],
    ephemeralStorage: { sizeInGiB: 30 },
  });
  expect(containerDefinitions?.[0]).toMatchObject({
    image: 'app:1',
    healthCheck: { command: ['CMD', 'true'] },
  });
  expect(containerDefinitions?.[2]).toEqual({ name: 'router', image: 'router:1', environment: [] });
});

it('gives every container the tenant’s secrets where it had the template’s', () => {
  const [app, migrator, router] = cloneTaskDefinition(template, changes).containerDefinitions ?? [];
  expect(app?.environmentFiles).toEqual([
    { type: 's3', value: 'arn:aws:s3:::common/common.env' },
    { type: 's3', value: changes.secretFile },
  ]);
  expect(app?.secrets).toEqual([{ name: 'LICENSE', valueFrom: 'arn:of:license' }]);
  expect(migrator?.environmentFiles).toEqual([{ type: 's3', value: changes.secretFile }]);
  expect(router).not.toHaveProperty('environmentFiles');
});

it('leaves nothing of the template’s own where the tenant has none', () => {
  const clone = cloneTaskDefinition(template, { ...changes, secretFile: undefined });
  expect(JSON.stringify(clone)).not.toContain('company-x');
  expect(clone.containerDefinitions?.[0]?.environment).toEqual([
    { name: 'LOG_LEVEL', value: 'info' },
    { name: 'TENANT_SLUG', value: 'acme' },
  ]);
});

it('does not change the template', () => {
  const before = structuredClone(template);
  cloneTaskDefinition(template, changes);
  expect(template).toEqual(before);
});
