import {
  GetBucketEncryptionCommand,
  GetPublicAccessBlockCommand,
  type ServerSideEncryption,
} from '@aws-sdk/client-s3';
import { unlessAbsent } from '../aws-call.ts';
import type { S3Layout } from './s3-layout.ts';

export const blockAllPublicAccess = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

/** The encryption that this deployment asks for, in the words of a bucket's default. */
export function encryptionDefault({ kmsKey }: Pick<S3Layout, 'kmsKey'>): {
  SSEAlgorithm: ServerSideEncryption;
  KMSMasterKeyID?: string;
} {
  return kmsKey === undefined
    ? { SSEAlgorithm: 'AES256' }
    : { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey };
}

/** What is wrong with the protections of a bucket as a whole. */
export async function findBucketProblems(layout: S3Layout, bucket: string): Promise<string[]> {
  const { s3, call } = layout;
  const problems: string[] = [];
  const block = await unlessAbsent(
    ['NoSuchPublicAccessBlockConfiguration'],
    call('GetPublicAccessBlock', (options) =>
      s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket }), options),
    ),
  );
  const blocked: Record<string, boolean | undefined> = { ...block?.PublicAccessBlockConfiguration };
  for (const name of Object.keys(blockAllPublicAccess)) {
    if (blocked[name] !== true) {
      problems.push(`public access is not blocked: ${name}`);
    }
  }
  const encryption = await unlessAbsent(
    ['ServerSideEncryptionConfigurationNotFoundError'],
    call('GetBucketEncryption', (options) =>
      s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }), options),
    ),
  );
  const wanted = encryptionDefault(layout).SSEAlgorithm;
  const found = encryption?.ServerSideEncryptionConfiguration?.Rules?.map(
    (rule) => rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
  );
  if (!found?.includes(wanted)) {
    problems.push(`objects are not encrypted with ${wanted} by default`);
  }
  return problems;
}
