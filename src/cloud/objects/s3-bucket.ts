import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  ListBucketsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { isRefusal, unlessAbsent } from '../aws-call.ts';
import {
  type OwnedResource,
  ownerDigest,
  ownerInTags,
  type ResourceOwner,
  tagsOf,
} from '../resource-owner.ts';
import { removeContents, tryObject } from './s3-contents.ts';
import type { S3Layout, SpacePerTenant } from './s3-layout.ts';
import { blockAllPublicAccess, encryptionDefault, findBucketProblems } from './s3-protections.ts';

const noncurrentDays = 30;
const unfinishedDays = 7;

/** A bucket per tenant. Its name cannot be guessed beforehand, so nobody else's account can hold it already. */
export function bucketPerTenant(layout: S3Layout, namePrefix: string): SpacePerTenant {
  const { s3, call, deployment, region } = layout;
  const bucketOf = (owner: ResourceOwner) => `${namePrefix}-${owner.slug}-${ownerDigest(owner)}`;
  const spaceOf = (owner: ResourceOwner) => ({
    kind: 'bucket' as const,
    location: `s3://${bucketOf(owner)}/`,
  });

  async function readMark(Bucket: string): Promise<ResourceOwner | undefined> {
    const answer = await unlessAbsent(
      ['NoSuchBucket', 'NoSuchTagSet'],
      call('GetBucketTagging', (options) => s3.send(new GetBucketTaggingCommand({ Bucket }), options)),
    );
    return ownerInTags(
      deployment,
      (answer?.TagSet ?? []).map(({ Key: key, Value: value }) => ({ key, value })),
    );
  }

  const isMarked = async (owner: ResourceOwner) =>
    (await readMark(bucketOf(owner)))?.tenantId === owner.tenantId;

  async function allBuckets(prefix?: string): Promise<string[]> {
    const names: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = await call('ListBuckets', (options) =>
        s3.send(
          new ListBucketsCommand({
            MaxBuckets: 1_000,
            ...(prefix === undefined ? {} : { Prefix: prefix }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          options,
        ),
      );
      names.push(...(page.Buckets ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name])));
      token = page.ContinuationToken;
      if (token === undefined) {
        return names;
      }
    }
  }

  async function makeBucket(Bucket: string): Promise<void> {
    try {
      await call('CreateBucket', (options) =>
        s3.send(
          new CreateBucketCommand({
            Bucket,
            // The API has no name for the first region.
            ...(region === 'us-east-1'
              ? {}
              : {
                  CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
                }),
          }),
          options,
        ),
      );
    } catch (error) {
      if (!isRefusal(error, 'BucketAlreadyOwnedByYou')) {
        throw error;
      }
    }
  }

  async function protect(Bucket: string): Promise<void> {
    await call('PutPublicAccessBlock', (options) =>
      s3.send(
        new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: blockAllPublicAccess }),
        options,
      ),
    );
    await call('PutBucketOwnershipControls', (options) =>
      s3.send(
        new PutBucketOwnershipControlsCommand({
          Bucket,
          OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        }),
        options,
      ),
    );
    await call('PutBucketEncryption', (options) =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: {
            Rules: [
              { ApplyServerSideEncryptionByDefault: encryptionDefault(layout), BucketKeyEnabled: true },
            ],
          },
        }),
        options,
      ),
    );
    await call('PutBucketPolicy', (options) =>
      s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(tlsOnly(Bucket)) }), options),
    );
    await call('PutBucketVersioning', (options) =>
      s3.send(
        new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
        options,
      ),
    );
    await call('PutBucketLifecycleConfiguration', (options) =>
      s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: {
            Rules: [
              {
                ID: 'tenantry-tidy',
                Status: 'Enabled',
                Filter: { Prefix: '' },
                NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays },
                AbortIncompleteMultipartUpload: { DaysAfterInitiation: unfinishedDays },
              },
            ],
          },
        }),
        options,
      ),
    );
  }

  return {
    spaceOf,
    find: async (owner) => ((await isMarked(owner)) ? spaceOf(owner) : undefined),

    async create(owner) {
      const Bucket = bucketOf(owner);
      await makeBucket(Bucket);
      await protect(Bucket);
      const TagSet = Object.entries(tagsOf(deployment, owner)).map(([Key, Value]) => ({ Key, Value }));
      await call('PutBucketTagging', (options) =>
        s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }), options),
      );
      return spaceOf(owner);
    },

    async inspect(owner) {
      const Bucket = bucketOf(owner);
      if (!(await isMarked(owner))) {
        return ['the bucket does not exist or is not marked as the tenant’s'];
      }
      const lifecycle = await unlessAbsent(
        ['NoSuchLifecycleConfiguration'],
        call('GetBucketLifecycleConfiguration', (options) =>
          s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), options),
        ),
      );
      return [
        ...(await findBucketProblems(layout, Bucket)),
        ...((lifecycle?.Rules ?? []).length > 0 ? [] : ['the bucket has no lifecycle']),
        ...(await tryObject(layout, Bucket, '.tenantry/probe')),
      ];
    },

    async remove(owner) {
      const Bucket = bucketOf(owner);
      await unlessAbsent(
        ['NoSuchBucket'],
        (async () => {
          await removeContents(layout, Bucket, '');
          await call('DeleteBucket', (options) => s3.send(new DeleteBucketCommand({ Bucket }), options));
        })(),
      );
    },

    async problems() {
      await call('ListBuckets', (options) => s3.send(new ListBucketsCommand({ MaxBuckets: 1 }), options));
      return [];
    },

    async list(known) {
      const byName = new Map(known.map((owner) => [bucketOf(owner), owner]));
      const found: OwnedResource[] = [];
      for (const name of await allBuckets(`${namePrefix}-`)) {
        const owner = byName.get(name) ?? (await readMark(name));
        if (owner !== undefined && bucketOf(owner) === name) {
          found.push({ name: `s3://${name}/`, owner });
        }
      }
      return found;
    },

    used: async () => (await allBuckets()).length,
  };
}

function tlsOnly(bucket: string) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'EncryptedConnectionsOnly',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  };
}
