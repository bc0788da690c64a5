import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Balancer } from '../../src/cloud/balancer/port.ts';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import type { AwsServer } from './hosting-template.ts';

export interface StandIn {
  /** `127.0.0.1:port`. */
  address: string;
  /** The hosts that were asked for. */
  readonly hosts: string[];
  close(): Promise<void>;
}

/** In place of the load balancer's own address, which no emulator has: answers every host as a healthy service would. */
export async function standInForLoadBalancer(status = 200): Promise<StandIn> {
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host ?? '');
    response.writeHead(status).end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hosts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What ECS does on AWS and no emulator does: the tasks of a tenant's services become targets. */
export async function registerTasks(
  aws: AwsServer,
  balancer: Pick<Balancer, 'find'>,
  owner: ResourceOwner,
  parts: readonly string[],
): Promise<void> {
  const elb = new ElasticLoadBalancingV2Client(aws);
  for (const [index, arn] of Object.values(await balancer.find(owner, parts)).entries()) {
    await elb.send(
      new RegisterTargetsCommand({
        TargetGroupArn: arn,
        Targets: [{ Id: `10.0.${index}.10` }, { Id: `10.0.${index}.11` }],
      }),
    );
  }
  elb.destroy();
}

/** The same for every tenant's target groups that have no targets yet. */
export async function registerAllTasks(aws: AwsServer, templates: readonly string[]): Promise<void> {
  const elb = new ElasticLoadBalancingV2Client(aws);
  const { TargetGroups = [] } = await elb.send(new DescribeTargetGroupsCommand({}));
  for (const { TargetGroupArn = '' } of TargetGroups) {
    if (!templates.includes(TargetGroupArn)) {
      const { TargetHealthDescriptions = [] } = await elb.send(
        new DescribeTargetHealthCommand({ TargetGroupArn }),
      );
      if (TargetHealthDescriptions.length === 0) {
        await elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '10.0.0.10' }] }));
      }
    }
  }
  elb.destroy();
}
