import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { basic } from '../../support/onboarding.ts';
import { beginAuthorization } from '../../support/relying-party.ts';
import { type Party, redirectUri } from './party.ts';

export interface Answer {
  status: number;
  location: string;
  text: string;
  body: Record<string, unknown>;
}

export async function send(
  url: string,
  {
    headers = {},
    form,
    json,
  }: { headers?: Record<string, string>; form?: Record<string, string>; json?: object } = {},
): Promise<Answer> {
  const body = form ? new URLSearchParams(form) : json && JSON.stringify(json);
  const response = await fetch(url, {
    redirect: 'manual',
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, ...(json ? { 'content-type': 'application/json' } : {}) },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    location: response.headers.get('location') ?? '',
    text,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** What is no cookie itself is tried as the session's. */
export function cookie(value: string): Record<string, string> {
  return { cookie: /(^|; )(_\w+|form|device)=/.test(value) ? value : `_session=${value}` };
}

export function bearer(value: string): Record<string, string> {
  return { authorization: `Bearer ${value}` };
}

export async function openAuthorization(
  { application }: Party,
  parameters: Record<string, string>,
  cookies: string,
): Promise<Answer> {
  const { url } = await beginAuthorization(application, { redirectUri, parameters });
  return send(url.href, { headers: cookie(cookies) });
}

export type ClientCredentials = readonly [id: string, secret: string];

export async function askToken(
  { issuer, appSecret }: Party,
  {
    client = ['app', appSecret],
    form,
    headers = {},
  }: { client?: ClientCredentials; form: Record<string, string>; headers?: Record<string, string> },
): Promise<Answer> {
  return send(`${issuer}/token`, { headers: { authorization: basic(...client), ...headers }, form });
}

export async function redeem(
  party: Party,
  { value, codeVerifier = 'x'.repeat(43), key }: { value: string; codeVerifier?: string; key?: ProofKey },
  parameters: Record<string, string> = {},
): Promise<Answer> {
  const form = {
    grant_type: 'authorization_code',
    code: value,
    code_verifier: codeVerifier,
    redirect_uri: redirectUri,
    ...parameters,
  };
  const url = `${party.issuer}/token`;
  const headers = key ? { dpop: await prove(key, { method: 'POST', url }) } : {};
  return askToken(party, { form, headers });
}

export async function push(party: Party, clientSecret: string): Promise<Answer> {
  const { url } = await beginAuthorization(party.application, { redirectUri });
  const headers = { authorization: basic('app', clientSecret) };
  return send(`${party.issuer}/request`, { headers, form: Object.fromEntries(url.searchParams) });
}

export async function introspect(
  { issuer, appSecret }: Party,
  token: string,
  client: ClientCredentials = ['app', appSecret],
): Promise<Answer> {
  const headers = { authorization: basic(...client) };
  return send(`${issuer}/token/introspection`, { headers, form: { token } });
}

export type ProofKey = Awaited<ReturnType<typeof createProofKey>>;

export async function createProofKey() {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, jwk: await exportJWK(publicKey) };
}

/** RFC 9449, 4.2. */
export async function prove(
  { privateKey, jwk }: ProofKey,
  { method, url, accessToken }: { method: string; url: string; accessToken?: string },
): Promise<string> {
  const digest =
    accessToken && (await crypto.subtle.digest('SHA-256', new TextEncoder().encode(accessToken)));
  return new SignJWT({
    htm: method,
    htu: url,
    ...(digest ? { ath: Buffer.from(digest).toString('base64url') } : {}),
  })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .setJti(randomUUID())
    .setIssuedAt()
    .sign(privateKey);
}
