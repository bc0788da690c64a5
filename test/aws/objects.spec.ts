import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeletePublicAccessBlockCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { createS3Objects, type S3ObjectsOptions } from '../../src/cloud/objects/s3.ts';
import { ownerDigest } from '../../src/cloud/resource-owner.ts';
import { objectsConformance } from '../conformance/objects.ts';
import { freshOwner } from '../conformance/owners.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { type EmulatorName, emulator } from './emulators.ts';
import { makeProtectedBucket } from './hosting-template.ts';

function client(name: EmulatorName): S3Client {
  return new S3Client({ ...emulator(name), forcePathStyle: true });
}

function open(name: EmulatorName, layout: S3ObjectsOptions['layout']) {
  return createS3Objects({ ...emulator(name), layout, deployment: 'tenantry-test', log: silentLog });
}

function place(location: string) {
  const { hostname: Bucket, pathname } = new URL(location);
  return { Bucket, Prefix: pathname.slice(1) };
}

function underTest(name: EmulatorName, layout: S3ObjectsOptions['layout']) {
  const s3 = client(name);
  return {
    storage: open(name, layout),
    async put(location: string, key: string, content: string) {
      const { Bucket, Prefix } = place(location);
      await s3.send(new PutObjectCommand({ Bucket, Key: `${Prefix}${key}`, Body: content }));
    },
    async list(location: string) {
      const { Bucket, Prefix } = place(location);
      try {
        const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
        const names = Contents.map(({ Key = '' }) => Key.slice(Prefix.length));
        return names.filter((each) => !each.startsWith('.tenantry'));
      } catch (error) {
        expect((error as Error).name).toBe('NoSuchBucket');
        return [];
      }
    },
  };
}

// Not on moto: it takes the bucket's policy, which refuses connections without TLS, for one that refuses everything.
objectsConformance('a bucket per tenant on ministack', async () =>
  underTest('ministack', { kind: 'bucket', namePrefix: 'tnt' }),
);
for (const name of ['ministack', 'moto'] as const) {
  objectsConformance(`a prefix per tenant on ${name}`, async () => {
    const bucket = `${testTablePrefix()}-shared`;
    await makeProtectedBucket(emulator(name), bucket);
    return underTest(name, { kind: 'prefix', bucket });
  });
}

describe('a tenant’s bucket on ministack', () => {
  const name = 'ministack';

  it('has every protection', async () => {
    const storage = open(name, { kind: 'bucket', namePrefix: 'tnt' });
    const owner = freshOwner();
    const { location } = await storage.create(owner);
    const { Bucket } = place(location);
    const s3 = client(name);
    expect(
      (await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration,
    ).toEqual({
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    });
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    expect((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toContain('aws:SecureTransport');
    const { Rules } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules).toMatchObject([
      {
        Status: 'Enabled',
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ]);
    const { TagSet } = await s3.send(new GetBucketTaggingCommand({ Bucket }));
    expect(Object.fromEntries(TagSet?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
      'tenantry:deployment': 'tenantry-test',
      'tenantry:tenant': owner.tenantId,
      'tenantry:slug': owner.slug,
    });

    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
    expect(await storage.inspect(owner)).toContain('public access is not blocked: BlockPublicPolicy');
    await storage.create(owner);
    expect(await storage.inspect(owner)).toEqual([]);
  });

  it('is completed, or removed, when an interrupted call left it without protections', async () => {
    const storage = open(name, { kind: 'bucket', namePrefix: 'tnt' });
    const owner = freshOwner();
    const Bucket = `tnt-${owner.slug}-${ownerDigest(owner)}`;
    const s3 = client(name);
    await s3.send(new CreateBucketCommand({ Bucket }));
    expect(await storage.find(owner)).toBeUndefined();
    await storage.create(owner);
    expect(await storage.inspect(owner)).toEqual([]);
    await storage.remove(owner);
    await s3.send(new CreateBucketCommand({ Bucket }));
    await storage.remove(owner);
    await expect(s3.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('is removed with versions, markers and unfinished uploads', async () => {
    const storage = open(name, { kind: 'bucket', namePrefix: 'tnt' });
    const owner = freshOwner();
    const { location } = await storage.create(owner);
    const { Bucket } = place(location);
    const s3 = client(name);
    await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'half' }));
    await storage.remove(owner);
    await expect(s3.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('counts', async () => {
    const storage = open(name, { kind: 'bucket', namePrefix: 'tnt' });
    const before = await storage.used();
    const owner = freshOwner();
    await storage.create(owner);
    expect(await storage.used()).toBe(before + 1);
    await storage.remove(owner);
  });
});

describe('a space that was made in another layout', () => {
  it.each(['bucket', 'prefix'] as const)('a %s of the tenant is removed where it was made', async (kind) => {
    const shared = `${testTablePrefix()}-shared`;
    await makeProtectedBucket(emulator('ministack'), shared);
    const layouts = {
      bucket: { kind: 'bucket', namePrefix: 'tnt' },
      prefix: { kind: 'prefix', bucket: shared },
    } as const;
    const former = underTest('ministack', layouts[kind]);
    const today = open('ministack', layouts[kind === 'bucket' ? 'prefix' : 'bucket']);
    const [owner, other] = [freshOwner(), freshOwner()];
    const made = await former.storage.create(owner);
    await former.storage.create(other);
    await former.put(made.location, 'report.txt', 'content');

    expect(await today.find(owner)).toBeUndefined();
    expect(await today.reaches(owner, made)).toBe(true);
    // Neither somebody else's, nor what is no place of S3.
    expect(await today.reaches(other, made)).toBe(false);
    expect(await today.reaches(owner, { kind: 'folder', location: '/data/objects/x' })).toBe(false);
    await today.remove(owner, made);
    await today.remove(owner, made);
    expect(await former.storage.find(owner)).toBeUndefined();
    expect(await former.list(made.location)).toEqual([]);
    expect(await former.storage.find(other)).toBeDefined();
  });
});

it('says when the shared bucket is missing or open', async () => {
  const bucket = `${testTablePrefix()}-shared`;
  const storage = open('ministack', { kind: 'prefix', bucket });
  expect(await storage.problems()).toEqual(['the bucket for files does not exist']);
  await makeProtectedBucket(emulator('ministack'), bucket);
  expect(await storage.problems()).toEqual([]);
  await client('ministack').send(new DeletePublicAccessBlockCommand({ Bucket: bucket }));
  expect(await storage.problems()).toContain('public access is not blocked: BlockPublicAcls');
});

it('is unavailable for now when nothing answers', async () => {
  const storage = createS3Objects({
    ...emulator('ministack'),
    endpoint: 'http://127.0.0.1:1',
    layout: { kind: 'bucket', namePrefix: 'tnt' },
    deployment: 'tenantry-test',
    log: silentLog,
  });
  await expect(storage.create(freshOwner())).rejects.toMatchObject({ code: 'temporarily_unavailable' });
});
