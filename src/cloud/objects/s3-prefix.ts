import { GetObjectTaggingCommand, HeadBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { unlessAbsent } from '../aws-call.ts';
import {
  type OwnedResource,
  ownerDigest,
  ownerInTags,
  type ResourceOwner,
  tagsOf,
} from '../resource-owner.ts';
import { putObject, removeContents, tryObject } from './s3-contents.ts';
import type { S3Layout, SpacePerTenant } from './s3-layout.ts';
import { findBucketProblems } from './s3-protections.ts';

/** A prefix per tenant in one bucket, which the operator made: its protections are looked at, not changed. */
export function prefixPerTenant(layout: S3Layout, bucket: string): SpacePerTenant {
  const { s3, call, deployment } = layout;
  const prefixOf = (owner: ResourceOwner) => `tenants/${owner.slug}-${ownerDigest(owner)}/`;
  const markIn = (prefix: string) => `${prefix}.tenantry`;
  const spaceOf = (owner: ResourceOwner) => ({
    kind: 'prefix' as const,
    location: `s3://${bucket}/${prefixOf(owner)}`,
  });

  async function readMark(prefix: string): Promise<ResourceOwner | undefined> {
    const answer = await unlessAbsent(
      ['NoSuchKey'],
      call('GetObjectTagging', (options) =>
        s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: markIn(prefix) }), options),
      ),
    );
    return ownerInTags(
      deployment,
      (answer?.TagSet ?? []).map(({ Key: key, Value: value }) => ({ key, value })),
    );
  }

  const isMarked = async (owner: ResourceOwner) =>
    (await readMark(prefixOf(owner)))?.tenantId === owner.tenantId;

  async function allPrefixes(): Promise<string[]> {
    const prefixes: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = await call('ListObjectsV2', (options) =>
        s3.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: 'tenants/',
            Delimiter: '/',
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          options,
        ),
      );
      prefixes.push(
        ...(page.CommonPrefixes ?? []).flatMap(({ Prefix }) => (Prefix === undefined ? [] : [Prefix])),
      );
      token = page.NextContinuationToken;
      if (token === undefined) {
        return prefixes;
      }
    }
  }

  return {
    spaceOf,
    find: async (owner) => ((await isMarked(owner)) ? spaceOf(owner) : undefined),

    async create(owner) {
      await putObject(layout, bucket, markIn(prefixOf(owner)), owner.tenantId, tagsOf(deployment, owner));
      return spaceOf(owner);
    },

    async inspect(owner) {
      if (!(await isMarked(owner))) {
        return ['the prefix is not marked as the tenant’s'];
      }
      return [
        ...(await findBucketProblems(layout, bucket)),
        ...(await tryObject(layout, bucket, `${prefixOf(owner)}.tenantry-probe`)),
      ];
    },

    remove: (owner) => removeContents(layout, bucket, prefixOf(owner)),

    async list(known) {
      const byName = new Map(known.map((owner) => [prefixOf(owner), owner]));
      const found: OwnedResource[] = [];
      for (const prefix of await allPrefixes()) {
        const owner = byName.get(prefix) ?? (await readMark(prefix));
        if (owner !== undefined && prefixOf(owner) === prefix) {
          found.push({ name: `s3://${bucket}/${prefix}`, owner });
        }
      }
      return found;
    },

    async problems() {
      const found = await unlessAbsent(
        ['NotFound', 'NoSuchBucket'],
        call('HeadBucket', (options) => s3.send(new HeadBucketCommand({ Bucket: bucket }), options)),
      );
      return found === undefined
        ? ['the bucket for files does not exist']
        : await findBucketProblems(layout, bucket);
    },

    used: async () => 0,
  };
}
