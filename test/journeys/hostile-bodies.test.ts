import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccounts } from '../../src/identity/accounts.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { issueInvitation } from '../support/invitation.ts';
import { basic, callApi, type OnboardedTenant, onboardTenant, platformToken } from '../support/onboarding.ts';
import { authorize, beginAuthorization, discover } from '../support/relying-party.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { createUserAgent } from '../support/user-agent.ts';

let server: ProductServer;
let tenant: OnboardedTenant;

/** Everything that takes a body: its address and the headers with which a body there is read at all. */
const targets: Record<string, Target> = {};

interface Target {
  url: string;
  headers: Record<string, string>;
  json?: true;
  /** What it says, beyond what all say, when it can read the body. */
  also?: number;
}

beforeAll(async () => {
  server = await startServer();
  tenant = await onboardTenant(server, { slug: 'alpha' });
  const { issuer, clientId, clientSecret = '', admin, redirectUri } = tenant;
  const application = await discover(issuer, clientId, clientSecret);

  const signingIn = createUserAgent(server.origin);
  const page = await signingIn.open((await beginAuthorization(application, { redirectUri })).url);
  const browser = createUserAgent(server.origin);
  await authorize(application, { redirectUri, user: admin, browser });
  const signOut = await browser.open(`${issuer}/session/end`);
  const client = { authorization: basic(clientId, clientSecret) };
  const operator = { authorization: `Bearer ${await platformToken(server)}` };

  const cookies = async (agent: typeof browser, url: string) => ({
    cookie: await agent.jar.getCookieString(url),
  });
  const interaction = page.url.href;
  for (const form of ['sign-in', 'consent', 'new-password', 'cancel']) {
    targets[`form ${form}`] = {
      url: `${interaction}/${form}`,
      headers: await cookies(signingIn, interaction),
    };
  }
  targets['form sign-out'] = {
    url: `${issuer}/session/end/confirm`,
    headers: await cookies(browser, signOut.url.href),
  };
  targets['form invitation'] = {
    url: `${issuer}/invitation/${await invite()}`,
    headers: {},
    also: 404,
  };
  targets.token = { url: `${issuer}/token`, headers: client };
  targets['pushed authorization'] = { url: `${issuer}/request`, headers: client };
  // Both answer so to any token that they do not know.
  targets.introspection = { url: `${issuer}/token/introspection`, headers: client, also: 200 };
  targets.revocation = { url: `${issuer}/token/revocation`, headers: client, also: 200 };
  const orderId = `ord_${'a'.repeat(32)}`;
  for (const path of [
    '/api/registrations',
    '/api/tenants',
    '/api/tenants/alpha/clients',
    '/api/tenants/alpha/resources',
    `/api/registrations/${orderId}/approve`,
    `/api/registrations/${orderId}/disapprove`,
  ]) {
    const name = `POST ${path.replace(orderId, '…')}`;
    targets[name] = { url: server.origin + path, headers: operator, json: true, also: 404 };
  }
});
afterAll(() => server.close());

async function invite(): Promise<string> {
  const record = await server.directory.get('alpha' as Slug);
  const table = server.tables.open(record?.tableName ?? '');
  const store = { table, clock: systemClock, random: systemRandom };
  const guest = await createAccounts(store).create({
    email: 'guest@example.com',
    name: 'Guest',
    roles: [],
  });
  return issueInvitation(store, guest);
}

const formType = 'application/x-www-form-urlencoded';
const megabyte = 1024 * 1024;
const bytes = (text: string) => new Blob([Buffer.from(text, 'latin1')]);

interface HostileBody {
  /** By default that which the target takes. */
  type?: string;
  headers?: Record<string, string>;
  content: (isJson: boolean) => string | Blob | ReadableStream;
  status: number[];
}

