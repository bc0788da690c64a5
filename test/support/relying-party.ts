import * as openid from 'openid-client';
import { type Arrival, createUserAgent, type UserAgent } from './user-agent.ts';

export interface User {
  email: string;
  password: string;
}

/** Discovers the issuer as an application does. A client without secret is public. Signatures of ID tokens are verified, too. */
export async function discover(
  issuer: string,
  clientId: string,
  clientSecret?: string,
): Promise<openid.Configuration> {
  return openid.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    clientSecret === undefined ? openid.None() : undefined,
    // The code flow may trust TLS instead of the signature (OpenID Connect Core, 3.1.3.7); a test of signatures must not.
    { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] },
  );
}

/** What the application keeps while the browser is away. */
export interface Checks {
  pkceCodeVerifier: string;
  expectedState: string;
  expectedNonce: string;
}

export interface AuthorizeOptions {
  redirectUri: string;
  user: User;
  /** A new one, without cookies, when absent. */
  browser?: UserAgent;
  /** Beyond the usual ones, or in their place. */
  parameters?: Readonly<Record<string, string>>;
}

/** The address at which a sign-in begins, with PKCE, state and nonce. */
export async function beginAuthorization(
  client: openid.Configuration,
  { redirectUri, parameters = {} }: Pick<AuthorizeOptions, 'redirectUri' | 'parameters'>,
): Promise<{ url: URL; checks: Checks }> {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
  };
  const url = openid.buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: 'openid',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...parameters,
  });
  return { url, checks };
}

/** Signs in and allows whatever is asked, as far as pages lead; ends where the browser leaves the server or a page complains. */
export async function authorize(
  client: openid.Configuration,
  options: AuthorizeOptions,
): Promise<{ arrival: Arrival; checks: Checks }> {
  const { url, checks } = await beginAuthorization(client, options);
  const browser = options.browser ?? createUserAgent(url.origin);
  let arrival = await browser.open(url);
  for (let pages = 0; pages < 4 && hasForm(arrival); pages += 1) {
    const { email, password } = options.user;
    const asksForPassword = arrival.document.querySelector('input[type="password"]') !== null;
    arrival = await browser.submit(arrival, asksForPassword ? { email, password } : {});
  }
  return { arrival, checks };
}

function hasForm({ status, document }: Arrival): boolean {
  return status === 200 && document.querySelector('form') !== null;
}

/** The whole authorization code flow, from the application's first redirect to verified tokens. */
export async function signIn(client: openid.Configuration, options: AuthorizeOptions) {
  const { arrival, checks } = await authorize(client, options);
  const resource = options.parameters?.resource;
  return openid.authorizationCodeGrant(
    client,
    arrival.url,
    checks,
    resource === undefined ? {} : { resource },
  );
}
