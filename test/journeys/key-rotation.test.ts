import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import { type Queue, startQueue } from '../../src/platform/queue.ts';
import type { KeyTimings } from '../../src/tenancy/key-timings.ts';
import {
  callApi,
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
  tenantAdminToken,
} from '../support/onboarding.ts';
import { pacedClock } from '../support/paced-clock.ts';
import { discover, signIn } from '../support/relying-party.ts';
import { sendTo } from '../support/send-to.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { silentLog } from '../support/services.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';
import {
  type Credentials,
  clientCredentialsFlow,
  createVerifier,
  inTurn,
  refreshFlow,
  silentSignInFlow,
} from './rotation-flows.ts';

const rotations = 10;
const leastFlows = 1_000;
const slug = 'acme' as Slug;
const cacheSeconds = 1;
const tokenLifeSeconds = 2;

/** The product's, and that of whoever keeps its keys. */
const clock = pacedClock(100);

/** The lives of keys as with the real settings, only short: what must be longer than what stays so. */
const keyTimings: Partial<KeyTimings> = {
  unconfirmedSeconds: 0,
  longestTokenSeconds: tokenLifeSeconds,
  longestCookieSeconds: 3_600,
  clockToleranceSeconds: 1,
};
const env = { JWKS_CACHE_SECONDS: String(cacheSeconds), TENANT_REVALIDATE_SECONDS: '1' };

const ordersApi = {
  indicator: 'https://orders.example/',
  name: 'Orders',
  scopes: ['orders:read'],
  accessTokenFormat: 'jwt',
  // By the system's clock; how long a token counts here is `tokenLifeSeconds`.
  accessTokenTtlSeconds: 3_600,
};
const redirectUri = 'https://portal.example/callback';

let first: ProductServer;
let second: ProductServer;
let queue: Queue;
let tenant: OnboardedTenant;
let operator: string;
let robot: Credentials;
let portal: Credentials & { redirectUri: string };

beforeAll(async () => {
  first = await startServer({ env, overrides: { keyTimings, clock } });
  second = await startServer({ env, overrides: { keyTimings, clock }, beside: first });
  queue = await startQueue({ connectionString: first.stores.connectionString, log: silentLog });
  tenant = await onboardTenant(first, { slug });
  operator = await platformToken(first);
  const [, made, madePortal] = await createInTenant(first, slug, operator, {
    resources: [ordersApi],
    clients: [
      { clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['orders:read'] },
      { clientId: 'portal', name: 'Portal', type: 'web', redirectUris: [redirectUri] },
    ],
  });
  robot = { clientId: 'robot', clientSecret: made.clientSecret };
  portal = { clientId: 'portal', clientSecret: madePortal.clientSecret, redirectUri };
}, 180_000);
afterAll(async () => {
  clock.stop();
  await queue.stop();
  await second.close();
  await first.close();
});

interface Key {
  /** Of a signing key. */
  kid?: string;
  /** Of a cookie key. */
  id?: string;
  state: string;
}

async function keys(): Promise<{ keys: Key[]; cookieKeys: Key[] }> {
  return (await callApi(first, 'GET', `/api/tenants/${slug}/keys`, { token: operator })).body;
}

async function order(path: string, body: object = {}) {
  const answer = await callApi(first, 'POST', `/api/tenants/${slug}/${path}`, { token: operator, body });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body as { keys: Key[]; cookieKeys: Key[] };
}

/**
 * What the schedule does every minute, as often as the short lives of these keys need it; the servers' workers take the jobs. Where the clock does
 * not go on by itself it is moved.
 */
async function untilKeys(
  isWanted: (present: Awaited<ReturnType<typeof keys>>) => boolean,
  advanceMs = 0,
): Promise<void> {
  await vi.waitFor(
    async () => {
      clock.advance(advanceMs);
      await first.postgres.transaction((transaction) => queue.send(transaction, 'tenant-keys', { slug }));
      expect(isWanted(await keys())).toBe(true);
    },
    { timeout: 300_000, interval: 150 },
  );
}

async function signedIn(browser: UserAgent): Promise<string> {
  const client = await discover(tenant.issuer, portal.clientId, portal.clientSecret);
  const tokens = await signIn(client, { redirectUri, user: tenant.admin, browser });
  return tokens.refresh_token ?? '';
}

