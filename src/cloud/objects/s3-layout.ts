import type { S3Client } from '@aws-sdk/client-s3';
import type { AwsCall } from '../aws-call.ts';
import type { ResourceOwner } from '../resource-owner.ts';
import type { ObjectStorage } from './port.ts';

/** What both layouts work with. */
export interface S3Layout {
  region: string;
  /** Name of this deployment in tags. */
  deployment: string;
  /** ARN or id of the KMS key that encrypts; absent: keys of S3. */
  kmsKey?: string;
  s3: S3Client;
  call: AwsCall;
}

/** What one layout does for a tenant, whose space it knows by the name alone. */
export interface SpacePerTenant extends Omit<ObjectStorage, 'at' | 'reaches' | 'remove'> {
  remove(owner: ResourceOwner): Promise<void>;
}
