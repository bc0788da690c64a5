import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import { type EmbeddedDynamodb, startEmbeddedDynamodb } from '../../src/embedded/dynamodb.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { silentLog, testTableCapabilities } from '../support/services.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function start(directory?: string): Promise<EmbeddedDynamodb> {
  const server = await startEmbeddedDynamodb({ ...(directory ? { directory } : {}), random: systemRandom });
  onTestFinished(() => server.stop());
  return server;
}

function open(server: EmbeddedDynamodb): Tables {
  return createDynamodbTables({ ...server, capabilities: testTableCapabilities, log: silentLog });
}

test('what is stored survives a stop and a start', async () => {
  const directory = join(await temporaryDirectory(), 'dynamodb');
  const first = await start(directory);
  await open(first).create('notes');
  await open(first).open('notes').put({ pk: 'note', sk: '1', text: 'kept' });
  await first.stop();
  const second = await start(directory);
  expect(await open(second).open('notes').get({ pk: 'note', sk: '1' })).toMatchObject({ text: 'kept' });
});

test('two servers on one directory: the second fails and says so', async () => {
  const directory = join(await temporaryDirectory(), 'dynamodb');
  const first = await start(directory);
  await open(first).create('notes');
  await expect(startEmbeddedDynamodb({ directory, random: systemRandom })).rejects.toThrow('did not start');
});

test('only the generated access key is answered', async () => {
  const { endpoint, credentials } = await start();
  const ask = (accessKeyId: string) =>
    fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.ListTables',
        'x-amz-date': '20260101T000000Z',
        authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: '{}',
    });
  expect((await ask('somebody')).status).toBe(403);
  expect((await fetch(endpoint)).status).toBe(403);
  expect((await ask(credentials.accessKeyId)).status).toBe(200);
  expect(new URL(endpoint).hostname).toBe('127.0.0.1');
});
