import { createHash, randomBytes } from 'node:crypto';
import { basic } from '../../support/onboarding.ts';
import type { Arrival } from '../../support/user-agent.ts';

export interface TestClient {
  id: string;
  secret: string;
}

export const redirectUri = 'https://portal.example/callback';

export interface OAuthAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** A request of a client to one of its issuer's endpoints. */
export async function post(
  { issuer }: { issuer: string },
  path: string,
  client: TestClient,
  form: Record<string, string>,
): Promise<OAuthAnswer> {
  const response = await fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { authorization: basic(client.id, client.secret) },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

/** Where a sign-in begins, and the secret with which its code is redeemed. */
export function authorizationUrl(
  { issuer, portal }: { issuer: string; portal: TestClient },
  parameters: Record<string, string> = {},
): { url: URL; verifier: string; parameters: Record<string, string> } {
  const verifier = randomBytes(32).toString('base64url');
  const all = {
    client_id: portal.id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  };
  const url = new URL(`${issuer}/auth`);
  url.search = new URLSearchParams(all).toString();
  return { url, verifier, parameters: all };
}

export function redeem(code: string, verifier: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
}

/** The code with which the browser left. */
export function codeOf(arrival: Arrival): string {
  const code = arrival.url.searchParams.get('code');
  if (code === null) {
    throw new Error(
      `no code at ${arrival.url.href} (${arrival.status}): ${arrival.document.textContent.trim().slice(0, 300)}`,
    );
  }
  return code;
}
