import { type CredentialStore, type Credentials, exclusiveMs } from './credentials.ts';
import { Failure } from './failure.ts';
import { discoverIssuer, OAuthError, postForm, type TokenAnswer } from './issuer.ts';
import type { Terminal } from './terminal.ts';

/** A token that lasts no longer than this is exchanged before it is used. */
const marginMs = 30_000;

/**
 * The token for a call: `TENANTRY_TOKEN` (an API key or an access token) if there is one, otherwise that of the sign-in, renewed when it is
 * about to end. Undefined when nobody is signed in.
 */
export async function tokenFor(
  terminal: Terminal,
  store: CredentialStore,
  server: URL,
): Promise<string | undefined> {
  const given = terminal.env.TENANTRY_TOKEN;
  if (given !== undefined && given !== '') {
    return given;
  }
  const stored = await store.get(server.origin);
  if (stored === undefined || isFresh(terminal, stored)) {
    return stored?.accessToken;
  }
  return store.exclusively(async () => {
    // Another process may have been faster.
    const present = await store.get(server.origin);
    if (present === undefined || isFresh(terminal, present)) {
      return present?.accessToken;
    }
    const renewed = await renew(terminal, server, present);
    await store.put(server.origin, renewed);
    return renewed.accessToken;
  });
}

function isFresh({ now }: Terminal, { expiresAt }: Credentials): boolean {
  return expiresAt - now() > marginMs;
}

async function renew(present: Terminal, server: URL, credentials: Credentials): Promise<Credentials> {
  const terminal = { ...present, fetch: within(present.timeLimit(exclusiveMs), present.fetch) };
  const { tenant, clientId, refreshToken } = credentials;
  if (refreshToken === undefined) {
    throw new Failure('notSignedIn', 'The sign-in has ended. Sign in with `tenantry login`.');
  }
  const { token_endpoint: endpoint } = await discoverIssuer(terminal, server, tenant);
  try {
    const answer = await postForm<TokenAnswer>(terminal, endpoint, {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: refreshToken,
    });
    return toCredentials(terminal, { tenant, clientId, refreshToken }, answer);
  } catch (error) {
    throw error instanceof OAuthError
      ? new Failure('notSignedIn', 'The sign-in has ended. Sign in with `tenantry login`.', { cause: error })
      : error;
  }
}

/** Requests that all end with the signal, whole answers included. */
function within(signal: AbortSignal, fetch: Terminal['fetch']): Terminal['fetch'] {
  return async (address, init) => {
    const response = await fetch(address, { ...init, signal });
    return response.body === null ? response : new Response(await response.arrayBuffer(), response);
  };
}

export function toCredentials(
  { now }: Pick<Terminal, 'now'>,
  { tenant, clientId, refreshToken }: Pick<Credentials, 'tenant' | 'clientId' | 'refreshToken'>,
  answer: TokenAnswer,
): Credentials {
  const renewal = answer.refresh_token ?? refreshToken;
  return {
    tenant,
    clientId,
    accessToken: answer.access_token,
    expiresAt: now() + answer.expires_in * 1000,
    ...(renewal === undefined ? {} : { refreshToken: renewal }),
  };
}
