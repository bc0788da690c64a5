/**
 * The objects port on S3, or on anything that speaks its protocol.
 *
 * Owns: the SDK client, and the two layouts a deployment chooses from: a bucket per tenant (s3-bucket.ts), or a prefix per tenant in one
 * shared bucket (s3-prefix.ts). Does not own: who may use a tenant's space; that is the task role of the tenant's services.
 *
 * Flow: create makes the space, protects it, and marks it as the tenant's last of all, so a space that an interrupted call left is not
 * found and is completed by the next call. Removal looks at nothing but the name, which is fixed by the tenant's id; a space that was made in the
 * other layout, or in another bucket, is removed where it was made.
 */
import { S3Client } from '@aws-sdk/client-s3';
import { type AwsAccess, awsClientSettings, createAwsCall } from '../aws-call.ts';
import type { ResourceOwner } from '../resource-owner.ts';
import type { ObjectSpace, ObjectStorage } from './port.ts';
import { bucketPerTenant } from './s3-bucket.ts';
import type { S3Layout, SpacePerTenant } from './s3-layout.ts';
import { prefixPerTenant } from './s3-prefix.ts';

export interface S3ObjectsOptions extends AwsAccess {
  /** `namePrefix`: 3 to 13 lower-case letters, digits and hyphens. */
  layout: { kind: 'bucket'; namePrefix: string } | { kind: 'prefix'; bucket: string };
  /** Name of this deployment in tags. */
  deployment: string;
  /** ARN or id of the KMS key that encrypts; absent: keys of S3. */
  kmsKey?: string;
}

export interface S3Objects extends ObjectStorage {
  close(): void;
}

/** Makes no call before it is used. */
export function createS3Objects(options: S3ObjectsOptions): S3Objects {
  const { layout, deployment, kmsKey, region } = options;
  const s3 = new S3Client({
    ...awsClientSettings(options),
    // A server at an address of its own has no host name per bucket.
    forcePathStyle: options.endpoint !== undefined,
  });
  const shared: S3Layout = {
    s3,
    call: createAwsCall('The storage for files'),
    deployment,
    region,
    ...(kmsKey === undefined ? {} : { kmsKey }),
  };
  const storage =
    layout.kind === 'bucket'
      ? bucketPerTenant(shared, layout.namePrefix)
      : prefixPerTenant(shared, layout.bucket);

  /** The layout that gives the tenant this very space. */
  function layoutOf(owner: ResourceOwner, { kind, location }: ObjectSpace): SpacePerTenant | undefined {
    const [, bucket = ''] = /^s3:\/\/([^/]+)\//.exec(location) ?? [];
    const ending = bucketPerTenant(shared, '').spaceOf(owner).location.slice('s3://'.length, -1);
    const made =
      kind === 'prefix'
        ? prefixPerTenant(shared, bucket)
        : bucketPerTenant(shared, bucket.slice(0, -ending.length));
    return kind !== 'folder' && made.spaceOf(owner).location === location ? made : undefined;
  }

  return {
    ...storage,
    at: options.endpoint ?? region,
    reaches: async (owner, made) => layoutOf(owner, made) !== undefined,
    remove: (owner, made) =>
      ((made === undefined ? undefined : layoutOf(owner, made)) ?? storage).remove(owner),
    close: () => s3.destroy(),
  };
}
