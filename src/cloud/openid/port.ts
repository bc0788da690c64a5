/**
 * The port to OpenID providers of others (D10): sends people there and reads who came back. Everything that arrives has been verified:
 * signature, issuer, audience, nonce, times. Failures are `UpstreamFailure`.
 */
import type { Secret } from '../../kernel/secret.ts';

export interface OpenidSource {
  /** Its discovery document is at the well-known path below it, and must name this very issuer. */
  issuer: string;
  clientId: string;
  /** Absent for a public client. */
  clientSecret: Secret | undefined;
  clientAuthentication: 'client_secret_basic' | 'client_secret_post' | 'none';
  scopes: readonly string[];
  /** Whether claims are read from the userinfo endpoint, too; those of the ID token win. */
  readUserinfo: boolean;
  /** Values of `prompt` that it takes, where its discovery document does not say; absent: those that every provider takes by the standard. */
  prompts: readonly string[] | undefined;
  /** PEM; in place of the system's certificate authorities. */
  certificateAuthority: string | undefined;
}

/** Ties an answer to the request that it belongs to. */
export interface OpenidChecks {
  redirectUri: string;
  state: string;
  nonce: string;
  codeVerifier: string;
}

export interface OpenidRequest extends OpenidChecks {
  /** Further parameters of the request: `prompt`, `max_age`, `login_hint`, `acr_values`, `ui_locales`. */
  parameters: Readonly<Record<string, string>>;
}

/** Claims of a verified ID token, and of userinfo where it is read. */
export type OpenidClaims = Readonly<Record<string, unknown>> & { sub: string };

export interface OpenidProvider {
  /** Values of `prompt` that it takes (OpenID Connect Core §3.1.2.1, Initiating User Registration 1.0 §5). */
  prompts(): Promise<readonly string[]>;
  /** Where the browser goes to sign in. */
  authorizationUrl(request: OpenidRequest): Promise<URL>;
  /** `parameters` are those of the callback, as they came. */
  redeem(parameters: URLSearchParams, checks: OpenidChecks): Promise<OpenidClaims>;
  /** Resolves when discovery document and keys could be read, without using what was read before. */
  probe(): Promise<void>;
}

/** Makes no call. What is read from the provider is kept for an hour. */
export type ConnectOpenid = (source: OpenidSource) => OpenidProvider;
