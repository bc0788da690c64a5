import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { referenceTo } from '../../src/oidc/storage/artifact.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';
import {
  createTenant,
  obtainCode,
  post,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

let tenant: TestTenant;
/** Whatever was written to the tenant's table, also what is gone again. */
const written: object[] = [];

beforeAll(async () => {
  tenant = await createTenant({
    wrapTables: (tables) => ({ ...tables, open: (name) => recording(tables.open(name)) }),
  });
});
afterAll(() => tenant.close());

function recording(table: Table): Table {
  return {
    ...table,
    put(item, condition) {
      written.push(item);
      return table.put(item, condition);
    },
    update(key, change, condition) {
      written.push({ key, change });
      return table.update(key, change, condition);
    },
    batchWrite(writes) {
      written.push(...writes);
      return table.batchWrite(writes);
    },
  };
}

interface TestClient {
  clientId: string;
  clientSecret?: string;
}

async function register(type: 'web' | 'm2m' | 'device'): Promise<TestClient> {
  const { client, clientSecret } = await tenant.clients.create({
    name: type,
    type,
    ...(type === 'web' ? { redirectUris: [redirectUri] } : {}),
  });
  return { clientId: client.clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
}

/** Everything that somebody could present, by what it is. */
const secrets = new Map<string, string>();

function browser(name: string): UserAgent {
  return createUserAgent(new URL(tenant.issuer).origin, {
    stopAt(url) {
      const [, uid] = /\/interaction\/(.+)$/.exec(url.pathname) ?? [];
      if (uid !== undefined) secrets.set(`interaction ${secrets.size} of ${name}`, uid);
      return false;
    },
  });
}

async function noteSession(name: string, { jar }: UserAgent): Promise<void> {
  const cookies = await jar.getCookies(tenant.issuer);
  secrets.set(name, String(cookies.find(({ key }) => key === '_session')?.value));
}

const signInAnew = {
  response_type: 'code',
  redirect_uri: redirectUri,
  scope: 'openid',
  login_hint: 'sub-1',
  prompt: 'login',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
};
const pushedRequest = 'urn:ietf:params:oauth:request_uri:';

async function push(client: TestClient): Promise<string> {
  const form = { client_id: client.clientId, ...signInAnew };
  const { body } = await post(`${tenant.base}/request`, client, form);
  return String(body.request_uri).slice(pushedRequest.length);
}

function openPushed(agent: UserAgent, { clientId }: TestClient, id: string) {
  const query = new URLSearchParams({ client_id: clientId, request_uri: pushedRequest + id });
  return agent.open(`${tenant.issuer}/auth?${query}`);
}

const beginDevice = async (client: TestClient) =>
  (
    await post(`${tenant.base}/device/auth`, client, {
      scope: 'openid',
      login_hint: 'sub-1',
      prompt: 'login',
    })
  ).body;

async function connectDevice(agent: UserAgent, userCode: string): Promise<void> {
  const typed = await agent.submit(await agent.open(`${tenant.issuer}/device`), { user_code: userCode });
  expect((await agent.submit(typed)).body).toContain('connected');
}

const pollDevice = (client: TestClient, deviceCode: string) =>
  post(`${tenant.base}/token`, client, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: deviceCode,
  });

const refresh = (client: TestClient, token: string) =>
  post(`${tenant.base}/token`, client, { grant_type: 'refresh_token', refresh_token: token });

const userinfo = (token: string) =>
  fetch(`${tenant.base}/me`, { headers: { authorization: `Bearer ${token}` } });

it('keeps nothing that could be presented', async () => {
  const [web, robot, tv] = [await register('web'), await register('m2m'), await register('device')];
  const agent = browser('an application');
  const offline = { client_id: web.clientId, scope: 'openid offline_access', prompt: 'consent' };
  const code = await obtainCode(tenant, agent, offline);
  await noteSession('session', agent);
  const { body: tokens } = await post(`${tenant.base}/token`, web, redemption(code));
  const { body: refreshed } = await refresh(web, tokens.refresh_token);
  const { body: own } = await post(`${tenant.base}/token`, robot, { grant_type: 'client_credentials' });
  secrets
    .set('code', code.code)
    .set('refresh token', tokens.refresh_token)
    .set('access token', tokens.access_token)
    .set('rotated refresh token', refreshed.refresh_token)
    .set('refreshed access token', refreshed.access_token)
    .set('token of a machine', own.access_token);

  const request = await push(web);
  secrets.set('pushed request', request);
  const arrival = await openPushed(agent, web, request);
  secrets.set('code of a pushed request', String(arrival.url.searchParams.get('code')));
  await noteSession('session under its next id', agent);

  const { device_code: deviceCode, user_code: userCode } = await beginDevice(tv);
  secrets.set('device code', deviceCode).set('user code', userCode.replace('-', ''));
  const phone = browser('a device');
  await connectDevice(phone, userCode);
  await noteSession('session beside a device', phone);
  const connected = await pollDevice(tv, deviceCode);
  secrets.set('token of a device', connected.body.access_token);

  expect([...secrets].filter(([, secret]) => !/^[A-Za-z0-9_-]{8,}$/.test(secret))).toEqual([]);
  expect([...secrets.keys()].filter((name) => name.startsWith('interaction')).length).toBeGreaterThanOrEqual(
    3,
  );
  const everything = JSON.stringify([written, await Array.fromAsync(tenant.table.scan())]);
  expect([...secrets].filter(([, secret]) => everything.includes(secret)).map(([name]) => name)).toEqual([]);
});

it('takes for an artifact nothing that the table tells of it', async () => {
  const [web, tv] = [await register('web'), await register('device')];
  const agent = browser('an application');
  const issued = await obtainCode(tenant, agent, { client_id: web.clientId });
  const stolen = { ...issued, code: referenceTo(issued.code) };
  expect((await post(`${tenant.base}/token`, web, redemption(stolen))).body.error).toBe('invalid_grant');
  const { body: tokens } = await post(`${tenant.base}/token`, web, redemption(issued));
  expect((await userinfo(referenceTo(tokens.access_token))).status).toBe(401);
  expect((await userinfo(tokens.access_token)).status).toBe(200);
  expect((await refresh(web, referenceTo(tokens.refresh_token))).body.error).toBe('invalid_grant');
  expect((await refresh(web, tokens.refresh_token)).status).toBe(200);

  const request = await push(web);
  expect((await openPushed(agent, web, referenceTo(request))).url.searchParams.has('code')).toBe(false);
  expect((await openPushed(agent, web, request)).url.searchParams.has('code')).toBe(true);

  const device = await beginDevice(tv);
  await connectDevice(browser('a device'), device.user_code);
  expect((await pollDevice(tv, referenceTo(device.device_code))).body.error).toBe('invalid_grant');
  expect((await pollDevice(tv, device.device_code)).status).toBe(200);
});
