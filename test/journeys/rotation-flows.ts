import { createHash, randomBytes } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../src/kernel/clock.ts';
import { basic, type OnboardedTenant } from '../support/onboarding.ts';
import { sendTo } from '../support/send-to.ts';
import type { ProductServer } from '../support/server.ts';
import type { UserAgent } from '../support/user-agent.ts';

export interface Credentials {
  clientId: string;
  clientSecret: string;
}

/** Takes the servers in turn, as a load balancer does. */
export function inTurn(servers: readonly ProductServer[]): () => ProductServer {
  let next = 0;
  return () => {
    const server = servers[next % servers.length] as ProductServer;
    next += 1;
    return server;
  };
}

export type Verify = (token: string, audience: string) => Promise<JWTPayload>;

/**
 * A relying party or API that keeps the JWK Set exactly as long as it may, and never fetches it earlier because it meets a key that it does not
 * know: one that signed too early, or was published too short, is a failure here.
 */
export function createVerifier(
  { issuer }: Pick<OnboardedTenant, 'issuer'>,
  pick: () => ProductServer,
  cacheSeconds: number,
  clock: Clock,
): Verify {
  let kept: { untilMs: number; keys: Promise<ReturnType<typeof createLocalJWKSet>> } | undefined;

  async function fetchKeys() {
    const response = await sendTo(pick(), `${issuer}/jwks`);
    if (response.headers.get('cache-control') !== `public, max-age=${cacheSeconds}`) {
      throw new Error(`unexpected: Cache-Control: ${response.headers.get('cache-control')}`);
    }
    // From when it has them.
    if (kept) kept.untilMs = clock.now() + cacheSeconds * 1000;
    return createLocalJWKSet((await response.json()) as JSONWebKeySet);
  }

  return async (token, audience) => {
    if (kept === undefined || clock.now() >= kept.untilMs) {
      kept = { untilMs: Number.POSITIVE_INFINITY, keys: fetchKeys() };
    }
    return (await jwtVerify(token, await kept.keys, { issuer, audience })).payload;
  };
}

async function requestTokens(
  server: ProductServer,
  issuer: string,
  { clientId, clientSecret }: Credentials,
  form: Record<string, string>,
): Promise<Record<string, string>> {
  const response = await sendTo(server, `${issuer}/token`, {
    method: 'POST',
    headers: { authorization: basic(clientId, clientSecret) },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  if (response.status !== 200) {
    throw new Error(`${form.grant_type}: ${response.status} ${text}`);
  }
  return JSON.parse(text) as Record<string, string>;
}

/** A machine's token, verified at once; `again` is for when it is almost as old as a token gets. */
export async function clientCredentialsFlow(
  pick: () => ProductServer,
  issuer: string,
  robot: Credentials,
  resource: string,
  verify: readonly [Verify, Verify],
): Promise<{ kid: string; again: () => Promise<unknown> }> {
  const form = { grant_type: 'client_credentials', resource, scope: 'orders:read' };
  const { access_token: token = '' } = await requestTokens(pick(), issuer, robot, form);
  await verify[0](token, resource);
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
  return { kid, again: () => verify[1](token, resource) };
}

export async function refreshFlow(
  pick: () => ProductServer,
  issuer: string,
  application: Credentials,
  refreshToken: string,
  verify: Verify,
): Promise<string> {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
  const tokens = await requestTokens(pick(), issuer, application, form);
  await verify(tokens.id_token ?? '', application.clientId);
  return tokens.refresh_token ?? '';
}

/** A user who is signed in comes back without seeing a page: session cookie, code, verified ID token. */
export async function silentSignInFlow(
  pick: () => ProductServer,
  issuer: string,
  { redirectUri, ...application }: Credentials & { redirectUri: string },
  browser: UserAgent,
  verify: Verify,
): Promise<void> {
  const verifier = randomBytes(32).toString('base64url');
  const url = `${issuer}/auth?${new URLSearchParams({
    client_id: application.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    prompt: 'none',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })}`;
  const response = await sendTo(pick(), url, { headers: { cookie: await browser.jar.getCookieString(url) } });
  for (const cookie of response.headers.getSetCookie()) {
    await browser.jar.setCookie(cookie, url);
  }
  const arrival = new URL(response.headers.get('location') ?? 'none:');
  const code = arrival.searchParams.get('code');
  if (code === null) {
    throw new Error(`silent sign-in: ${response.status} ${arrival.search}`);
  }
  const form = {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  };
  const tokens = await requestTokens(pick(), issuer, application, form);
  await verify(tokens.id_token ?? '', application.clientId);
}