describe('while keys rotate', () => {
  it(`${leastFlows} flows and more over two servers fail neither to get tokens nor to verify them`, async () => {
    const pick = inTurn([first, second]);
    const verifiers = Array.from({ length: 8 }, () => createVerifier(tenant, pick, cacheSeconds, clock));
    const verifier = (index: number) => verifiers[index % verifiers.length] as (typeof verifiers)[number];
    const counts = { clientCredentials: 0, refresh: 0, silentSignIn: 0, verifiedLater: 0 };
    const failures: string[] = [];
    const signers = new Set<string>();
    const pending: Promise<unknown>[] = [];
    let rotating = true;
    const flows = () => counts.clientCredentials + counts.refresh + counts.silentSignIn;

    async function repeat(name: string, flow: () => Promise<void>): Promise<void> {
      while (rotating || flows() < leastFlows) {
        try {
          await clock.during(flow);
        } catch (error) {
          failures.push(`${name}: ${error}`);
        }
      }
    }
    const machines = Array.from({ length: 4 }, (_, index) =>
      repeat('client credentials', async () => {
        const { kid, again } = await clientCredentialsFlow(pick, tenant.issuer, robot, ordersApi.indicator, [
          verifier(index),
          verifier(index + 4),
        ]);
        counts.clientCredentials += 1;
        signers.add(kid);
        const whenOld = clock.after(tokenLifeSeconds * 800);
        pending.push(
          whenOld
            .then(() => clock.during(again))
            .then(
              () => {
                counts.verifiedLater += 1;
              },
              (error) => failures.push(`verified later: ${error}`),
            ),
        );
      }),
    );
    let refreshToken = await signedIn(createUserAgent(first.origin));
    const refreshing = repeat('refresh', async () => {
      refreshToken = await refreshFlow(pick, tenant.issuer, portal, refreshToken, verifier(1));
      counts.refresh += 1;
    });
    const browser = createUserAgent(first.origin);
    await signedIn(browser);
    const returning = repeat('silent sign-in', async () => {
      await silentSignInFlow(pick, tenant.issuer, portal, browser, verifier(2));
      counts.silentSignIn += 1;
    });

    const began = performance.now();
    clock.start();
    for (let rotation = 1; rotation <= rotations; rotation += 1) {
      await order('keys/rotate');
      const begun = await order('cookie-keys/rotate');
      const [key, cookieKey] = [...begun.keys, ...begun.cookieKeys].filter(
        ({ state }) => state === 'pending',
      );
      const isActive = (present: Key[], begunKey: Key | undefined) =>
        present.some(
          ({ kid, id, state }) => state === 'active' && (kid ?? id) === (begunKey?.kid ?? begunKey?.id),
        );
      await untilKeys((present) => isActive(present.keys, key) && isActive(present.cookieKeys, cookieKey));
    }
    rotating = false;
    await Promise.all([...machines, refreshing, returning]);
    await Promise.all(pending);
    clock.stop();
    const seconds = (performance.now() - began) / 1000;

    await untilKeys(
      (present) => present.keys.every(({ state }) => state === 'active' || state === 'destroyed'),
      500,
    );
    const { body: audit } = await callApi(
      first,
      'GET',
      `/api/tenants/${slug}/audit?event=tenant.keys.key-destroyed`,
      { token: operator },
    );
    process.stdout.write(
      `key rotation under load: ${flows()} flows (${JSON.stringify(counts)}) over 2 servers in ${seconds.toFixed(1)} s, ` +
        `${rotations} rotations of the signing and of the cookie key, ${signers.size} keys seen signing, ` +
        `${audit.events.length} destroyed, ${failures.length} failures\n`,
    );
    expect(failures.slice(0, 5)).toEqual([]);
    expect(flows()).toBeGreaterThanOrEqual(leastFlows);
    expect(counts.verifiedLater).toBe(counts.clientCredentials);
    expect(signers.size).toBe(rotations + 1);
    expect(audit.events).toHaveLength(rotations);
  }, 900_000);
});

describe('a revoked signing key', () => {
  it('is gone at once here, within the bound there, and its tokens count nowhere', async () => {
    const token = await tenantAdminToken(first, tenant, 'keys:read keys:write');
    const read = (server: ProductServer, bearer: string) =>
      sendTo(server, `/api/tenants/${slug}/keys`, { headers: { authorization: `Bearer ${bearer}` } });
    for (const server of [first, second]) {
      expect((await read(server, token)).status).toBe(200);
    }
    const kidsAt = async (server: ProductServer) => {
      const { keys: published } = (await (await sendTo(server, `${tenant.issuer}/jwks`)).json()) as {
        keys: { kid: string }[];
      };
      return published.map(({ kid }) => kid);
    };
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    expect(await kidsAt(second)).toContain(kid);

    const { keys: after } = await order(`keys/${kid}/revoke`, { reason: 'seen elsewhere' });
    const fresh = after.find(({ state }) => state === 'active')?.kid;
    expect(await kidsAt(first)).toEqual([fresh]);
    for (const server of [first, second]) {
      expect((await read(server, token)).status).toBe(401);
    }
    // `TENANT_REVALIDATE_SECONDS` later; then the clock stands still, however long the requests take.
    clock.advance(1_000);
    await vi.waitFor(async () => expect(await kidsAt(second)).toEqual([fresh]), {
      timeout: 30_000,
      interval: 25,
    });

    const again = await tenantAdminToken(first, tenant, 'keys:read');
    for (const server of [first, second]) {
      expect((await read(server, again)).status).toBe(200);
    }
    await untilKeys((present) => present.keys.some((key) => key.kid === kid && key.state === 'destroyed'));
    const { body } = await callApi(first, 'GET', `/api/tenants/${slug}/audit?event=tenant.keys.key-revoked`, {
      token: operator,
    });
    expect(body.events).toMatchObject([{ severity: 'high', details: { kid, reason: 'seen elsewhere' } }]);
  });
});

describe('revoked cookie keys', () => {
  it('end every session', async () => {
    const browser = createUserAgent(first.origin);
    await signedIn(browser);
    const verify = createVerifier(tenant, () => first, cacheSeconds, clock);
    const comeBack = () => silentSignInFlow(() => first, tenant.issuer, portal, browser, verify);
    await comeBack();
    await order('cookie-keys/revoke', { reason: 'seen elsewhere' });
    await expect(comeBack()).rejects.toThrow('error=login_required');
    await signedIn(browser);
    await comeBack();
  });
});
