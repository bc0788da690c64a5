import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { toClientDocument } from '../../src/clients/client-item.ts';
import type { UserAgent } from '../support/user-agent.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redirectUri,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

interface Received {
  path: string;
  contentType: string | undefined;
  token: string;
}

let server: TenantServer;
let receiver: Server;
let received: Received[];
/** Statuses of the next answers; then 200. `never` gives none. */
let answers: (number | 'never')[];
let onReceived: () => void;
/** Whether a connection that got no answer was given up. */
let gaveUp: boolean;

beforeEach(async () => {
  received = [];
  answers = [];
  onReceived = () => {};
  gaveUp = false;
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      received.push({
        path: request.url ?? '',
        contentType: request.headers['content-type'],
        token: form.get('logout_token') ?? '',
      });
      const status = answers.shift() ?? 200;
      if (status === 'never') {
        request.socket.on('close', () => {
          gaveUp = true;
        });
      } else {
        response.writeHead(status).end();
      }
      onReceived();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  server = await createTenantServer();
});
afterEach(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await server.close();
});

async function untilReceived(count: number): Promise<void> {
  while (received.length < count) {
    await new Promise<void>((resolve) => {
      onReceived = resolve;
    });
  }
}

const addressOf = (path: string) => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${path}`;

async function createClient(tenant: ServedTenant, clientId: string, sessionRequired?: boolean) {
  await tenant.clients.create({
    clientId,
    name: clientId,
    type: 'spa',
    redirectUris: [redirectUri],
    backchannelLogoutUri: addressOf(`/${clientId}`),
    ...(sessionRequired === undefined ? {} : { backchannelLogoutSessionRequired: sessionRequired }),
  });
}

async function createAccount({ accounts }: ServedTenant) {
  const account = await accounts.create({ email: 'ada@example.com', name: 'Ada', roles: [] });
  await accounts.setPassword(account.id, password);
  return account;
}

/** Signs in to the client, whether or not the browser is signed in already; returns the ID token's claims. */
async function useClient(agent: UserAgent, tenant: ServedTenant, clientId: string, signedIn = false) {
  const { url, verifier } = authorizationRequest(tenant, { client_id: clientId });
  const first = signedIn
    ? { ...(await agent.open(url)), verifier }
    : await signIn(agent, tenant, 'ada@example.com', { client_id: clientId });
  const arrival = await agent.submit(first);
  const response = await fetch(`${tenant.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: arrival.url.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: first.verifier,
    }),
  });
  const { id_token: idToken } = (await response.json()) as { id_token: string };
  return decodeJwt(idToken);
}

async function verify(token: string, tenant: ServedTenant, audience: string) {
  const keys = createRemoteJWKSet(new URL(`${tenant.issuer}/jwks`));
  return jwtVerify(token, keys, { issuer: tenant.issuer, audience, typ: 'logout+jwt' });
}

it('tells every application of the session, by a token that it can verify', async () => {
  const { tenant } = server;
  const account = await createAccount(tenant);
  await createClient(tenant, 'with-session', true);
  await createClient(tenant, 'by-subject');
  const agent = server.userAgent();
  const idToken = await useClient(agent, tenant, 'with-session');
  await useClient(agent, tenant, 'by-subject', true);
  const [session] = await tenant.sessions.list(account.id);
  await tenant.sessions.end(account.id, session?.uid ?? '');
  await untilReceived(2);

  const byPath = new Map(received.map((one) => [one.path, one]));
  const one = byPath.get('/with-session');
  expect(one?.contentType).toBe('application/x-www-form-urlencoded');
  const { payload, protectedHeader } = await verify(one?.token ?? '', tenant, 'with-session');
  expect(payload).toEqual({
    iss: tenant.issuer,
    sub: account.id,
    aud: 'with-session',
    sid: idToken.sid,
    iat: expect.any(Number),
    exp: (payload.iat ?? 0) + 120,
    jti: expect.any(String),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  });
  expect(idToken.sid).toEqual(expect.any(String));
  expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'logout+jwt', kid: 'k1' });
  const other = await verify(byPath.get('/by-subject')?.token ?? '', tenant, 'by-subject');
  expect(other.payload.sub).toBe(account.id);
  expect(other.payload).not.toHaveProperty('sid');
  expect(other.payload.jti).not.toBe(payload.jti);
});

