import {
  CreateTargetGroupCommand,
  DeleteTargetGroupCommand,
  DescribeTargetGroupsCommand,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AppError } from '../../kernel/errors.ts';
import { isRefusal, unlessAbsent } from '../aws-call.ts';
import { type OwnedResource, ownerDigest, type ResourceOwner, tagsOf } from '../resource-owner.ts';
import type { Elbv2Connection } from './elbv2-connection.ts';
import { readMarks } from './elbv2-marks.ts';

const absent = ['TargetGroupNotFound', 'TargetGroupNotFoundException'];

export function createTargetGroups(connection: Elbv2Connection, deployment: string) {
  const { client, call } = connection;

  async function describe(
    query: { Names: string[] } | { TargetGroupArns: string[] },
  ): Promise<TargetGroup[]> {
    const answer = await unlessAbsent(
      absent,
      call('DescribeTargetGroups', (send) => client.send(new DescribeTargetGroupsCommand(query), send)),
    );
    return answer?.TargetGroups ?? [];
  }

  async function all(): Promise<TargetGroup[]> {
    const groups: TargetGroup[] = [];
    for (let marker: string | undefined; ; ) {
      const page = await call('DescribeTargetGroups', (send) =>
        client.send(
          new DescribeTargetGroupsCommand({ ...(marker === undefined ? {} : { Marker: marker }) }),
          send,
        ),
      );
      groups.push(...(page.TargetGroups ?? []));
      marker = page.NextMarker || undefined;
      if (marker === undefined) {
        return groups;
      }
    }
  }

  async function findOne(owner: ResourceOwner, part: string): Promise<string | undefined> {
    const [group] = await describe({ Names: [targetGroupName(owner, part)] });
    return group?.TargetGroupArn;
  }

  async function makeLike(owner: ResourceOwner, part: string, template: TargetGroup): Promise<void> {
    try {
      await call('CreateTargetGroup', (send) =>
        client.send(
          new CreateTargetGroupCommand({
            Name: targetGroupName(owner, part),
            Protocol: template.Protocol,
            ProtocolVersion: template.ProtocolVersion,
            Port: template.Port,
            VpcId: template.VpcId,
            TargetType: template.TargetType,
            IpAddressType: template.IpAddressType,
            HealthCheckEnabled: template.HealthCheckEnabled,
            HealthCheckProtocol: template.HealthCheckProtocol,
            HealthCheckPort: template.HealthCheckPort,
            HealthCheckPath: template.HealthCheckPath,
            HealthCheckIntervalSeconds: template.HealthCheckIntervalSeconds,
            HealthCheckTimeoutSeconds: template.HealthCheckTimeoutSeconds,
            HealthyThresholdCount: template.HealthyThresholdCount,
            UnhealthyThresholdCount: template.UnhealthyThresholdCount,
            Matcher: template.Matcher,
            Tags: Object.entries(tagsOf(deployment, owner)).map(([Key, Value]) => ({ Key, Value })),
          }),
          send,
        ),
      );
    } catch (error) {
      // Made by another worker since the look.
      if (!isRefusal(error, 'DuplicateTargetGroupName', 'DuplicateTargetGroupNameException')) {
        throw error;
      }
    }
  }

  return {
    /** The ARN of the tenant's group, made like the template's when it does not exist. */
    async ensure(owner: ResourceOwner, part: string, like: string): Promise<string> {
      const existing = await findOne(owner, part);
      if (existing !== undefined) {
        return existing;
      }
      const [template] = await describe({ TargetGroupArns: [like] });
      if (template === undefined) {
        throw new AppError('invalid_request', `The target group of the template’s ${part} does not exist.`);
      }
      await makeLike(owner, part, template);
      const made = await findOne(owner, part);
      if (made === undefined) {
        throw new AppError('temporarily_unavailable', 'A new target group cannot be seen yet.');
      }
      return made;
    },

    async find(owner: ResourceOwner, parts: readonly string[]): Promise<Record<string, string>> {
      const found: Record<string, string> = {};
      for (const part of parts) {
        const arn = await findOne(owner, part);
        if (arn !== undefined) {
          found[part] = arn;
        }
      }
      return found;
    },

    async remove(arn: string): Promise<void> {
      await unlessAbsent(
        absent,
        call('DeleteTargetGroup', (send) =>
          client.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }), send),
        ),
      );
    },

    /** Groups that bear a tenant's mark of this deployment. */
    async marked(): Promise<OwnedResource[]> {
      const groups = (await all()).filter(({ TargetGroupName = '' }) => TargetGroupName.startsWith('t-'));
      const names = new Map(
        groups.map(({ TargetGroupArn = '', TargetGroupName = '' }) => [TargetGroupArn, TargetGroupName]),
      );
      const marks = await readMarks(connection, deployment, [...names.keys()]);
      return [...marks].flatMap(([arn, owner]) => {
        const name = names.get(arn) ?? '';
        return name.endsWith(ownerDigest(owner)) ? [{ name: `target group ${name}`, owner }] : [];
      });
    },

    count: async (): Promise<number> => (await all()).length,
  };
}

/** At most 32 letters, digits and hyphens, a hyphen at neither end. The digest alone makes it unique. */
export function targetGroupName(owner: ResourceOwner, part: string): string {
  const readable = owner.slug.slice(0, 12).replace(/-$/, '');
  return `t-${readable}-${part.slice(0, 8)}-${ownerDigest(owner)}`;
}
