import {
  DescribeKeyCommand,
  type KeyMetadata,
  type KMSClient,
  ListResourceTagsCommand,
  paginateListKeys,
} from '@aws-sdk/client-kms';

export type DeployedKey = Partial<KeyMetadata> & { tags: Record<string, string | undefined> };

/** The KMS keys that carry the deployment's tag, whatever their state. */
export async function listDeployedKeys(kms: KMSClient, prefix: string): Promise<DeployedKey[]> {
  const keys: DeployedKey[] = [];
  for await (const { Keys = [] } of paginateListKeys({ client: kms, pageSize: 1_000 }, {})) {
    const described = await Promise.all(
      Keys.map(async ({ KeyId }) => {
        const { Tags = [] } = await kms.send(new ListResourceTagsCommand({ KeyId }));
        const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
        return {
          ...KeyMetadata,
          tags: Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey ?? '', TagValue])),
        };
      }),
    );
    keys.push(...described.filter(({ tags }) => tags['tenantry:deployment'] === prefix));
  }
  return keys;
}
