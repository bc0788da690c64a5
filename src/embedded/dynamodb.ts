import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Random, randomId } from '../kernel/random.ts';
import type { DynamodbWorkerData } from './dynamodb-worker.ts';

export interface EmbeddedDynamodb {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Resolves with a description when the server ends without having been told to. */
  readonly ended: Promise<string>;
  /** Finishes requests in flight, then closes the store. */
  stop(): Promise<void>;
}

/**
 * Starts the DynamoDB-compatible server on a port of the moment. `directory` keeps the data over restarts; without it the data is in
 * memory. Only requests signed with the returned access key are answered.
 */
export async function startEmbeddedDynamodb({
  directory,
  random,
}: {
  directory?: string;
  random: Random;
}): Promise<EmbeddedDynamodb> {
  if (directory) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  const accessKeyId = randomId(random, 24).replaceAll(/[-_]/g, '0');
  const workerData: DynamodbWorkerData = { path: directory, accessKeyId };
  const worker = new Worker(new URL('./dynamodb-worker.ts', import.meta.url), { workerData });
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  const ended = new Promise<string>((resolve) => {
    worker.on('error', (error: Error) => resolve(error.message));
    worker.once('exit', (code) => {
      if (!stopping) {
        resolve(`the DynamoDB-compatible server ended (${code})`);
      }
    });
  });
  const answered = once(worker, 'message').then(async ([message]) => {
    const { port } = message as { port: number };
    await listTables(port, accessKeyId);
    return port;
  });
  const started = await answered.catch(() => Promise.race([ended, delay(1_000, 'It does not answer.')]));
  if (typeof started === 'string') {
    await worker.terminate();
    throw new Error(`The embedded DynamoDB-compatible server did not start on ${directory}. ${started}`);
  }
  return {
    endpoint: `http://127.0.0.1:${started}`,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey: randomId(random, 24) },
    ended,
    async stop() {
      stopping = true;
      worker.postMessage('stop');
      await exited;
    },
  };
}

/** The store is opened by the first request; a directory that cannot be opened must be known at the start. */
async function listTables(port: number, accessKeyId: string): Promise<void> {
  await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.ListTables',
      'x-amz-date': '20260101T000000Z',
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/, SignedHeaders=host, Signature=0`,
    },
    body: '{}',
    signal: AbortSignal.timeout(30_000),
  });
}
