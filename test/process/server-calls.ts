import { createConnection } from 'node:net';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import { eventually } from '../support/server-process.ts';

export interface JsonAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, examined by the tests
  body: any;
}

/** Calls the server as a client of its JSON endpoints. */
export async function call(
  url: string,
  {
    json,
    form,
    token,
    headers = {},
  }: {
    json?: unknown;
    form?: Record<string, string>;
    token?: string;
    headers?: Record<string, string>;
  } = {},
): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method: json === undefined && form === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/json',
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

export function basic(clientId: string, clientSecret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` };
}

/** A token for the admin API with the secret of bootstrap.json. */
export async function machineToken({ issuer, client, resource }: BootstrapFile): Promise<string> {
  const { status, body } = await call(`${issuer}/token`, {
    form: { grant_type: 'client_credentials', scope: client.scopes.join(' '), resource },
    headers: basic(client.client_id, client.client_secret),
  });
  if (status !== 200) {
    throw new Error(`no token: ${status} ${JSON.stringify(body)}`);
  }
  return body.access_token;
}

export interface SubmittedOrder {
  orderId: string;
  status: string;
  statusUrl: string;
  slug: string;
}

export function registrationOf(slug: string): Record<string, unknown> {
  return {
    name: `Group ${slug}`,
    slug,
    requester: { name: 'Ada Lovelace', email: `ada@${slug}.example` },
    clientType: 'web',
    redirectUris: ['https://client.example/callback'],
  };
}

export async function register(origin: string, slug: string): Promise<SubmittedOrder> {
  const { status, body } = await call(`${origin}/api/registrations`, { json: registrationOf(slug) });
  if (status !== 202) {
    throw new Error(`not taken: ${status} ${JSON.stringify(body)}`);
  }
  return body;
}

/** Waits until the order's tenant is active. */
export async function untilActive(
  { statusUrl, slug }: SubmittedOrder,
  seconds = 120,
): Promise<JsonAnswer['body']> {
  return eventually(`tenant ${slug} is active`, seconds, async () => {
    const { body } = await call(statusUrl);
    return body.provisioning?.state === 'active' && body;
  });
}

export async function keyIds(origin: string, slug: string): Promise<string[]> {
  const { body } = await call(`${origin}/${slug}/jwks`);
  return body.keys.map(({ kid }: { kid: string }) => kid);
}

/** A request whose body has been announced, and is still to be sent. */
export interface UnfinishedRequest {
  finish(): Promise<string>;
  /** Resolves when the server has cut the connection, with all that it had answered. */
  readonly closed: Promise<string>;
}

/** Begins a POST and returns when the server has begun to handle it: it answers `100 Continue` then. */
export async function beginRequest(origin: string, path: string, json: unknown): Promise<UnfinishedRequest> {
  const { hostname, port, host } = new URL(origin);
  const socket = createConnection({ host: hostname, port: Number(port) });
  const body = JSON.stringify(json);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await eventually('100 Continue', 40, async () => answer.startsWith('HTTP/1.1 100'));
  return {
    closed,
    async finish() {
      socket.write(body);
      return await closed;
    },
  };
}

/** Whether nobody listens any more. */
export async function refusesConnections(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  const socket = createConnection({ host: hostname, port: Number(port) });
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(false));
      socket.once('error', () => resolve(true));
    });
  } finally {
    socket.destroy();
  }
}
