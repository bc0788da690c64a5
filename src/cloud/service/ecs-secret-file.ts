import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../kernel/errors.ts';
import { createAwsCall } from '../aws-call.ts';
import { ownerDigest, type ResourceOwner } from '../resource-owner.ts';
import type { Deployment } from './port.ts';

/**
 * A tenant's secrets as the environment file that ECS reads when it starts a task: everybody who may describe a task definition can read its
 * environment, and so no secret is in there. The bucket is the operator's; the execution role of the template must be able to read it.
 */
export function createSecretFiles({ s3, bucket, kmsKey }: { s3: S3Client; bucket: string; kmsKey?: string }) {
  const call = createAwsCall('The storage for secrets');
  const keyOf = (owner: ResourceOwner) => `services/${owner.slug}-${ownerDigest(owner)}.env`;

  async function remove(owner: ResourceOwner): Promise<void> {
    await call('DeleteObject', (options) =>
      s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(owner) }), options),
    );
  }

  return {
    /** The file's ARN; `undefined` when there is no secret to keep. */
    async write(owner: ResourceOwner, secrets: Deployment['secrets']): Promise<string | undefined> {
      const lines = Object.entries(secrets).flatMap(([name, secret]) =>
        secret === undefined ? [] : [`${name}=${oneLine(secret.reveal())}`],
      );
      if (lines.length === 0) {
        await remove(owner);
        return undefined;
      }
      const key = keyOf(owner);
      await call('PutObject', (options) =>
        s3.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: `${lines.join('\n')}\n`,
            ContentType: 'text/plain',
            ...(kmsKey === undefined
              ? { ServerSideEncryption: 'AES256' }
              : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey }),
          }),
          options,
        ),
      );
      return `arn:aws:s3:::${bucket}/${key}`;
    },

    remove,
  };
}

function oneLine(value: string): string {
  if (/[\r\n]/.test(value)) {
    throw new AppError('server_error', 'A secret for an environment file has more than one line.');
  }
  return value;
}
