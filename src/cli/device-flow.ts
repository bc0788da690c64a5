import { Failure } from './failure.ts';
import { type IssuerMetadata, OAuthError, postForm, type TokenAnswer } from './issuer.ts';
import type { Terminal } from './terminal.ts';

interface DeviceAuthorization {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete?: string;
  /** Seconds. */
  expires_in: number;
  interval?: number;
}

export interface DeviceFlowOptions {
  metadata: IssuerMetadata;
  clientId: string;
  scope: string;
  /** RFC 8707. */
  resource: string;
  /** Shows the person what to do. */
  show(prompt: { userCode: string; address: string; completeAddress: string | undefined }): void;
}

/** Signs a person in by a code that they confirm in any browser (RFC 8628). `Failure` when they refuse, or do nothing. */
export async function runDeviceFlow(
  terminal: Pick<Terminal, 'fetch' | 'now' | 'sleep'>,
  { metadata, clientId, scope, resource, show }: DeviceFlowOptions,
): Promise<TokenAnswer> {
  const endpoint = metadata.device_authorization_endpoint;
  if (endpoint === undefined) {
    throw new Failure('failed', `${metadata.issuer} does not offer the device flow.`);
  }
  const begun = await postForm<DeviceAuthorization>(terminal, endpoint, {
    client_id: clientId,
    scope,
    resource,
  }).catch(refuse);
  show({
    userCode: begun.user_code,
    address: begun.verification_uri,
    completeAddress: begun.verification_uri_complete,
  });

  let waitMs = (begun.interval ?? 5) * 1000;
  for (const deadline = terminal.now() + begun.expires_in * 1000; terminal.now() < deadline; ) {
    await terminal.sleep(waitMs);
    try {
      return await postForm<TokenAnswer>(terminal, metadata.token_endpoint, {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: clientId,
        device_code: begun.device_code,
      });
    } catch (error) {
      waitMs = nextWait(error, waitMs);
    }
  }
  throw new Failure('notSignedIn', 'Nobody confirmed the code in time.');
}

/** How long to wait before asking again; throws when there is nothing to wait for. RFC 8628 §3.5. */
function nextWait(error: unknown, waitMs: number): number {
  if (error instanceof OAuthError) {
    switch (error.code) {
      case 'authorization_pending':
        return waitMs;
      case 'slow_down':
        return waitMs + 5_000;
      case 'access_denied':
        throw new Failure('notSignedIn', 'The sign-in was refused.');
      case 'expired_token':
        throw new Failure('notSignedIn', 'Nobody confirmed the code in time.');
    }
    return refuse(error);
  }
  // The server may be busy or restarting; the code is as good as before.
  return Math.min(waitMs * 2, 60_000);
}

function refuse(error: unknown): never {
  throw error instanceof OAuthError
    ? new Failure('notSignedIn', `The server refuses the sign-in: ${error.message} (${error.code}).`)
    : error;
}
