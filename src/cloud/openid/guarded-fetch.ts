import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type OutboundGuard, OutboundRefusal } from '../http/outbound-guard.ts';
import { connectionFailure, UpstreamFailure } from '../upstream-failure.ts';

/** The part of the Fetch API that `openid-client` uses. */
export type GuardedFetch = (
  url: string,
  options: {
    method: string;
    headers: Record<string, string>;
    body?: string | URLSearchParams | ArrayBuffer | Uint8Array | ReadableStream | null | undefined;
  },
) => Promise<Response>;

/** Documents and key sets of real providers stay far below. */
const maxAnswerBytes = 256 * 1024;

/**
 * Fetch to addresses that an administrator typed in, or that a document at such an address names. Follows no redirect, reads at most 256 KiB,
 * and takes at most `timeoutMs` from the look-up to the end of the answer. Throws `UpstreamFailure`.
 */
export function createGuardedFetch({
  guard,
  timeoutMs,
  certificateAuthority,
}: {
  guard: OutboundGuard;
  timeoutMs: number;
  certificateAuthority: string | undefined;
}): GuardedFetch {
  return async (text, { method, headers, body }) => {
    const url = URL.parse(text);
    const problem = url === null ? 'must be an https URL' : problemOf(url, guard);
    if (url === null || problem !== undefined) {
      throw new UpstreamFailure('misconfigured', `An address of the provider ${problem}.`);
    }
    const content = typeof body === 'string' || body instanceof URLSearchParams ? body.toString() : '';
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      return await new Promise<Response>((settle, fail) => {
        const send = url.protocol === 'https:' ? requestHttps : requestHttp;
        const request = send(url, {
          method,
          // No agent: a kept connection would have been looked at for another request.
          agent: false,
          lookup: guard.lookupFor(url),
          signal: limit,
          headers: { ...headers, 'content-length': String(Buffer.byteLength(content)) },
          ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
        });
        request.on('error', fail);
        request.on('response', (answer) => {
          read(answer).then(settle, fail);
        });
        request.end(content);
      });
    } catch (cause) {
      throw cause instanceof OutboundRefusal
        ? new UpstreamFailure('misconfigured', `An address of the provider is refused: ${cause.message}.`)
        : connectionFailure(cause, limit.aborted);
    }
  };
}

function problemOf(url: URL, guard: OutboundGuard): string | undefined {
  if (url.username !== '' || url.password !== '') {
    return 'must not contain credentials';
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && guard.isNamed(url))) {
    return 'must be an https URL';
  }
  return guard.problemOf(url);
}

async function read(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxAnswerBytes) {
      // Leaving the loop ends the connection, too.
      throw new UpstreamFailure('untrusted', 'The provider sends more than any provider should.');
    }
  }
  const status = answer.statusCode ?? 502;
  const headers = new Headers();
  for (const name of ['content-type', 'www-authenticate']) {
    const value = answer.headers[name];
    if (typeof value === 'string') {
      headers.set(name, value);
    }
  }
  const bodiless = status < 200 || status === 204 || status === 205 || status === 304;
  return new Response(bodiless ? null : Buffer.concat(chunks), {
    status: status < 200 ? 502 : status,
    headers,
  });
}
