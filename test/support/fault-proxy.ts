import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What happens to a request on its way to an AWS-like service. */
export type Fault =
  /** The service's own throttling error. */
  | { kind: 'throttle' }
  /** Any other error by its AWS name, after `meanwhile`. */
  | { kind: 'refuse'; error: string; meanwhile?: () => Promise<void> }
  /** 503 of something in between, with a body that is not JSON. */
  | { kind: 'server-error' }
  /** The connection breaks before the service sees the request, after `meanwhile`. */
  | { kind: 'reset'; meanwhile?: () => Promise<void> }
  /** Nobody ever answers. */
  | { kind: 'hang' }
  /** This in place of the service's answer. */
  | { kind: 'answer'; body: object }
  /** The service answers in time, its answer arrives late. */
  | { kind: 'delay'; ms: number }
  /** The service does what it is asked, and the connection breaks before its answer arrives. */
  | { kind: 'lost-reply' };

export interface PassingRequest {
  /** `PutItem`, `Sign`. */
  operation: string;
  /** The JSON body. */
  input: Record<string, unknown>;
}

export interface FaultRule {
  fault: Fault;
  /** Which requests it strikes; all when absent. */
  when?: (request: PassingRequest) => boolean;
  /** How many of them; all when absent. */
  times?: number;
}

export interface FaultProxy {
  endpoint: string;
  /** Every request so far, in order. */
  readonly seen: PassingRequest[];
  /** Adds a rule after those in force; the first that fits a request strikes it. Returns how often it struck so far. */
  inject(rule: FaultRule): { struck: () => number; stop: () => void };
  /** Forgets all rules and everything seen. */
  clear(): void;
  close(): Promise<void>;
}

/** A proxy between the SDK and a service, on loopback. Faults are chosen per request. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const rules: { rule: FaultRule; struck: number }[] = [];
  const seen: PassingRequest[] = [];

  function faultFor(passing: PassingRequest): Fault | undefined {
    const active = rules.find(
      ({ rule, struck }) =>
        struck < (rule.times ?? Number.POSITIVE_INFINITY) && (rule.when?.(passing) ?? true),
    );
    if (active !== undefined) {
      active.struck += 1;
    }
    return active?.rule.fault;
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const passing = {
      operation: String(incoming.headers['x-amz-target']).split('.')[1] ?? '',
      input: JSON.parse(body.toString() || '{}') as Record<string, unknown>,
    };
    seen.push(passing);
    const fault = faultFor(passing);
    switch (fault?.kind) {
      case 'throttle':
        return refuse(incoming, outgoing, 'ThrottlingException');
      case 'refuse':
        await fault.meanwhile?.();
        return refuse(incoming, outgoing, fault.error);
      case 'server-error':
        outgoing.writeHead(503, { 'Content-Type': 'text/html' });
        return void outgoing.end('<html>overloaded</html>');
      case 'reset':
        await fault.meanwhile?.();
        return void incoming.socket.resetAndDestroy();
      case 'hang':
        return;
      case 'answer':
        return answer(incoming, outgoing, 200, fault.body);
      case 'lost-reply':
        await forward(incoming, body);
        return void incoming.socket.resetAndDestroy();
      case 'delay':
      case undefined: {
        const { status, headers, content } = await forward(incoming, body);
        if (fault !== undefined) {
          await delay(fault.ms);
        }
        outgoing.writeHead(status, headers);
        outgoing.end(content);
      }
    }
  }

  async function forward(incoming: IncomingMessage, body: Buffer) {
    return await new Promise<{ status: number; headers: IncomingMessage['headers']; content: Buffer }>(
      (resolve, reject) => {
        const onward = request(
          new URL(incoming.url ?? '/', target),
          { method: incoming.method ?? 'POST', headers: incoming.headers },
          (reply) => {
            readAll(reply).then(
              (content) => resolve({ status: reply.statusCode ?? 500, headers: reply.headers, content }),
              reject,
            );
          },
        );
        onward.on('error', reject);
        onward.end(body);
      },
    );
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    inject(rule) {
      const active = { rule, struck: 0 };
      rules.push(active);
      return {
        struck: () => active.struck,
        stop: () => {
          const at = rules.indexOf(active);
          if (at >= 0) {
            rules.splice(at, 1);
          }
        },
      };
    },
    clear() {
      rules.splice(0);
      seen.splice(0);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse, error: string): void {
  answer(incoming, outgoing, 400, { __type: error, message: `${error} by the fault proxy` });
}

function answer(incoming: IncomingMessage, outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, {
    'Content-Type': incoming.headers['content-type'] ?? 'application/x-amz-json-1.1',
  });
  outgoing.end(JSON.stringify(body));
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
