/**
 * HTTP to addresses that somebody typed in, such as webhooks: requests must not become a way into our own network (SSRF). Names are resolved
 * once per request, every address that they have must be public, and the connection goes to one of those addresses, so a name cannot
 * change its mind between the look and the connection. Redirects are not followed, proxies of the environment not used, and size and time
 * are bounded. Hosts of the deployment's own that may be reached all the same are named by a setting.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { AppError } from '../../kernel/errors.ts';
import { createOutboundGuard, OutboundRefusal, type ResolveAll } from './outbound-guard.ts';

export interface OutboundRequest {
  url: string;
  method: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Ends the request when it aborts, beside the time limit. */
  signal?: AbortSignal;
}

export interface OutboundAnswer {
  status: number;
  /** At most `maxAnswerBytes`; what is longer is cut off. */
  body: string;
}

export interface Outbound {
  /** Why the address would be refused whatever its name resolves to; `undefined` when nothing speaks against it. */
  problemOf(url: string): string | undefined;
  /**
   * `AppError('invalid_request')` for an address that is refused for good, `AppError('temporarily_unavailable')` for everything that keeps an
   * answer from coming. Any answer, of whatever status, resolves.
   */
  request(request: OutboundRequest): Promise<OutboundAnswer>;
}

export interface OutboundOptions {
  /** `host` or `host:port` of the deployment's own; may be private, and spoken to without TLS. */
  allowedHosts: readonly string[];
  resolve?: ResolveAll;
  /** Default 10 seconds, from the look-up to the end of the answer. */
  timeoutMs?: number;
}

const maxAnswerBytes = 16 * 1024;

export function createOutbound({ timeoutMs = 10_000, ...rules }: OutboundOptions): Outbound {
  const guard = createOutboundGuard(rules);

  function parse(text: string): { url: URL } | { problem: string } {
    const url = URL.parse(text);
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
      return { problem: 'must be an https URL' };
    }
    if (url.username !== '' || url.password !== '') {
      return { problem: 'must not contain credentials' };
    }
    if (url.hash !== '') {
      return { problem: 'must not have a fragment' };
    }
    if (url.protocol !== 'https:' && !guard.isNamed(url)) {
      return { problem: 'must be an https URL' };
    }
    const problem = guard.problemOf(url);
    return problem === undefined ? { url } : { problem };
  }

  return {
    problemOf(text) {
      const parsed = parse(text);
      return 'problem' in parsed ? parsed.problem : undefined;
    },

    async request({ url: text, method, headers = {}, body = '', signal }) {
      const parsed = parse(text);
      if ('problem' in parsed) {
        throw new AppError('invalid_request', `The address ${parsed.problem}.`);
      }
      const { url } = parsed;
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        return await new Promise<OutboundAnswer>((settle, fail) => {
          const send = url.protocol === 'https:' ? requestHttps : requestHttp;
          const request = send(url, {
            method,
            // No agent: a kept connection would have been looked at for another request.
            agent: false,
            lookup: guard.lookupFor(url),
            signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
            headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
          });
          request.on('error', fail);
          request.on('response', (answer) => {
            readAnswer(answer).then((read) => settle({ status: answer.statusCode ?? 0, body: read }), fail);
          });
          request.end(body);
        });
      } catch (cause) {
        throw translate(cause, limit.aborted);
      }
    },
  };
}

async function readAnswer(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxAnswerBytes) {
      // Ends the connection, too.
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes).toString();
}

function translate(cause: unknown, timedOut: boolean): AppError {
  // Its text names only the kind of failure: addresses may hold secrets, and inner addresses are nobody's business.
  const why =
    cause instanceof OutboundRefusal
      ? cause.message
      : timedOut
        ? 'it took too long'
        : ((cause as { code?: unknown }).code ?? 'the connection failed');
  return new AppError('temporarily_unavailable', `The address gave no answer: ${String(why)}.`, { cause });
}
