import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { AppError } from '../../kernel/errors.ts';
import type { S3Layout } from './s3-layout.ts';
import { encryptionDefault } from './s3-protections.ts';

/** Removes every version of every object whose key begins with `prefix`, and uploads that were never finished. */
export async function removeContents({ s3, call }: S3Layout, bucket: string, prefix: string): Promise<void> {
  // Always the first page: what it held is gone the next time.
  for (;;) {
    const page = await call('ListObjectVersions', (options) =>
      s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }), options),
    );
    const versions = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    if (versions.length === 0) {
      break;
    }
    const { Errors = [] } = await call('DeleteObjects', (options) =>
      s3.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          Delete: {
            Quiet: true,
            Objects: versions.map(({ Key, VersionId }) => ({
              Key: Key ?? '',
              ...(VersionId === undefined ? {} : { VersionId }),
            })),
          },
        }),
        options,
      ),
    );
    const [refused] = Errors;
    if (refused !== undefined) {
      throw new AppError('temporarily_unavailable', 'The storage for files could not be emptied.', {
        detail: `DeleteObjects: ${refused.Code}`,
      });
    }
  }
  for (;;) {
    const { Uploads = [] } = await call('ListMultipartUploads', (options) =>
      s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }), options),
    );
    if (Uploads.length === 0) {
      return;
    }
    for (const { Key, UploadId } of Uploads) {
      await call('AbortMultipartUpload', (options) =>
        s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }), options),
      );
    }
  }
}

/** Writes one object, reads it back, and removes it with all its versions. What is wrong; empty when nothing is. */
export async function tryObject(layout: S3Layout, bucket: string, key: string): Promise<string[]> {
  const { s3, call } = layout;
  const body = `probe ${key}`;
  await putObject(layout, bucket, key, body);
  const read = await call('GetObject', async (options) => {
    const { Body, ServerSideEncryption } = await s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: key }),
      options,
    );
    return { text: await Body?.transformToString(), encryption: ServerSideEncryption };
  });
  await removeContents(layout, bucket, key);
  return [
    ...(read.text === body ? [] : ['what is written is not what is read']),
    ...(read.encryption === encryptionDefault(layout).SSEAlgorithm ? [] : ['an object was not encrypted']),
  ];
}

/** With the deployment's encryption, whatever the bucket's default is. */
export async function putObject(
  layout: S3Layout,
  bucket: string,
  key: string,
  body: string,
  tags: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { SSEAlgorithm, KMSMasterKeyID } = encryptionDefault(layout);
  await layout.call('PutObject', (options) =>
    layout.s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ServerSideEncryption: SSEAlgorithm,
        ...(KMSMasterKeyID === undefined ? {} : { SSEKMSKeyId: KMSMasterKeyID }),
        ...(Object.keys(tags).length === 0 ? {} : { Tagging: new URLSearchParams(tags).toString() }),
      }),
      options,
    ),
  );
}
