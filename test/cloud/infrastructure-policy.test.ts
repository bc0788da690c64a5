import { glob, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

/** S3's actions do not bear the names of its calls. */
const s3Actions: Record<string, string[]> = {
  AbortMultipartUpload: ['AbortMultipartUpload'],
  CreateBucket: ['CreateBucket'],
  DeleteBucket: ['DeleteBucket'],
  DeleteObject: ['DeleteObject'],
  DeleteObjects: ['DeleteObject', 'DeleteObjectVersion'],
  GetBucketEncryption: ['GetEncryptionConfiguration'],
  GetBucketLifecycleConfiguration: ['GetLifecycleConfiguration'],
  GetBucketTagging: ['GetBucketTagging'],
  GetObject: ['GetObject'],
  GetObjectTagging: ['GetObjectTagging'],
  GetPublicAccessBlock: ['GetBucketPublicAccessBlock'],
  HeadBucket: ['ListBucket'],
  ListBuckets: ['ListAllMyBuckets'],
  ListMultipartUploads: ['ListBucketMultipartUploads'],
  ListObjectsV2: ['ListBucket'],
  ListObjectVersions: ['ListBucketVersions'],
  PutBucketEncryption: ['PutEncryptionConfiguration'],
  PutBucketLifecycleConfiguration: ['PutLifecycleConfiguration'],
  PutBucketOwnershipControls: ['PutBucketOwnershipControls'],
  PutBucketPolicy: ['PutBucketPolicy'],
  PutBucketTagging: ['PutBucketTagging'],
  PutBucketVersioning: ['PutBucketVersioning'],
  PutObject: ['PutObject', 'PutObjectTagging'],
  PutPublicAccessBlock: ['PutBucketPublicAccessBlock'],
};

/** Actions that IAM asks for although no call bears their name. */
const explained = [
  'ecs:TagResource',
  'elasticloadbalancing:AddTags',
  // A task definition names the roles that its tasks get.
  'iam:PassRole',
];

const prefixes: Record<string, string> = {
  ecs: 'ecs',
  s3: 's3',
  'route-53': 'route53',
  'elastic-load-balancing-v2': 'elasticloadbalancing',
};

async function calledActions(): Promise<Set<string>> {
  const actions = new Set<string>();
  for await (const file of glob('src/cloud/{objects,service,balancer,dns}/*.ts')) {
    const text = await readFile(file, 'utf8');
    for (const [, names = '', client = ''] of text.matchAll(
      /import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/g,
    )) {
      for (const [, name = ''] of names.matchAll(/(?<!type )\b(\w+)Command\b/g)) {
        for (const action of client === 's3' ? (s3Actions[name] ?? [`unknown ${name}`]) : [name]) {
          actions.add(`${prefixes[client]}:${action}`);
        }
      }
    }
  }
  return actions;
}

it('the IAM policy for infrastructure names what the adapters call, and nothing else', async () => {
  const policy = JSON.parse(await readFile('config/aws/infrastructure-policy.json', 'utf8')) as {
    Statement: { Action: string | string[] }[];
  };
  const named = new Set(policy.Statement.flatMap(({ Action }) => Action));
  expect([...named].sort()).toEqual([...new Set([...(await calledActions()), ...explained])].sort());
  expect([...named].filter((action) => action.includes('*'))).toEqual([]);
});
