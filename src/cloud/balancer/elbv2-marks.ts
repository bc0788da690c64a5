import { DescribeTagsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ownerInTags, type ResourceOwner } from '../resource-owner.ts';
import type { Elbv2Connection } from './elbv2-connection.ts';

/** As many as one call takes. */
const askedAtOnce = 20;

/** Whose target groups and rules are, by ARN; those without a mark of this deployment are left out. */
export async function readMarks(
  { client, call }: Elbv2Connection,
  deployment: string,
  arns: readonly string[],
): Promise<Map<string, ResourceOwner>> {
  const owners = new Map<string, ResourceOwner>();
  for (let first = 0; first < arns.length; first += askedAtOnce) {
    const { TagDescriptions = [] } = await call('DescribeTags', (send) =>
      client.send(new DescribeTagsCommand({ ResourceArns: arns.slice(first, first + askedAtOnce) }), send),
    );
    for (const { ResourceArn = '', Tags = [] } of TagDescriptions) {
      const owner = ownerInTags(
        deployment,
        Tags.map(({ Key: key, Value: value }) => ({ key, value })),
      );
      if (owner !== undefined) {
        owners.set(ResourceArn, owner);
      }
    }
  }
  return owners;
}
