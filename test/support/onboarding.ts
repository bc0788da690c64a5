import { join } from 'node:path';
import { vi } from 'vitest';
import type { OutboxMail } from '../../src/cloud/mail/outbox.ts';
import { readMails } from './outbox.ts';
import { discover, signIn, type User } from './relying-party.ts';
import type { ProductServer } from './server.ts';
import { type Arrival, createUserAgent } from './user-agent.ts';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  /** As received. */
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers have many shapes, and the tests are what says which.
  body: any;
}

/** Calls the admin API. `path` begins after the origin. */
export async function callApi(
  { origin }: Pick<ProductServer, 'origin'>,
  method: string,
  path: string,
  { token, body, headers }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<ApiAnswer> {
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text || 'null') };
}

/** A token of the machine client that `bootstrap.json` names, by default with every admin scope. */
export async function platformToken({ bootstrap }: ProductServer, scope?: string): Promise<string> {
  const { client, issuer, resource } = bootstrap;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: basic(client.client_id, client.client_secret) },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource,
      scope: scope ?? client.scopes.join(' '),
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

/** A token of the operator who has the role, signed in through the command line's client. */
export async function operatorToken(
  { bootstrap }: ProductServer,
  role: string,
  scope: string,
): Promise<string> {
  const operator = bootstrap.operators.find(({ roles }) => roles.includes(role));
  if (!operator) {
    throw new Error(`nobody is ${role}`);
  }
  const tokens = await signIn(await discover(bootstrap.issuer, 'tenantry-cli'), {
    redirectUri: 'http://127.0.0.1/callback',
    user: operator,
    parameters: { scope: `openid ${scope}`, resource: bootstrap.resource },
  });
  return tokens.access_token;
}

export function basic(clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
}

export interface TenantWish {
  slug: string;
  /** What the initial admin chooses. */
  password?: string;
  name?: string;
  email?: string;
  clientType?: 'web' | 'spa' | 'native';
  redirectUri?: string;
  securityPolicy?: object;
}

/** The JSON with which a group asks for a tenant. */
export function registrationOf({
  slug,
  name = `Tenant ${slug}`,
  email = `admin@${slug}.example`,
  clientType = 'web',
  redirectUri = redirectUriOf(clientType),
  securityPolicy,
}: TenantWish) {
  return {
    name,
    slug,
    requester: { name: 'Ada Lovelace', email },
    purpose: 'Sign-in for our portal',
    clientType,
    redirectUris: [redirectUri],
    ...(securityPolicy === undefined ? {} : { securityPolicy }),
  };
}

function redirectUriOf(clientType: 'web' | 'spa' | 'native'): string {
  return clientType === 'native' ? 'com.example.app:/callback' : `https://${clientType}.example/callback`;
}

/** Asks for the order until it is as wanted; returns every answer that looked different from the one before. */
export async function followOrder(
  server: ProductServer,
  orderId: string,
  isWanted: (view: ApiAnswer['body']) => boolean,
): Promise<ApiAnswer[]> {
  const seen: ApiAnswer[] = [];
  await vi.waitFor(
    async () => {
      const answer = await callApi(server, 'GET', `/api/registrations/${orderId}`);
      if (answer.text !== seen.at(-1)?.text) {
        seen.push(answer);
      }
      if (!isWanted(answer.body)) {
        throw new Error(`the order stays at ${answer.text}`);
      }
    },
    { timeout: 40_000, interval: 20 },
  );
  return seen;
}

export function readOutbox({ dataDir }: Pick<ProductServer, 'dataDir'>): Promise<OutboxMail[]> {
  return readMails(join(dataDir, 'outbox'));
}

/** The invitation link that was mailed to the address for the tenant. */
export async function findInvitation(server: ProductServer, slug: string, email: string): Promise<string> {
  const mails = await readOutbox(server);
  const texts = mails.filter(({ to }) => to === email).map(({ text }) => text);
  const link = texts
    .flatMap((text) => text.match(/https?:\/\/\S+/g) ?? [])
    .find((url) => url.includes(`/${slug}/invitation/`));
  if (link === undefined) {
    throw new Error(`no invitation to ${slug} was mailed to ${email}`);
  }
  return link;
}

/** Opens the link and sets the password. `clientSecret` is that of a confidential first client, shown on the page that follows. */
export async function acceptInvitation(
  { origin }: Pick<ProductServer, 'origin'>,
  link: string,
  password: string,
): Promise<{ page: Arrival; clientSecret: string | undefined }> {
  const browser = createUserAgent(origin);
  const page = await browser.submit(await browser.open(link), { password, confirmation: password });
  return { page, clientSecret: page.document.querySelector('code.secret')?.textContent.trim() };
}

export interface OnboardedTenant {
  slug: string;
  issuer: string;
  orderId: string;
  clientId: string;
  /** Of a `web` first client. */
  clientSecret: string | undefined;
  redirectUri: string;
  admin: User;
  /** Used up. */
  invitation: string;
}

export const adminPassword = 'Correct-Horse-7-Battery';

/** Registration, approval, activation, invitation: what it takes until a tenant's admin can sign in. */
export async function onboardTenant(server: ProductServer, wish: TenantWish): Promise<OnboardedTenant> {
  // One admin signs in with many browsers in a test.
  const registration = registrationOf({ securityPolicy: { maxConcurrentSessions: 100 }, ...wish });
  const { slug, requester } = registration;
  const { body: order } = await callApi(server, 'POST', '/api/registrations', { body: registration });
  await followOrder(server, order.orderId, ({ status }) => status === 'In-Process');
  await callApi(server, 'POST', `/api/registrations/${order.orderId}/approve`, {
    token: await platformToken(server, 'registrations:decide'),
    body: {},
  });
  const views = await followOrder(server, order.orderId, isActive);
  const { issuer, firstClientId } = views.at(-1)?.body ?? {};
  const invitation = await findInvitation(server, slug, requester.email);
  const { password = adminPassword } = wish;
  const { clientSecret } = await acceptInvitation(server, invitation, password);
  return {
    slug,
    issuer,
    orderId: order.orderId,
    clientId: firstClientId,
    clientSecret,
    redirectUri: registration.redirectUris[0] ?? '',
    admin: { email: requester.email, password },
    invitation,
  };
}

export function isActive({ provisioning }: ApiAnswer['body']): boolean {
  return provisioning?.state === 'active';
}

/** A token for the admin API that the tenant's own issuer gave to its admin. */
export async function tenantAdminToken(
  { bootstrap }: ProductServer,
  { issuer, clientId, clientSecret, redirectUri, admin }: OnboardedTenant,
  scope: string,
): Promise<string> {
  const tokens = await signIn(await discover(issuer, clientId, clientSecret), {
    redirectUri,
    user: admin,
    parameters: { scope: `openid ${scope}`, resource: bootstrap.resource },
  });
  return tokens.access_token;
}

/** Creates clients or API resources in the tenant, in order; returns the answers. */
export async function createInTenant(
  server: ProductServer,
  slug: string,
  token: string,
  wishes: { clients?: readonly object[]; resources?: readonly object[] },
): Promise<ApiAnswer['body'][]> {
  const answers = [];
  for (const [path, bodies] of Object.entries(wishes)) {
    for (const body of bodies) {
      const answer = await callApi(server, 'POST', `/api/tenants/${slug}/${path}`, { token, body });
      if (answer.status !== 201) {
        throw new Error(`${path} of ${slug}: ${answer.text}`);
      }
      answers.push(answer.body);
    }
  }
  return answers;
}
