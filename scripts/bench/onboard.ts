import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readMails } from '../../test/support/outbox.ts';
import { createUserAgent } from '../../test/support/user-agent.ts';
import { type BenchClient, type BenchTenant, jwtResource, jwtScope } from './flows.ts';
import { callback, obtainRefreshTokens } from './sign-in.ts';
import type { TenantryFacts } from './tenantry-server.ts';

const password = 'Correct-Horse-7-Battery';

type Call = <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>;

/**
 * Creates `count` tenants as an operator would: `POST /api/tenants`, an m2m client and an API resource through the admin API, and each tenant's
 * first administrator by the invitation in the outbox. They then sign in: `signIns` refresh tokens in all, evenly over the tenants.
 */
export async function onboardTenants(
  { origin, dataDir }: TenantryFacts,
  { count, signIns }: { count: number; signIns: number },
): Promise<BenchTenant[]> {
  const call = await openAdminApi(origin, dataDir);
  const slugs = Array.from({ length: count }, (_, index) => `bench-${String(index + 1).padStart(3, '0')}`);
  for (const slug of slugs) {
    await call('POST', '/tenants', {
      name: `Bench ${slug}`,
      slug,
      admin: { name: 'Ada', email: emailOf(slug) },
      clientType: 'web',
      redirectUris: [callback],
    });
  }
  const tenants: BenchTenant[] = [];
  for (const slug of slugs) {
    await untilActive(call, slug);
    tenants.push(await prepareTenant(call, { origin, dataDir, slug, signIns: Math.ceil(signIns / count) }));
  }
  return tenants;
}

async function openAdminApi(origin: string, dataDir: string): Promise<Call> {
  const { client, resource } = JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')) as {
    resource: string;
    client: { client_id: string; client_secret: string; scopes: string[] };
  };
  const answer = await readJson<{ access_token: string }>(
    await fetch(`${origin}/platform/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
      },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource,
        scope: client.scopes.join(' '),
      }),
    }),
  );
  return async (method, path, body) =>
    readJson(
      await fetch(`${origin}/api${path}`, {
        method,
        headers: { authorization: `Bearer ${answer.access_token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
}

async function untilActive(call: Call, slug: string): Promise<void> {
  for (let waits = 0; waits < 600; waits += 1) {
    const { status, provisioning } = await call<{ status: string; provisioning: { state: string } }>(
      'GET',
      `/tenants/${slug}`,
    );
    if (status === 'active') {
      return;
    }
    if (!['queued', 'running', 'active'].includes(provisioning.state)) {
      throw new Error(`${slug} is ${provisioning.state}`);
    }
    await delay(50);
  }
  throw new Error(`${slug} did not become active`);
}

async function prepareTenant(
  call: Call,
  { origin, dataDir, slug, signIns }: TenantryFacts & { slug: string; signIns: number },
): Promise<BenchTenant> {
  const machine = await call<BenchClient>('POST', `/tenants/${slug}/clients`, {
    name: 'Machine',
    type: 'm2m',
    scopes: [jwtScope],
  });
  await call('POST', `/tenants/${slug}/resources`, {
    indicator: jwtResource,
    name: 'Orders',
    scopes: [jwtScope],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 600,
  });
  const { clients } = await call<{ clients: { clientId: string; type: string }[] }>(
    'GET',
    `/tenants/${slug}/clients`,
  );
  const first = clients.find(({ type }) => type === 'web');
  if (first === undefined) {
    throw new Error(`${slug} has no first client`);
  }
  const web = { clientId: first.clientId, clientSecret: await acceptInvitation(origin, dataDir, slug) };
  return {
    path: `/${slug}`,
    machine: { clientId: machine.clientId, clientSecret: machine.clientSecret },
    web,
    refreshTokens: await obtainRefreshTokens({
      issuer: `${origin}/${slug}`,
      client: web,
      person: { email: emailOf(slug), password },
      times: signIns,
    }),
  };
}

/** Sets the first administrator's password and returns the secret of the first client, which the page shows once. */
async function acceptInvitation(origin: string, dataDir: string, slug: string): Promise<string> {
  const browser = createUserAgent(origin);
  const link = await findInvitation(join(dataDir, 'outbox'), slug);
  const page = await browser.submit(await browser.open(link), { password, confirmation: password });
  const secret = page.document.querySelector('code.secret')?.textContent.trim();
  if (secret === undefined || secret === '') {
    throw new Error(`no client secret at ${page.url.pathname} (${page.status})`);
  }
  return secret;
}

async function findInvitation(outbox: string, slug: string): Promise<string> {
  for (const mail of (await readMails(outbox)).toReversed()) {
    const link = /https?:\/\/\S+\/invitation\/\S+/.exec(mail.text)?.[0];
    if (mail.to === emailOf(slug) && link !== undefined) {
      return link;
    }
  }
  throw new Error(`no invitation for ${slug} in the outbox`);
}

function emailOf(slug: string): string {
  return `ada@${slug}.example`;
}

async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${new URL(response.url).pathname} answered ${response.status}: ${text.slice(0, 300)}`);
  }
  return JSON.parse(text) as T;
}
