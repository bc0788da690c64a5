import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApplicationTenant } from '../../src/identity/application-tenant.ts';
import { createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
let stores: ReturnType<typeof createApplicationTenants>;
const applicationTenants = new Map<string, ApplicationTenant>();
const subjects = new Map<string, string>();

/** The same address and password in two application tenants and in the default one: three people. */
beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  stores = createApplicationTenants({ table: tenant.table, clock: systemClock, random: systemRandom });
  for (const slug of ['north', 'south', 'default']) {
    const created = slug === 'default' ? undefined : await stores.create({ slug, name: slug });
    const id = created?.id ?? 'default';
    const account = await tenant.accounts.create({
      applicationTenantId: id,
      email: 'ada@example.com',
      name: `Ada of ${slug}`,
      roles: [],
      emailVerified: true,
    });
    await tenant.accounts.setPassword(account.id, password);
    subjects.set(slug, account.id);
    if (created) applicationTenants.set(slug, created);
  }
});
afterAll(() => server.close());

async function subjectOf(arrival: Parameters<typeof redeem>[1]): Promise<string | undefined> {
  return decodeJwt((await redeem(tenant, arrival)).id_token ?? '').sub;
}

describe('application tenants at sign-in (E2)', () => {
  it.each(['north', 'south'])('lead by slug and by id to the person of %s', async (slug) => {
    for (const organization of [slug, applicationTenants.get(slug)?.id ?? '']) {
      const agent = server.userAgent();
      const consent = await signIn(agent, tenant, 'ada@example.com', { organization });
      const arrival = await agent.submit(consent);
      expect(await subjectOf({ ...arrival, verifier: consent.verifier })).toBe(subjects.get(slug));
    }
  });

  it('lead to the default one where none is asked for', async () => {
    const agent = server.userAgent();
    const consent = await signIn(agent, tenant, 'ada@example.com');
    const arrival = await agent.submit(consent);
    expect(await subjectOf({ ...arrival, verifier: consent.verifier })).toBe(subjects.get('default'));
  });

  it('do not share a session', async () => {
    const agent = server.userAgent();
    await agent.submit(await signIn(agent, tenant, 'ada@example.com', { organization: 'north' }));
    const again = await agent.open(authorizationRequest(tenant, { organization: 'north' }).url);
    expect(again.url.searchParams.get('code')).not.toBeNull();
    const silent = await agent.open(
      authorizationRequest(tenant, { organization: 'south', prompt: 'none' }).url,
    );
    expect(silent.url.searchParams.get('error')).toBe('login_required');
    const page = await agent.open(authorizationRequest(tenant, { organization: 'south' }).url);
    expect(textOf(page)).toContain('Sign in');
    expect(textOf(page)).toContain('another account');
    expect(textOf(await agent.submit(page, { email: 'ada@example.com', password }))).toContain(
      'asks for access',
    );
  });

  it('do not take the password of another one', async () => {
    const id = subjects.get('south') ?? '';
    await tenant.accounts.setPassword(id, 'Southern horse 1!');
    const crossing = await signIn(server.userAgent(), tenant, 'ada@example.com', { organization: 'south' });
    expect(crossing.status).toBe(401);
    await tenant.accounts.setPassword(id, password);
  });

  it('are unknown, suspended and of another tenant alike', async () => {
    const elsewhere = createApplicationTenants({
      table: server.tenants[1]?.table ?? tenant.table,
      clock: systemClock,
      random: systemRandom,
    });
    const foreign = await elsewhere.create({ slug: 'foreign', name: 'Foreign' });
    const closed = await stores.create({ slug: 'closed', name: 'Closed' });
    await stores.update(closed.id, closed.version, { status: 'suspended' });
    const answers = new Set<string | null>();
    for (const organization of ['nobody', 'foreign', foreign.id, 'closed', closed.id, 'x'.repeat(5_000)]) {
      const arrival = await server.userAgent().open(authorizationRequest(tenant, { organization }).url);
      expect(arrival.url.searchParams.get('error')).toBe('invalid_request');
      answers.add(arrival.url.searchParams.get('error_description'));
    }
    expect(answers.size).toBe(1);
  });
});