const bodies: Record<string, HostileBody> = {
  'a megabyte': {
    content: (isJson) =>
      isJson ? JSON.stringify({ name: 'a'.repeat(megabyte) }) : `token=${'a'.repeat(megabyte)}`,
    status: [413],
  },
  'a megabyte of whom nobody says the length': {
    content: (isJson) => new Blob([isJson ? '{"name":"' : 'token=', 'a'.repeat(megabyte)]).stream(),
    status: [413, 400],
  },
  'a hundred thousand fields': {
    content: (isJson) =>
      isJson
        ? `{${Array.from({ length: 100_000 }, (_, index) => `"f${index}":1`).join()}}`
        : Array.from({ length: 100_000 }, (_, index) => `f${index}=1`).join('&'),
    status: [413],
  },
  'ten thousand short fields': {
    content: (isJson) =>
      isJson
        ? `{${Array.from({ length: 5_000 }, (_, index) => `"f${index}":1`).join()}}`
        : Array.from({ length: 10_000 }, (_, index) => `${index.toString(36)}=`).join('&'),
    status: [400, 401],
  },
  nothing: { content: () => '', status: [400] },
  'something cut off': { content: (isJson) => (isJson ? '{"name":' : '%'), status: [400] },
  'bytes that are no UTF-8': {
    content: (isJson) => bytes(isJson ? '{"name":"\xff\xfe\xc0"}' : 'csrf=\xff\xfe&token=%ff%fe'),
    status: [400],
  },
  'a member of the prototype': {
    content: (isJson) =>
      isJson
        ? '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'
        : '__proto__=1&constructor.prototype.x=1&__proto__[admin]=1',
    status: [400],
  },
  'a member given twice': {
    content: (isJson) => (isJson ? '{"name":"A","name":"B"}' : 'csrf=a&csrf=b&grant_type=x&grant_type=y'),
    status: [400],
  },
  NUL: {
    content: (isJson) => (isJson ? '{"name":"a\\u0000b","slug":"a\\u0000"}' : 'csrf=%00&token=%00'),
    status: [400],
  },
  'deep nesting': {
    content: (isJson) =>
      isJson ? `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}` : `a${'[a]'.repeat(10_000)}=1`,
    status: [400, 401],
  },
  'an array': { content: (isJson) => (isJson ? '[]' : '[]'), status: [400] },
  'a number': { content: () => '1', status: [400] },
  'another media type': { type: 'text/plain', content: () => 'name=x', status: [400, 415] },
  XML: { type: 'application/xml', content: () => '<a/>', status: [400, 415] },
  'a multipart form': {
    type: 'multipart/form-data; boundary=x',
    content: () => '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
    status: [400, 415],
  },
  'no media type that parses': { type: ';;;', content: () => 'name=x', status: [400, 415] },
  'another character set': {
    type: `${formType}; charset=utf-16`,
    content: () => 'name=x',
    status: [400, 415],
  },
  'a compressed bomb': {
    headers: { 'content-encoding': 'gzip' },
    content: () => new Blob([gzipSync(Buffer.alloc(10 * megabyte))]),
    status: [400, 413, 415],
  },
  'an unknown encoding': {
    headers: { 'content-encoding': 'rot13' },
    content: () => 'anzr=k',
    status: [400, 415],
  },
};

describe.each(Object.entries(bodies))('%s is refused', (_name, { type, headers = {}, content, status }) => {
  it('everywhere, and never breaks anything', async () => {
    const seen: Record<string, number> = {};
    const wrong: string[] = [];
    for (const [name, target] of Object.entries(targets)) {
      const response = await fetch(target.url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          ...target.headers,
          'content-type': type ?? (target.json ? 'application/json' : formType),
          ...headers,
        },
        body: content(target.json === true),
        duplex: 'half',
      } as RequestInit);
      const text = await response.text();
      seen[name] = response.status;
      if (
        ![...status, target.also].includes(response.status) ||
        /node_modules|TypeError|SyntaxError/.test(text)
      ) {
        wrong.push(`${name}: ${response.status} ${text.slice(0, 300)}`);
      }
    }
    expect(wrong, JSON.stringify(seen)).toEqual([]);
  });
});

it('and afterwards everything still works', async () => {
  const { issuer, clientId, clientSecret, admin, redirectUri } = tenant;
  const application = await discover(issuer, clientId, clientSecret);
  const { arrival } = await authorize(application, { redirectUri, user: admin });
  expect(arrival.url.searchParams.has('code')).toBe(true);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
  const { body } = await callApi(server, 'GET', '/api/tenants', { token: await platformToken(server) });
  expect(body.tenants.map(({ slug }: { slug: string }) => slug).sort()).toEqual(['alpha', 'platform']);
});
