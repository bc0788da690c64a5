/**
 * The whole journey against a running server (`npm start` in another terminal, then `npm run demo`): a group registers, the OAuth team approves, the
 * tenant's admin accepts the invitation, and an application signs the admin in with a standard OpenID client. Reads what an operator may
 * read: `<DATA_DIR>/bootstrap.json` and the mail outbox.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as openid from 'openid-client';
import { readMails } from '../test/support/outbox.ts';
import { type Arrival, createUserAgent } from '../test/support/user-agent.ts';

const dataDir = process.env.DATA_DIR ?? '.data';
const adminEmail = 'ada@payments.example';
const adminPassword = 'Correct-Horse-7-Battery';
const callback = 'http://127.0.0.1:8910/callback';

interface Bootstrap {
  issuer: string;
  adminApi: string;
  resource: string;
  operators: { email: string; password: string; roles: string[] }[];
}

let stepNumber = 0;
function say(text: string, details: Record<string, unknown> = {}): void {
  stepNumber += 1;
  console.log(`\n${String(stepNumber).padStart(2)}. ${text}`);
  for (const [name, value] of Object.entries(details)) {
    console.log(`    ${name.padEnd(14)} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
}

async function call(method: string, url: string, { body, token }: { body?: unknown; token?: string } = {}) {
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the demo reads answers of many shapes, as curl | jq would.
  const answer: any = await response.json();
  if (!response.ok)
    throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

async function until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const found = await probe();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`gave up waiting for ${what}`);
}

/** Authorization code with PKCE as a person would do it: sign-in page, consent page, back to the client. */
async function signIn(
  client: openid.Configuration,
  {
    redirectUri,
    email,
    password,
    scope,
    resource,
  }: { redirectUri: string; email: string; password: string; scope: string; resource?: string },
) {
  const verifier = openid.randomPKCECodeVerifier();
  const state = openid.randomState();
  const nonce = openid.randomNonce();
  const url = openid.buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope,
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(resource === undefined ? {} : { resource }),
  });
  const browser = createUserAgent(url.origin, { stopAt: (target) => target.href.startsWith(redirectUri) });
  let page: Arrival = await browser.open(url);
  for (let form = 0; form < 4 && !page.url.href.startsWith(redirectUri); form += 1) {
    const asksForPassword = page.document.querySelector('input[type="password"]') !== null;
    page = await browser.submit(page, asksForPassword ? { email, password } : {});
  }
  return openid.authorizationCodeGrant(
    client,
    page.url,
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
    resource === undefined ? {} : { resource },
  );
}

async function discover(
  issuer: string,
  clientId: string,
  clientSecret?: string,
): Promise<openid.Configuration> {
  return openid.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    clientSecret === undefined ? openid.None() : undefined,
    {
      // Without the second, openid-client trusts the connection instead of the ID token's signature.
      execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
    },
  );
}

const bootstrap: Bootstrap = JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8'));
const slug = `payments-${Date.now().toString(36)}`;

const order = await call('POST', `${bootstrap.adminApi}/registrations`, {
  body: {
    name: 'Payments',
    slug,
    requester: { name: 'Ada Lovelace', email: adminEmail },
    purpose: 'Sign-in for the payments portal',
    clientType: 'web',
    redirectUris: [callback],
  },
});
say('A group registers with one JSON request', {
  order: order.orderId,
  status: order.status,
  slug: order.slug,
});

await until('the order to be taken', async () => {
  const seen = await call('GET', order.statusUrl);
  return seen.status === 'In-Process' ? seen : undefined;
});
say('The queue takes the order and tells the OAuth team', { status: 'In-Process' });

const approver = bootstrap.operators.find((operator) => operator.roles.includes('OAuth Team'));
if (!approver) throw new Error('bootstrap.json names no member of the OAuth team');
const operatorTokens = await signIn(await discover(bootstrap.issuer, 'tenantry-cli'), {
  redirectUri: 'http://127.0.0.1/callback',
  email: approver.email,
  password: approver.password,
  scope: 'openid email registrations:read registrations:decide',
  resource: bootstrap.resource,
});
say('A member of the OAuth team signs in', { who: approver.email, scope: operatorTokens.scope ?? '' });

await call('POST', `${bootstrap.adminApi}/registrations/${order.orderId}/approve`, {
  token: operatorTokens.access_token,
  body: { comment: 'Known group, approved' },
});
say('… and approves', { comment: 'Known group, approved' });

const active = await until('the tenant to become active', async () => {
  const seen = await call('GET', order.statusUrl);
  if (['failed', 'rolled-back'].includes(seen.provisioning?.state))
    throw new Error(JSON.stringify(seen.provisioning));
  return seen.provisioning?.state === 'active' ? seen : undefined;
});
say('The tenant is provisioned', { issuer: active.issuer, client: active.firstClientId });
for (const step of active.provisioning.steps)
  console.log(`      ${step.status === 'done' ? '✓' : '·'} ${step.name}`);

const invitation = await until('the invitation mail', async () => {
  for (const mail of await readMails(join(dataDir, 'outbox'))) {
    const link = /https?:\/\/\S+\/invitation\/\S+/.exec(mail.text)?.[0];
    if (mail.to === adminEmail && link?.includes(`/${slug}/`)) return link;
  }
  return undefined;
});
const browser = createUserAgent(new URL(invitation).origin);
const accepted = await browser.submit(await browser.open(invitation), {
  password: adminPassword,
  confirmation: adminPassword,
});
const clientSecret = accepted.document.querySelector('code.secret')?.textContent.trim();
if (!clientSecret) throw new Error(`no client secret on the page: ${accepted.document.textContent}`);
say('The tenant admin follows the single-use link, sets a password, and sees the client secret once', {
  admin: adminEmail,
});

const application = await discover(active.issuer, active.firstClientId, clientSecret);
const tokens = await signIn(application, {
  redirectUri: callback,
  email: adminEmail,
  password: adminPassword,
  scope: 'openid profile email offline_access',
});
say('The application signs the admin in: authorization code, PKCE, openid-client verifies the ID token', {
  ...tokens.claims(),
});

const refreshed = await openid.refreshTokenGrant(application, tokens.refresh_token ?? '');
say('… and refreshes', { rotated: String(refreshed.refresh_token !== tokens.refresh_token) });

console.log(`\nDone: ${active.issuer}/.well-known/openid-configuration\n`);
