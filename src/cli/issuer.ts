import { reach } from './api-client.ts';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** The part of a discovery document (RFC 8414) that commands use. */
export interface IssuerMetadata {
  issuer: string;
  jwks_uri: string;
  token_endpoint: string;
  revocation_endpoint?: string;
  device_authorization_endpoint?: string;
}

/** Reads a tenant's discovery document. `Failure` when it is not the tenant's, or leads to another server. */
export async function discoverIssuer(
  { fetch }: Pick<Terminal, 'fetch'>,
  server: URL,
  tenant: string,
): Promise<IssuerMetadata> {
  const issuer = `${server.origin}/${tenant}`;
  const response = await reach(fetch, new URL(`${issuer}/.well-known/openid-configuration`), {
    redirect: 'manual',
  });
  const metadata = (await response.json().catch(() => undefined)) as IssuerMetadata | undefined;
  if (!response.ok || metadata?.issuer === undefined) {
    throw new Failure('notFound', `There is no tenant ${tenant} at ${server.origin}.`);
  }
  if (metadata.issuer !== issuer) {
    throw new Failure('failed', `${server.origin} calls itself ${metadata.issuer}: use that address.`);
  }
  for (const [name, address] of Object.entries(metadata)) {
    if (/_(endpoint|uri)$/.test(name) && URL.parse(String(address))?.origin !== server.origin) {
      throw new Failure('failed', `${name} of ${issuer} leads to another server.`);
    }
  }
  return metadata;
}

export interface TokenAnswer {
  access_token: string;
  /** Seconds. */
  expires_in: number;
  refresh_token?: string;
}

/** An error of a token or device authorization endpoint (RFC 6749 §5.2). */
export class OAuthError extends Error {
  readonly code: string;

  constructor({ error, error_description: description }: { error: string; error_description?: string }) {
    super(description ?? error);
    this.name = 'OAuthError';
    this.code = error;
  }
}

/** Posts a form; `OAuthError` for a refusal in OAuth's words, `Failure` for anything else that is no answer. */
export async function postForm<Answer>(
  { fetch }: Pick<Terminal, 'fetch'>,
  address: string,
  form: Record<string, string>,
): Promise<Answer> {
  const response = await reach(fetch, new URL(address), {
    method: 'POST',
    redirect: 'manual',
    headers: { Accept: 'application/json' },
    body: new URLSearchParams(form),
  });
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  if (!response.ok) {
    throw body.error === undefined
      ? new Failure('unavailable', `${new URL(address).origin} answered ${response.status}.`)
      : new OAuthError({ ...body, error: body.error });
  }
  return body as Answer;
}
