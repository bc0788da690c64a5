import { Agent, request as send } from 'node:http';

export interface BenchRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string;
  /** Sees the body of the answer. */
  answered?: (body: string) => void;
}

/** Connections that are kept open to one server. */
export interface Connections {
  port: number;
  /** What `Host` says; the connection itself goes to the loopback address. */
  host: string;
  agent: Agent;
}

export function openConnections(origin: URL, concurrency: number): Connections {
  return {
    port: Number(origin.port),
    host: origin.host,
    agent: new Agent({ keepAlive: true, maxSockets: concurrency }),
  };
}

/**
 * Closed loop: `concurrency` workers, each sending its next request when the last one is answered, until `durationMs` have passed. Every answer
 * must be a 200. `latenciesMs` has one entry per request.
 */
export async function runLoad({
  connections,
  concurrency,
  durationMs,
  next,
}: {
  connections: Connections;
  concurrency: number;
  durationMs: number;
  /** The next request of a worker. */
  next: (worker: number) => BenchRequest;
}): Promise<{ latenciesMs: number[]; elapsedMs: number }> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + durationMs;
  const work = async (worker: number) => {
    for (let now = performance.now(); now < endAt; ) {
      const request = next(worker);
      const { status, body } = await exchange(connections, request);
      const answeredAt = performance.now();
      if (status !== 200) {
        throw new Error(`${request.method} ${request.path} answered ${status}: ${body.slice(0, 300)}`);
      }
      latenciesMs.push(answeredAt - now);
      request.answered?.(body);
      now = answeredAt;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => work(worker)));
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}

function exchange(
  { port, host, agent }: Connections,
  { method, path, headers, body }: BenchRequest,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = send({
      host: '127.0.0.1',
      port,
      agent,
      method,
      path,
      headers: { host, ...headers },
      timeout: 10_000,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path} was not answered`)));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on('error', reject);
    });
    outgoing.end(body);
  });
}
