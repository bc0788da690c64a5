/** Runs in a worker thread: the DynamoDB-compatible server, so that its work goes to another core and it dies with the process. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import dynalite from 'dynalite';

export interface DynamodbWorkerData {
  /** Undefined keeps the data in memory. */
  path: string | undefined;
  accessKeyId: string;
}

if (parentPort) {
  serve(workerData as DynamodbWorkerData, parentPort);
}

function serve({ path, accessKeyId }: DynamodbWorkerData, parent: NonNullable<typeof parentPort>): void {
  const server: Server = dynalite({
    ...(path ? { path } : {}),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  requireAccessKey(server, accessKeyId);
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => parent.postMessage({ port: (server.address() as AddressInfo).port }));
  parent.once('message', () => {
    server.close(() => parent.close());
    server.closeIdleConnections();
  });
}

/**
 * dynalite checks the form of a signature, not who signed. On a machine with other users the loopback interface is shared, so the
 * generated access key id is treated as a password.
 */
function requireAccessKey(server: Server, accessKeyId: string): void {
  const credential = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/`;
  const [serveRequest] = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (request.headers.authorization?.startsWith(credential)) {
      serveRequest?.call(server, request, response);
    } else {
      response.writeHead(403, { 'Content-Type': 'application/x-amz-json-1.0', Connection: 'close' });
      response.end('{"__type":"com.amazon.coral.service#UnrecognizedClientException"}');
    }
  });
}