it('names the person as the application knows them', async () => {
  const { tenant } = server;
  const account = await createAccount(tenant);
  await createClient(tenant, 'pairwise');
  await tenant.clients.change('pairwise', (before) => ({
    ...toClientDocument(before),
    subjectType: 'pairwise',
  }));
  const idToken = await useClient(server.userAgent(), tenant, 'pairwise');
  expect(idToken.sub).not.toBe(account.id);
  await tenant.sessions.endAll(account.id);
  await untilReceived(1);
  const { payload } = await verify(received[0]?.token ?? '', tenant, 'pairwise');
  expect(payload.sub).toBe(idToken.sub);
});

it('tells of a sign-out by the person, and waits for no application', async () => {
  const { tenant } = server;
  await createAccount(tenant);
  await createClient(tenant, 'app', true);
  answers = ['never'];
  const agent = server.userAgent();
  await useClient(agent, tenant, 'app');
  const page = await agent.open(`${tenant.issuer}/session/end`);
  expect((await agent.submit(page, {}, 'logout=yes')).status).toBe(200);
  await untilReceived(1);
  expect(gaveUp).toBe(false);
  receiver.closeAllConnections();
});

it('tells of all sessions of a person whose access an administrator takes back', async () => {
  const { tenant } = server;
  const account = await createAccount(tenant);
  await createClient(tenant, 'app', true);
  const sids = [];
  for (const agent of [server.userAgent(), server.userAgent()]) {
    sids.push((await useClient(agent, tenant, 'app')).sid);
  }
  await tenant.access.end(account.id);
  await untilReceived(2);
  const tokens = await Promise.all(received.map(({ token }) => verify(token, tenant, 'app')));
  expect(tokens.map(({ payload }) => payload.sid).sort()).toEqual(sids.sort());
  expect(await tenant.sessions.list(account.id)).toEqual([]);
});

it('tells of a session that had to make room for another', async () => {
  const { tenant } = server;
  await tenant.setPolicy({ maxConcurrentSessions: 1 });
  await createAccount(tenant);
  await createClient(tenant, 'app', true);
  const { sid } = await useClient(server.userAgent(), tenant, 'app');
  await useClient(server.userAgent(), tenant, 'app');
  await untilReceived(1);
  expect(decodeJwt(received[0]?.token ?? '').sid).toBe(sid);
});

it('tries again a few times with fresh tokens, but not what the application calls wrong', async () => {
  const { tenant } = server;
  const account = await createAccount(tenant);
  await createClient(tenant, 'app', true);
  answers = [503, 500];
  await useClient(server.userAgent(), tenant, 'app');
  await tenant.sessions.endAll(account.id);
  await untilReceived(3);
  expect(new Set(received.map(({ token }) => decodeJwt(token).jti)).size).toBe(3);

  received = [];
  answers = [400];
  await useClient(server.userAgent(), tenant, 'app');
  await tenant.sessions.endAll(account.id);
  await untilReceived(1);
  await server.settled();
  expect(received).toHaveLength(1);
});

it('does not reach into our own network', async () => {
  const { tenant } = server;
  const account = await createAccount(tenant);
  await tenant.clients.create({
    clientId: 'app',
    name: 'App',
    type: 'spa',
    redirectUris: [redirectUri],
    // Allowed is 127.0.0.1 by that name only.
    backchannelLogoutUri: addressOf('/app').replace('127.0.0.1', 'localhost'),
  });
  await useClient(server.userAgent(), tenant, 'app');
  await tenant.sessions.endAll(account.id);
  await server.settled();
  expect(received).toEqual([]);
});
