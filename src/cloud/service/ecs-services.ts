import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ListServicesCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { AppError } from '../../kernel/errors.ts';
import { isRefusal, unlessAbsent } from '../aws-call.ts';
import { ownerInTags, type ResourceOwner } from '../resource-owner.ts';
import { sdkError } from '../sdk-faults.ts';
import type { EcsConnection } from './ecs-connection.ts';
import type { EcsTemplate } from './ecs-template.ts';
import type { PartState } from './port.ts';

/**
 * What a tenant's service takes over from the template's. Service discovery and Service Connect are left out: under them the tenants' services
 * would answer for the template's names.
 */
const takenOver = [
  'platformVersion',
  'placementConstraints',
  'placementStrategy',
  'networkConfiguration',
  'healthCheckGracePeriodSeconds',
  'schedulingStrategy',
  'enableExecuteCommand',
  'availabilityZoneRebalancing',
] as const satisfies readonly (keyof Service & keyof CreateServiceCommandInput)[];

/** As many as one call takes. */
const describedAtOnce = 10;

export function createEcsServices({ ecs, call, cluster }: EcsConnection) {
  async function find(name: string): Promise<Service | undefined> {
    const answer = await unlessAbsent(
      ['ClusterNotFoundException', 'ServiceNotFoundException'],
      call('DescribeServices', (options) =>
        ecs.send(new DescribeServicesCommand({ cluster, services: [name] }), options),
      ),
    );
    return answer?.services?.find(({ status }) => status !== 'INACTIVE');
  }

  async function allArns(): Promise<string[]> {
    const arns: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = await call('ListServices', (options) =>
        ecs.send(
          new ListServicesCommand({
            cluster,
            maxResults: 100,
            ...(token === undefined ? {} : { nextToken: token }),
          }),
          options,
        ),
      );
      arns.push(...(page.serviceArns ?? []));
      token = page.nextToken;
      if (token === undefined) {
        return arns;
      }
    }
  }

  async function create(input: CreateServiceCommandInput): Promise<void> {
    try {
      await call('CreateService', (options) => ecs.send(new CreateServiceCommand(input), options));
    } catch (error) {
      if (isRefusal(error, 'InvalidParameterException') && /draining/i.test(sdkError(error).message)) {
        throw new AppError('temporarily_unavailable', 'An earlier service of this name has not ended yet.', {
          cause: error,
        });
      }
      throw error;
    }
  }

  return {
    async ensure(
      template: EcsTemplate,
      wanted: {
        name: string;
        taskDefinition: string;
        targetGroup: string;
        tags: Readonly<Record<string, string>>;
      },
    ): Promise<void> {
      const existing = await find(wanted.name);
      if (existing?.status !== 'ACTIVE') {
        await create(cloneService(template, cluster, wanted));
      } else if (existing.taskDefinition !== wanted.taskDefinition || (existing.desiredCount ?? 0) === 0) {
        await call('UpdateService', (options) =>
          ecs.send(
            new UpdateServiceCommand({
              cluster,
              service: wanted.name,
              taskDefinition: wanted.taskDefinition,
              desiredCount: desiredCount(template),
            }),
            options,
          ),
        );
      }
    },

    async describe(name: string): Promise<Omit<PartState, 'part'> | undefined> {
      const service = await find(name);
      return service?.status === 'ACTIVE' ? { service: name, ...standing(service) } : undefined;
    },

    /** True until the last task has ended. */
    isPresent: async (name: string): Promise<boolean> => (await find(name)) !== undefined,

    async startRemoval(name: string): Promise<void> {
      if ((await find(name))?.status !== 'ACTIVE') {
        return;
      }
      await unlessAbsent(
        ['ServiceNotFoundException', 'ServiceNotActiveException'],
        (async () => {
          await call('UpdateService', (options) =>
            ecs.send(new UpdateServiceCommand({ cluster, service: name, desiredCount: 0 }), options),
          );
          await call('DeleteService', (options) =>
            ecs.send(new DeleteServiceCommand({ cluster, service: name, force: true }), options),
          );
        })(),
      );
    },

    count: async (): Promise<number> => (await allArns()).length,

    /** Services that bear a tenant's mark of this deployment. */
    async marked(deployment: string): Promise<{ name: string; owner: ResourceOwner }[]> {
      const arns = await allArns();
      const found: { name: string; owner: ResourceOwner }[] = [];
      for (let first = 0; first < arns.length; first += describedAtOnce) {
        const { services = [] } = await call('DescribeServices', (options) =>
          ecs.send(
            new DescribeServicesCommand({
              cluster,
              services: arns.slice(first, first + describedAtOnce),
              include: ['TAGS'],
            }),
            options,
          ),
        );
        for (const { serviceName, status, tags = [] } of services) {
          const owner = ownerInTags(deployment, tags);
          if (serviceName !== undefined && status !== 'INACTIVE' && owner !== undefined) {
            found.push({ name: serviceName, owner });
          }
        }
      }
      return found;
    },
  };
}

function cloneService(
  { service, container, containerPort }: EcsTemplate,
  cluster: string,
  wanted: {
    name: string;
    taskDefinition: string;
    targetGroup: string;
    tags: Readonly<Record<string, string>>;
  },
): CreateServiceCommandInput {
  const kept = Object.fromEntries(
    takenOver.flatMap((name) => {
      const value = service[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const strategy = service.capacityProviderStrategy ?? [];
  return {
    ...kept,
    cluster,
    serviceName: wanted.name,
    taskDefinition: wanted.taskDefinition,
    desiredCount: desiredCount({ service }),
    // A capacity provider strategy excludes a launch type.
    ...(strategy.length > 0
      ? { capacityProviderStrategy: strategy }
      : service.launchType === undefined
        ? {}
        : { launchType: service.launchType }),
    loadBalancers: [{ targetGroupArn: wanted.targetGroup, containerName: container, containerPort }],
    deploymentConfiguration: {
      ...service.deploymentConfiguration,
      deploymentCircuitBreaker: { enable: true, rollback: true },
    },
    enableECSManagedTags: true,
    propagateTags: 'SERVICE',
    tags: Object.entries(wanted.tags).map(([key, value]) => ({ key, value })),
  };
}

/** The template itself may be switched off. */
function desiredCount({ service }: Pick<EcsTemplate, 'service'>): number {
  return Math.max(service.desiredCount ?? 1, 1);
}

function standing(service: Service): Omit<PartState, 'part' | 'service'> {
  const { desiredCount: desired = 0, runningCount: running = 0, deployments = [] } = service;
  const newest = deployments.find(({ status }) => status === 'PRIMARY');
  if (newest?.rolloutState === 'FAILED') {
    return { desired, running, state: 'failed' };
  }
  const steady = deployments.length === 1 && running === desired && newest?.rolloutState !== 'IN_PROGRESS';
  return { desired, running, state: steady ? 'steady' : 'deploying' };
}
