import { Failure, type Problem, ProblemFailure } from './failure.ts';
import { type OperationPlace, type Operations, operations } from './generated/api.ts';
import type { Terminal } from './terminal.ts';

export type OperationName = keyof Operations;

type Empty<Part> = keyof Part extends never ? true : false;

/** What a call gives: parts that would be empty are left out. */
export type RequestOf<Name extends OperationName> = (Empty<Operations[Name]['path']> extends true
  ? { path?: Operations[Name]['path'] }
  : { path: Operations[Name]['path'] }) & {
  query?: Operations[Name]['query'];
  body?: Operations[Name]['body'];
  ifMatch?: string;
  idempotencyKey?: string;
  /** In the place of a body, where the API takes a file. */
  upload?: { mediaType: string; content: Uint8Array<ArrayBuffer> };
};

export interface ApiClient {
  /** The answer's body. A refusal is a `ProblemFailure`; a server that does not answer, or not like one of ours, a `Failure`. */
  call<Name extends OperationName>(name: Name, request: RequestOf<Name>): Promise<Operations[Name]['answer']>;
  /** The same for an answer that is NDJSON, piece by piece. */
  stream<Name extends OperationName>(
    name: Name,
    request: RequestOf<Name>,
  ): Promise<AsyncIterable<Uint8Array>>;
}

export interface ApiClientOptions {
  /** The server's origin. */
  server: URL;
  /** Undefined: without a token. */
  token: () => Promise<string | undefined>;
  fetch: Terminal['fetch'];
}

/** A thin client of the admin API, typed by the generated operations. */
export function createApiClient({ server, token, fetch }: ApiClientOptions): ApiClient {
  async function send(name: OperationName, request: RequestOf<OperationName>): Promise<Response> {
    const place: OperationPlace = operations[name];
    const bearer = await token();
    const content =
      request.body === undefined
        ? request.upload
        : { mediaType: 'application/json', content: JSON.stringify(request.body) };
    const response = await reach(fetch, addressOf(server, place, request), {
      method: place.method,
      // An answer that leads elsewhere is none of the API's, and must not get the token.
      redirect: 'manual',
      headers: {
        Accept: `${place.answers}, application/problem+json`,
        ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
        ...(content === undefined ? {} : { 'Content-Type': content.mediaType }),
        ...(request.ifMatch === undefined ? {} : { 'If-Match': request.ifMatch }),
        ...(request.idempotencyKey === undefined ? {} : { 'Idempotency-Key': request.idempotencyKey }),
      },
      ...(content === undefined ? {} : { body: content.content }),
    });
    if (!response.ok) {
      throw await toFailure(server, response);
    }
    return response;
  }

  return {
    async call(name, request) {
      const response = await send(name, request as RequestOf<OperationName>);
      return (await response.json()) as Operations[typeof name]['answer'];
    },
    async stream(name, request) {
      const { body } = await send(name, request as RequestOf<OperationName>);
      return body ?? (async function* () {})();
    },
  };
}

function addressOf(
  server: URL,
  place: OperationPlace,
  { path = {}, query = {} }: RequestOf<OperationName>,
): URL {
  const values = path as Record<string, string>;
  const filled = place.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
  const address = new URL(filled, server);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) {
      address.searchParams.set(name, String(value));
    }
  }
  return address;
}

/** `Failure` when nobody answers. */
export async function reach(
  fetch: Terminal['fetch'],
  address: URL,
  init: RequestInit = {},
): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    throw new Failure(
      'unavailable',
      `${address.origin} cannot be reached: ${cause?.code ?? cause?.message ?? error}.`,
      {
        cause: error,
      },
    );
  }
}

async function toFailure(server: URL, response: Response): Promise<Failure> {
  const problem = response.headers.get('content-type')?.startsWith('application/problem+json')
    ? ((await response.json().catch(() => undefined)) as Problem | undefined)
    : undefined;
  return problem === undefined
    ? new Failure('unavailable', `${server.origin} answered ${response.status}, not like a Tenantry server.`)
    : new ProblemFailure(problem);
}
