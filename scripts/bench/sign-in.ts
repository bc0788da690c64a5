import { createHash, randomBytes } from 'node:crypto';
import { type Arrival, createUserAgent } from '../../test/support/user-agent.ts';
import type { BenchClient } from './flows.ts';

/** Where the web clients are sent back to; nobody listens there. */
export const callback = 'http://127.0.0.1:8911/callback';

/**
 * Signs in with a browser at `issuer`, `times` times, and redeems each code: one refresh token each, for offline access, with an ID token. Without
 * `person` the server is expected to ask nothing.
 */
export async function obtainRefreshTokens({
  issuer,
  client,
  person,
  times,
}: {
  issuer: string;
  client: BenchClient;
  person?: { email: string; password: string };
  times: number;
}): Promise<string[]> {
  const browser = createUserAgent(new URL(issuer).origin, {
    stopAt: (url) => url.href.startsWith(callback),
  });
  const tokens: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${issuer}/auth`);
    url.search = new URLSearchParams({
      client_id: client.clientId,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid offline_access',
      prompt: 'consent',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    let page: Arrival = await browser.open(url);
    for (let form = 0; form < 3 && !page.url.href.startsWith(callback); form += 1) {
      const asksForPassword = page.document.querySelector('input[type="password"]') !== null;
      page = await browser.submit(page, asksForPassword ? { ...person } : {});
    }
    const code = page.url.searchParams.get('code');
    if (code === null) {
      throw new Error(`no code at ${page.url.href} (${page.status}): ${page.body.slice(0, 300)}`);
    }
    tokens.push(await redeem(issuer, client, code, verifier));
  }
  return tokens;
}

async function redeem(issuer: string, client: BenchClient, code: string, verifier: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    }),
  });
  const { refresh_token: token, id_token: idToken } = (await response.json()) as Record<string, string>;
  if (token === undefined || idToken === undefined) {
    throw new Error(`${issuer}/token answered ${response.status} without a refresh token and an ID token`);
  }
  return token;
}
