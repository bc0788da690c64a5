import { createHash } from 'node:crypto';
import {
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  ListTaskDefinitionFamiliesCommand,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
} from '@aws-sdk/client-ecs';
import { isRefusal } from '../aws-call.ts';
import { ownerInTags, type ResourceOwner } from '../resource-owner.ts';
import { sdkError } from '../sdk-faults.ts';
import type { EcsConnection } from './ecs-connection.ts';

/** ECS fills in defaults, so a definition is recognised by what was asked for, not by what it became. */
const digestTag = 'tenantry:digest';

export function createTaskDefinitions({ ecs, call }: EcsConnection) {
  async function describeLatest(family: string) {
    try {
      return await call('DescribeTaskDefinition', (options) =>
        ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: family, include: ['TAGS'] }), options),
      );
    } catch (error) {
      if (isRefusal(error, 'ClientException') && /unable to describe/i.test(sdkError(error).message)) {
        return undefined;
      }
      throw error;
    }
  }

  /** The latest revision's ARN when it was made from the same input. */
  async function findSame(family: string, digest: string): Promise<string | undefined> {
    const { taskDefinition, tags } = (await describeLatest(family)) ?? {};
    const same = tags?.some(({ key, value }) => key === digestTag && value === digest);
    return taskDefinition?.status === 'ACTIVE' && same ? taskDefinition.taskDefinitionArn : undefined;
  }

  async function families(familyPrefix: string): Promise<string[]> {
    const found: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = await call('ListTaskDefinitionFamilies', (options) =>
        ecs.send(
          new ListTaskDefinitionFamiliesCommand({
            familyPrefix,
            status: 'ACTIVE',
            ...(token === undefined ? {} : { nextToken: token }),
          }),
          options,
        ),
      );
      found.push(...(page.families ?? []));
      token = page.nextToken;
      if (token === undefined) {
        return found;
      }
    }
  }

  return {
    /** Families with an active revision whose latest bears a tenant's mark of this deployment; `known` ones are not asked. */
    async marked(
      deployment: string,
      familyPrefix: string,
      known: ReadonlyMap<string, ResourceOwner>,
    ): Promise<{ name: string; owner: ResourceOwner }[]> {
      const found: { name: string; owner: ResourceOwner }[] = [];
      for (const name of await families(familyPrefix)) {
        const owner = known.get(name) ?? ownerInTags(deployment, (await describeLatest(name))?.tags ?? []);
        if (owner !== undefined) {
          found.push({ name, owner });
        }
      }
      return found;
    },

    /** The ARN of a revision with this content. Registers one unless the family's latest has it. */
    async ensure(
      input: RegisterTaskDefinitionCommandInput,
      tags: Readonly<Record<string, string>>,
    ): Promise<string> {
      const digest = createHash('sha256').update(JSON.stringify(input)).digest('hex');
      const existing = await findSame(input.family ?? '', digest);
      if (existing !== undefined) {
        return existing;
      }
      const { taskDefinition } = await call('RegisterTaskDefinition', (options) =>
        ecs.send(
          new RegisterTaskDefinitionCommand({
            ...input,
            tags: Object.entries({ ...tags, [digestTag]: digest }).map(([key, value]) => ({ key, value })),
          }),
          options,
        ),
      );
      return taskDefinition?.taskDefinitionArn ?? '';
    },

    /** Every active revision of exactly this family. */
    async deregister(family: string): Promise<void> {
      const found: string[] = [];
      for (let token: string | undefined; ; ) {
        const page = await call('ListTaskDefinitions', (options) =>
          ecs.send(
            new ListTaskDefinitionsCommand({
              familyPrefix: family,
              status: 'ACTIVE',
              ...(token === undefined ? {} : { nextToken: token }),
            }),
            options,
          ),
        );
        found.push(...(page.taskDefinitionArns ?? []));
        token = page.nextToken;
        if (token === undefined) {
          break;
        }
      }
      for (const arn of found.filter((each) => each.split('/').at(-1)?.split(':')[0] === family)) {
        await call('DeregisterTaskDefinition', (options) =>
          ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: arn }), options),
        );
      }
    },
  };
}
