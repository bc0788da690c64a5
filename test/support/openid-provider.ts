import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import Koa, { type Context } from 'koa';

/** How the provider misbehaves; a well-behaved one has none of these. */
export interface Misbehaviour {
  /** Members of the discovery document. */
  discovery?: Record<string, unknown>;
  /** Claims of the ID token; `undefined` takes one away. */
  claims?: Record<string, unknown>;
  /** `none`: unsigned. `other-key`: signed by a key that is not published. `hmac`: by the client secret. */
  signature?: 'none' | 'other-key' | 'hmac';
  /** Parameters of the callback. */
  callback?: Record<string, string | undefined>;
  /** Answers the paths itself. */
  answer?: (context: Context) => Promise<boolean> | boolean;
}

export interface Upstream {
  issuer: string;
  host: string;
  clientId: string;
  clientSecret: string;
  /** Who signs in next, without being asked. */
  user: Record<string, unknown>;
  /** What userinfo says besides. */
  userinfo: Record<string, unknown>;
  misbehave(how: Misbehaviour): void;
  /** Requests of browsers to the authorization endpoint, the latest last. */
  requests: URLSearchParams[];
  /** Paths that were asked for, in order. */
  paths: string[];
  close(): void;
}

interface Granted {
  redirectUri: string;
  challenge: string;
  nonce: string | null;
  claims: Record<string, unknown>;
}

/** A small OpenID provider of its own make: authorization code with PKCE, ID tokens by `jose`, no pages. */
export async function startOpenidProvider(): Promise<Upstream> {
  const [{ privateKey, publicKey }, other] = await Promise.all([
    generateKeyPair('ES256', { extractable: true }),
    generateKeyPair('ES256', { extractable: true }),
  ]);
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const codes = new Map<string, Granted>();
  const accessTokens = new Map<string, Record<string, unknown>>();
  let wrong: Misbehaviour = {};

  const app = new Koa();
  app.silent = true;
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upstream: Upstream = {
    issuer: `http://${host}`,
    host,
    clientId: 'tenantry',
    clientSecret: 'upstream secret & more',
    user: {},
    userinfo: {},
    misbehave(how) {
      wrong = how;
    },
    requests: [],
    paths: [],
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  const { issuer, clientId } = upstream;

  async function sign(payload: JWTPayload): Promise<string> {
    if (wrong.signature === 'none') {
      return new UnsecuredJWT(payload).encode();
    }
    if (wrong.signature === 'hmac') {
      const key = new TextEncoder().encode(upstream.clientSecret.padEnd(32));
      return new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(key);
    }
    const key = wrong.signature === 'other-key' ? other.privateKey : privateKey;
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(key);
  }

  function isClient(context: Context): boolean {
    const pair = [clientId, upstream.clientSecret].map((part) =>
      new URLSearchParams({ part }).toString().slice('part='.length),
    );
    return context.get('authorization') === `Basic ${Buffer.from(pair.join(':')).toString('base64')}`;
  }

  async function readBody(context: Context): Promise<URLSearchParams> {
    const chunks: Buffer[] = [];
    for await (const chunk of context.req) chunks.push(chunk as Buffer);
    return new URLSearchParams(Buffer.concat(chunks).toString());
  }

  async function answerToken(context: Context): Promise<void> {
    const form = await readBody(context);
    const code = form.get('code') ?? '';
    const granted = codes.get(code);
    codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const isProved =
      granted !== undefined &&
      granted.redirectUri === form.get('redirect_uri') &&
      granted.challenge === createHash('sha256').update(verifier).digest('base64url');
    if (!isClient(context) || !isProved) {
      context.status = isClient(context) ? 400 : 401;
      context.body = { error: isClient(context) ? 'invalid_grant' : 'invalid_client' };
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const claims = Object.fromEntries(
      Object.entries({
        iss: issuer,
        aud: clientId,
        iat: now,
        exp: now + 300,
        ...(granted.nonce === null ? {} : { nonce: granted.nonce }),
        ...granted.claims,
        ...wrong.claims,
      }).filter(([, value]) => value !== undefined),
    );
    const accessToken = randomBytes(16).toString('base64url');
    accessTokens.set(accessToken, { sub: granted.claims.sub, ...upstream.userinfo });
    context.body = {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await sign(claims as JWTPayload),
    };
  }

  function answerAuthorization(context: Context): void {
    const request = context.URL.searchParams;
    upstream.requests.push(request);
    const code = randomBytes(16).toString('base64url');
    codes.set(code, {
      redirectUri: request.get('redirect_uri') ?? '',
      challenge: request.get('code_challenge') ?? '',
      nonce: request.get('nonce'),
      claims: { ...upstream.user },
    });
    const target = new URL(request.get('redirect_uri') ?? '');
    const parameters = { code, state: request.get('state') ?? '', iss: issuer, ...wrong.callback };
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) target.searchParams.set(name, value);
    }
    context.redirect(target.href);
  }

  app.use(async (context) => {
    upstream.paths.push(context.path);
    if (wrong.answer && (await wrong.answer(context))) {
      return;
    }
    switch (context.path) {
      case '/.well-known/openid-configuration':
        context.body = {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/keys`,
          id_token_signing_alg_values_supported: ['ES256'],
          authorization_response_iss_parameter_supported: true,
          ...wrong.discovery,
        };
        return;
      case '/keys':
        context.body = { keys: [jwk] };
        return;
      case '/authorize':
        answerAuthorization(context);
        return;
      case '/token':
        await answerToken(context);
        return;
      case '/userinfo':
        context.body = accessTokens.get(context.get('authorization').replace(/^Bearer /, ''));
        return;
      default:
        context.status = 404;
    }
  });
  server.on('request', app.callback());
  return upstream;
}
