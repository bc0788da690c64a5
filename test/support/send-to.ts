import { Agent, request } from 'node:http';
import type { ProductServer } from './server.ts';

const agent = new Agent({ keepAlive: true });

/**
 * `fetch` from one certain server of a deployment: connects to where it listens, and asks for the host that all of them answer to, as a load
 * balancer would. Redirects are not followed.
 */
export function sendTo(
  { port, origin }: Pick<ProductServer, 'port' | 'origin'>,
  url: string | URL,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Readonly<Record<string, string>>; body?: URLSearchParams | object } = {},
): Promise<Response> {
  const { pathname, search } = new URL(url, origin);
  const form = body instanceof URLSearchParams;
  const content = body === undefined ? undefined : form ? body.toString() : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method,
        path: pathname + search,
        headers: {
          host: new URL(origin).host,
          ...(content === undefined
            ? {}
            : {
                'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json',
                'content-length': String(Buffer.byteLength(content)),
              }),
          ...headers,
        },
      },
      async (incoming) => {
        const answered = new Headers();
        for (const [name, values] of Object.entries(incoming.headersDistinct)) {
          for (const value of values ?? []) {
            answered.append(name, value);
          }
        }
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) {
          chunks.push(chunk);
        }
        const empty = incoming.statusCode === 204 || incoming.statusCode === 304;
        resolve(
          new Response(empty ? null : Buffer.concat(chunks), {
            status: incoming.statusCode ?? 500,
            headers: answered,
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(content);
  });
}
