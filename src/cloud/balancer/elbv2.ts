/**
 * The balancer port on Elastic Load Balancing v2: one listener, which the operator made, and per tenant a target group for each part of the
 * template and a rule for each (D5).
 *
 * Owns: the SDK client, target groups (elbv2-target-groups.ts) and rules (elbv2-rules.ts). Does not own: the load balancer, its listener
 * and certificate, and the targets, which ECS registers.
 *
 * Names of target groups are fixed by the tenant's id, and rules are known by the target group that they forward to; so everything is found
 * again whatever was recorded, and rules of somebody else are never touched.
 */
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { type AwsAccess, awsClientSettings, createAwsCall, unlessAbsent } from '../aws-call.ts';
import type { ResourceOwner } from '../resource-owner.ts';
import { waitUntil } from '../wait-until.ts';
import type { Elbv2Connection } from './elbv2-connection.ts';
import { createRules } from './elbv2-rules.ts';
import { createTargetGroups } from './elbv2-target-groups.ts';
import type { Balancer, PartHealth } from './port.ts';

export interface Elbv2Options extends AwsAccess {
  listenerArn: string;
  deployment: string;
  random: Random;
  timings?: Partial<Elbv2Timings>;
}

/** In milliseconds. */
export interface Elbv2Timings {
  pollMs: number;
  /** How long targets may take to become healthy once the services are steady. */
  healthyMs: number;
}

export interface Elbv2Balancer extends Balancer {
  close(): void;
}

export function createElbv2Balancer(options: Elbv2Options): Elbv2Balancer {
  const { listenerArn, deployment, random } = options;
  const timings = { pollMs: 5_000, healthyMs: 300_000, ...options.timings };
  const client = new ElasticLoadBalancingV2Client(awsClientSettings(options));
  const connection: Elbv2Connection = { client, call: createAwsCall('The load balancer') };
  const { call } = connection;
  const targetGroups = createTargetGroups(connection, deployment);
  const rules = createRules(connection, { listenerArn, deployment, random });

  async function address(): ReturnType<Balancer['address']> {
    const listeners = await unlessAbsent(
      ['ListenerNotFound', 'ListenerNotFoundException'],
      call('DescribeListeners', (send) =>
        client.send(new DescribeListenersCommand({ ListenerArns: [listenerArn] }), send),
      ),
    );
    const listener = listeners?.Listeners?.[0];
    if (listener?.LoadBalancerArn === undefined) {
      throw new AppError('invalid_request', 'The load balancer has no such listener.');
    }
    const { LoadBalancerArn } = listener;
    const { LoadBalancers } = await call('DescribeLoadBalancers', (send) =>
      client.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [LoadBalancerArn] }), send),
    );
    const balancer = LoadBalancers?.[0];
    if (balancer?.Type !== 'application' || balancer.DNSName === undefined) {
      throw new AppError('invalid_request', 'The listener is not one of an application load balancer.');
    }
    const protocol = listener.Protocol === 'HTTPS' ? 'https' : 'http';
    return {
      dnsName: balancer.DNSName,
      hostedZoneId: balancer.CanonicalHostedZoneId ?? '',
      protocol,
      port: listener.Port ?? (protocol === 'https' ? 443 : 80),
      dualStack: balancer.IpAddressType === 'dualstack',
    };
  }

  async function healthOf(part: string, arn: string | undefined): Promise<PartHealth> {
    if (arn === undefined) {
      return { part, healthy: 0, targets: 0 };
    }
    const { TargetHealthDescriptions = [] } = await call('DescribeTargetHealth', (send) =>
      client.send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }), send),
    );
    // Targets of a task that is being replaced.
    const present = TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth?.State !== 'draining');
    const healthy = present.filter(({ TargetHealth }) => TargetHealth?.State === 'healthy').length;
    return { part, healthy, targets: present.length };
  }

  async function health(owner: ResourceOwner, parts: readonly string[]): Promise<PartHealth[]> {
    const groups = await targetGroups.find(owner, parts);
    return await Promise.all(parts.map((part) => healthOf(part, groups[part])));
  }

  return {
    at: listenerArn,
    address,

    async create(owner, routes) {
      const groups: Record<string, string> = {};
      for (const { part, like } of routes) {
        groups[part] = await targetGroups.ensure(owner, part, like);
      }
      for (const { part, host, path } of routes) {
        await rules.ensure(owner, {
          host,
          path,
          targetGroup: groups[part] ?? '',
          ours: Object.values(groups),
        });
      }
      return groups;
    },

    find: (owner, parts) => targetGroups.find(owner, parts),

    async inspect(owner, routes) {
      const groups = await targetGroups.find(
        owner,
        routes.map(({ part }) => part),
      );
      const present = await rules.all();
      return routes.flatMap(({ part, host, path }) => {
        const targetGroup = groups[part];
        if (targetGroup === undefined) {
          return [`${part}: there is no target group`];
        }
        return rules.leads(present, { host, path, targetGroup })
          ? []
          : [`${part}: no rule leads ${host}${path ?? ''} to its target group alone`];
      });
    },

    list: async () => [...(await targetGroups.marked()), ...(await rules.marked())],

    health,

    async untilHealthy(owner, parts, signal) {
      let last: PartHealth[] = [];
      const well = await waitUntil(
        async () => {
          last = await health(owner, parts);
          return last.every(isWell) ? true : undefined;
        },
        { everyMs: timings.pollMs, withinMs: timings.healthyMs, signal },
      );
      return well === true
        ? []
        : last
            .filter((part) => !isWell(part))
            .map(({ part, healthy, targets }) => `${part}: ${healthy} of ${targets} targets are healthy`);
    },

    async remove(owner, parts) {
      const groups = Object.values(await targetGroups.find(owner, parts));
      await rules.remove(owner, groups);
      for (const arn of groups) {
        await targetGroups.remove(arn);
      }
    },

    usedTargetGroups: () => targetGroups.count(),
    usedRules: () => rules.count(),
    close: () => client.destroy(),
  };
}

function isWell({ healthy, targets }: PartHealth): boolean {
  return targets > 0 && healthy === targets;
}
