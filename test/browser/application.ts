import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import * as openid from 'openid-client';
import { beginAuthorization, discover } from '../support/relying-party.ts';

type Tokens = Awaited<ReturnType<typeof openid.authorizationCodeGrant>>;

/** A web application of a tenant, for a browser to come from and to return to. */
export interface Application {
  origin: string;
  redirectUri: string;
  /** Where a sign-in begins; the address redirects to the tenant. */
  signInUrl(parameters?: Readonly<Record<string, string>>): string;
  /** What the application holds after the latest sign-in. */
  tokens(): Tokens;
  close(): Promise<void>;
}

export interface Registration {
  issuer: string;
  clientId: string;
  clientSecret: string | undefined;
}

/**
 * `register` gets the application's redirect URI and returns the client that was made for it. Pages: `/sign-in` begins, `/callback` redeems
 * the code with `openid-client` and greets the person by the ID token.
 */
export async function startApplication(
  register: (redirectUri: string) => Promise<Registration>,
): Promise<Application> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const origin = `http://localhost:${(http.address() as AddressInfo).port}`;
  const redirectUri = `${origin}/callback`;
  const { issuer, clientId, clientSecret } = await register(redirectUri);
  const client = await discover(issuer, clientId, clientSecret);
  const begun = new Map<string, Awaited<ReturnType<typeof beginAuthorization>>['checks']>();
  let tokens: Tokens | undefined;

  /** `answered` are the parameters of an authorization response, however it came. */
  async function answer(
    address: URL,
    answered: URLSearchParams,
  ): Promise<{ status: number; location?: string; text?: string }> {
    if (address.pathname === '/sign-in') {
      const parameters = Object.fromEntries(address.searchParams);
      const { url, checks } = await beginAuthorization(client, { redirectUri, parameters });
      begun.set(checks.expectedState, checks);
      return { status: 303, location: url.href };
    }
    const checks = begun.get(answered.get('state') ?? '');
    if (address.pathname !== '/callback' || !checks) {
      return { status: 404, text: 'Not found' };
    }
    const error = answered.get('error');
    if (error !== null) {
      return { status: 200, text: `Not signed in: ${error}` };
    }
    const response = new URL(`${redirectUri}?${answered}`);
    tokens = await openid.authorizationCodeGrant(client, response, checks);
    return { status: 200, text: `Signed in as ${tokens.claims()?.sub}` };
  }

  async function read(request: IncomingMessage) {
    const address = new URL(request.url ?? '/', origin);
    const isPost = request.method === 'POST';
    return answer(address, isPost ? new URLSearchParams(await text(request)) : address.searchParams);
  }

  http.on('request', (request, response) => {
    read(request).then(
      ({ status, location, text = '' }) => {
        response.writeHead(status, {
          'content-type': 'text/html; charset=utf-8',
          ...(location === undefined ? {} : { location }),
        });
        response.end(
          `<!doctype html><html lang="en"><title>Application</title><main><h1>${text}</h1></main>`,
        );
      },
      (error) => response.writeHead(500).end(String(error)),
    );
  });

  return {
    origin,
    redirectUri,
    signInUrl: (parameters = {}) => `${origin}/sign-in?${new URLSearchParams(parameters)}`,
    tokens() {
      if (!tokens) {
        throw new Error('nobody has signed in to the application');
      }
      return tokens;
    },
    async close() {
      const closed = once(http, 'close');
      http.close();
      http.closeAllConnections();
      await closed;
    },
  };
}
