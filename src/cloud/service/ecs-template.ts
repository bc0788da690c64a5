import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type Service,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import { AppError } from '../../kernel/errors.ts';
import { unlessAbsent } from '../aws-call.ts';
import type { EcsConnection } from './ecs-connection.ts';

/** One service of the template and what it runs. */
export interface EcsTemplate {
  part: string;
  service: Service;
  taskDefinition: TaskDefinition;
  /** The container that the load balancer sends requests to. */
  container: string;
  containerPort: number;
  targetGroup: string;
}

/** Throws `AppError('invalid_request')` when the service is missing or cannot be a template. */
export async function readTemplate(
  { ecs, call, cluster }: EcsConnection,
  part: string,
  name: string,
): Promise<EcsTemplate> {
  const unfit = (why: string) =>
    new AppError('invalid_request', `The template service of the ${part} ${why}.`);
  const answer = await unlessAbsent(
    ['ClusterNotFoundException', 'ServiceNotFoundException'],
    call('DescribeServices', (options) =>
      ecs.send(new DescribeServicesCommand({ cluster, services: [name] }), options),
    ),
  );
  const service = answer?.services?.find(({ status }) => status === 'ACTIVE');
  if (service?.taskDefinition === undefined) {
    throw unfit('does not exist');
  }
  if ((service.deploymentController?.type ?? 'ECS') !== 'ECS') {
    throw unfit('is not deployed by ECS itself');
  }
  const [attachment] = service.loadBalancers ?? [];
  const { targetGroupArn, containerName, containerPort } = attachment ?? {};
  if (targetGroupArn === undefined || containerName === undefined || containerPort === undefined) {
    throw unfit('is not attached to a target group');
  }
  const { taskDefinition: reference } = service;
  const { taskDefinition } = await call('DescribeTaskDefinition', (options) =>
    ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: reference }), options),
  );
  if (taskDefinition?.containerDefinitions?.some(({ name }) => name === containerName) !== true) {
    throw unfit('has no container of the name that its target group uses');
  }
  return {
    part,
    service,
    taskDefinition,
    container: containerName,
    containerPort,
    targetGroup: targetGroupArn,
  };
}
