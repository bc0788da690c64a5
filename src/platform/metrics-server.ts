import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Secret } from '../kernel/secret.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * `GET /metrics` on a port of its own, so that what faces the internet cannot show it by mistake, and a process that only works has it, too. The
 * token, where there is one, is compared in constant time.
 */
export async function serveMetrics(options: {
  metrics: Pick<Metrics, 'registry'>;
  host: string;
  /** 0: any that is free. */
  port: number;
  token: Secret | undefined;
  log: Log;
}): Promise<MetricsServer> {
  const { metrics, host, port, token, log } = options;
  const server = createServer((request, response) => {
    answer(request, response, metrics, token).catch((error: unknown) => {
      log.error({ err: error }, 'metrics could not be collected');
      end(response, 500);
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 20;
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { registry }: Pick<Metrics, 'registry'>,
  token: Secret | undefined,
): Promise<void> {
  if (request.url?.split('?', 1)[0] !== '/metrics') {
    end(response, 404);
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    end(response, 405);
  } else if (token !== undefined && !isToken(request.headers.authorization, token)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="metrics"');
    end(response, 401);
  } else {
    const text = await registry.metrics();
    response.setHeader('Content-Type', registry.contentType);
    response.setHeader('Cache-Control', 'no-store');
    end(response, 200, text);
  }
}

function end(response: ServerResponse, status: number, text = ''): void {
  response.statusCode = status;
  response.end(text);
}

function isToken(authorization: string | undefined, token: Secret): boolean {
  const given = Buffer.from(/^bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '');
  const expected = Buffer.from(token.reveal());
  return given.length === expected.length && timingSafeEqual(given, expected);
}
