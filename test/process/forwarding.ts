import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestDynamodb } from '../support/global-setup.ts';

export interface Forwarder {
  readonly origin: string;
  close(): Promise<void>;
}

export interface RoundRobin extends Forwarder {
  /** Takes turns among these from now on. */
  use(targets: readonly string[]): void;
  /** How many requests each target got. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What stands in front of several server processes: one address, each request to the next one, `Host` and all else unchanged. */
export async function startRoundRobin(): Promise<RoundRobin> {
  let targets: readonly string[] = [];
  let turn = 0;
  const counts = new Map<string, number>();
  const forwarder = await listen((_incoming, outgoing, forward) => {
    const target = targets[turn % targets.length];
    turn += 1;
    if (target === undefined) {
      outgoing.writeHead(502).end();
      return;
    }
    counts.set(target, (counts.get(target) ?? 0) + 1);
    forward(target);
  });
  return {
    ...forwarder,
    counts,
    use(next) {
      targets = next;
    },
  };
}

/**
 * A DynamoDB-compatible server with the operations that it lacks and AWS has (the embedded one knows neither TTL nor backups): the settings are of
 * no consequence here, since readers check expiry themselves, nobody restores a table, and nobody but the product deletes one.
 */
export async function startTablesFront({ endpoint }: TestDynamodb): Promise<Forwarder> {
  const answers: Record<string, object> = {
    UpdateTimeToLive: { TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true } },
    UpdateTable: { TableDescription: { DeletionProtectionEnabled: true } },
    DescribeContinuousBackups: {
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: 'ENABLED',
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' },
      },
    },
  };
  return await listen((incoming, outgoing, forward) => {
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    const answer = answers[operation];
    if (answer === undefined) {
      forward(endpoint);
      return;
    }
    incoming.resume().on('end', () => {
      outgoing.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
    });
  });
}

async function listen(
  route: (incoming: IncomingMessage, outgoing: ServerResponse, forward: (target: string) => void) => void,
): Promise<Forwarder> {
  // A connection each: one that is kept may be closed by the other side just when it is used again.
  const agent = new Agent({ keepAlive: false, maxSockets: 100 });
  const server = createServer((incoming, outgoing) =>
    route(incoming, outgoing, (target) => {
      const onward = request(
        new URL(incoming.url ?? '/', target),
        { method: incoming.method ?? 'GET', headers: incoming.headers, agent },
        (reply) => {
          outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
          reply.pipe(outgoing);
        },
      );
      onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
      incoming.pipe(onward);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
