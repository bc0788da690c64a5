import * as client from 'openid-client';
import type { Clock } from '../../kernel/clock.ts';
import type { OutboundGuard } from '../http/outbound-guard.ts';
import { UpstreamFailure } from '../upstream-failure.ts';
import { createGuardedFetch } from './guarded-fetch.ts';
import type { ConnectOpenid, OpenidSource } from './port.ts';

/** How long a discovery document is believed. Keys that are not in the key set yet are looked for at once, by the library. */
const configurationMs = 3_600_000;

/** How far the provider's clock may be off, in seconds. */
const clockToleranceSeconds = 30;

const standardPrompts = ['none', 'login', 'consent', 'select_account'];

/** Providers of others by `openid-client`, which is certified for what is verified here. */
export function createOpenidConnector({
  guard,
  clock,
  timeoutMs = 8_000,
}: {
  guard: OutboundGuard;
  clock: Clock;
  /** For one request. */
  timeoutMs?: number;
}): ConnectOpenid {
  return (source) => {
    const guardedFetch = createGuardedFetch({
      guard,
      timeoutMs,
      certificateAuthority: source.certificateAuthority,
    });
    let known: { configuration: Promise<client.Configuration>; until: number } | undefined;

    async function discover(): Promise<client.Configuration> {
      const issuer = new URL(source.issuer);
      try {
        const configuration = await client.discovery(
          issuer,
          source.clientId,
          { [client.clockTolerance]: clockToleranceSeconds },
          authenticationOf(source),
          {
            [client.customFetch]: guardedFetch as client.CustomFetch,
            timeout: timeoutMs / 1000,
            execute: [
              // The signature counts although the ID token comes straight from the provider: TLS may end in front of it.
              client.enableNonRepudiationChecks,
              // The guard takes no address without TLS but those that the deployment names.
              ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
            ],
          },
        );
        configuration[client.customFetch] = guardedFetch as client.CustomFetch;
        return configuration;
      } catch (error) {
        throw explain(error, 'Its discovery document could not be used');
      }
    }

    function configure(): Promise<client.Configuration> {
      if (known === undefined || clock.now() >= known.until) {
        const configuration = discover();
        known = { configuration, until: clock.now() + configurationMs };
        configuration.catch(() => {
          known = undefined;
        });
      }
      return known.configuration;
    }

    return {
      async prompts() {
        const { prompt_values_supported: published } = (await configure()).serverMetadata();
        return Array.isArray(published) ? published.map(String) : (source.prompts ?? standardPrompts);
      },

      async authorizationUrl({ redirectUri, state, nonce, codeVerifier, parameters }) {
        const configuration = await configure();
        const codeChallenge = await client.calculatePKCECodeChallenge(codeVerifier);
        const url = buildUrl(configuration, {
          ...parameters,
          redirect_uri: redirectUri,
          scope: source.scopes.join(' '),
          state,
          nonce,
          code_challenge: codeChallenge,
          code_challenge_method: 'S256',
        });
        if (url.protocol !== 'https:' && !(url.protocol === 'http:' && guard.isNamed(url))) {
          throw new UpstreamFailure('misconfigured', 'Its authorization endpoint must be an https URL.');
        }
        return url;
      },

      async redeem(parameters, { redirectUri, state, nonce, codeVerifier }) {
        const configuration = await configure();
        const callback = new URL(redirectUri);
        callback.search = parameters.toString();
        try {
          const tokens = await client.authorizationCodeGrant(configuration, callback, {
            expectedState: state,
            expectedNonce: nonce,
            pkceCodeVerifier: codeVerifier,
            idTokenExpected: true,
          });
          const claims = tokens.claims();
          if (claims === undefined) {
            throw new UpstreamFailure('untrusted', 'The provider sent no ID token.');
          }
          const more = source.readUserinfo
            ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
            : {};
          return { ...more, ...claims };
        } catch (error) {
          throw explain(error, 'The provider’s answer cannot be used');
        }
      },

      async probe() {
        const { jwks_uri } = (await discover()).serverMetadata();
        if (jwks_uri === undefined) {
          throw new UpstreamFailure('misconfigured', 'Its discovery document names no key set.');
        }
        const answer = await guardedFetch(jwks_uri, {
          method: 'GET',
          headers: { accept: 'application/json' },
        });
        const document: unknown = await answer.json().catch(() => undefined);
        if (answer.status !== 200 || !Array.isArray((document as { keys?: unknown } | undefined)?.keys)) {
          throw new UpstreamFailure('misconfigured', 'Its key set could not be read.');
        }
      },
    };
  };
}

function buildUrl(configuration: client.Configuration, parameters: Record<string, string>): URL {
  try {
    return client.buildAuthorizationUrl(configuration, parameters);
  } catch (error) {
    throw explain(error, 'Its authorization endpoint cannot be used');
  }
}

function authenticationOf({ clientAuthentication, clientSecret }: OpenidSource): client.ClientAuth {
  if (clientAuthentication === 'none' || clientSecret === undefined) {
    return client.None();
  }
  return clientAuthentication === 'client_secret_post'
    ? client.ClientSecretPost(clientSecret.reveal())
    : client.ClientSecretBasic(clientSecret.reveal());
}

/** Codes with which an authorization endpoint says that nobody signed in, and nothing is broken. */
const denials = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
]);

function explain(error: unknown, what: string): UpstreamFailure {
  let status: number | undefined;
  for (let cause = error; cause instanceof Object; cause = (cause as { cause?: unknown }).cause) {
    if (cause instanceof UpstreamFailure) {
      return cause;
    }
    status = cause instanceof Response ? cause.status : status;
  }
  if (error instanceof client.AuthorizationResponseError) {
    return denials.has(error.error)
      ? new UpstreamFailure('denied', `The provider answered ${error.error}.`)
      : new UpstreamFailure('misconfigured', `The provider answered ${quoted(error.error)}.`);
  }
  if (error instanceof client.ResponseBodyError) {
    // A code that is not good any more is the one case in which nothing needs to be changed.
    const kind = error.error === 'invalid_grant' ? 'untrusted' : 'misconfigured';
    return new UpstreamFailure(kind, `The provider’s token endpoint answered ${quoted(error.error)}.`);
  }
  if (status !== undefined && status !== 200) {
    const kind = status >= 500 || status === 429 ? 'unavailable' : 'misconfigured';
    return new UpstreamFailure(kind, `${what}: it answered with status ${status}.`, error);
  }
  const { code } = error as { code?: unknown };
  const detail = typeof code === 'string' ? ` (${code})` : '';
  return new UpstreamFailure('untrusted', `${what}: ${(error as Error).message}${detail}.`, error);
}

/** Error codes come from the other side. */
function quoted(code: string): string {
  return code.replaceAll(/[^\w.-]/g, '?').slice(0, 60);
}
