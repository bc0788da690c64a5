import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApplicationSettings } from '../../src/identity/application-tenant.ts';
import { applicationTenantsOf, withDomain } from '../self-service/mail-links.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { browserOf, createFederatedBrowsers, freshEmail, person } from './federated-browsers.ts';
import { createTenantServer, type TenantServer, textOf } from './tenant-server.ts';

let server: TenantServer;
let upstream: Upstream;
let ofTenant: { id: string };
beforeAll(async () => {
  server = await createTenantServer();
  upstream = await startOpenidProvider();
  ofTenant = await addSource({ name: 'Of the tenant' });
});
afterAll(async () => {
  await server?.close();
  upstream?.close();
});

const { addSource, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));

let count = 0;
async function customer(settings: Partial<ApplicationSettings> = {}) {
  count += 1;
  const tenants = applicationTenantsOf(server.tenant);
  const made = await tenants.create({ slug: `customer-${count}`, name: 'Customer' });
  return tenants.update(made.id, made.version, { settings: { signUp: 'invitation', ...settings } });
}

async function arriveAt(
  { id }: { id: string },
  { email = freshEmail(), source = ofTenant }: { email?: string; source?: { id: string } } = {},
) {
  upstream.user = person(email);
  const arrival = await signInBy(source, { agent: browserOf(server), parameters: { organization: id } });
  const account = await server.tenant.accounts.findByEmail(id, email);
  return { arrival, account };
}

async function expectIn(...given: Parameters<typeof arriveAt>) {
  const { arrival, account } = await arriveAt(...given);
  expect((await claimsAt(arrival)).sub).toBe(account?.id);
  expect(account).toMatchObject({ applicationTenantId: given[0].id, roles: ['Member'] });
}

async function expectOut(...given: Parameters<typeof arriveAt>) {
  const { arrival, account } = await arriveAt(...given);
  expect(arrival.status).toBe(403);
  expect(textOf(arrival)).toContain('There is no account for you here');
  expect(account).toBeUndefined();
}

describe('somebody of a source of the whole tenant, who names an application tenant (E2)', () => {
  it('gets no account where people are invited', async () => {
    const invited = await customer();
    await expectOut(invited);
    // Also by the domain of the address, which the request need not name.
    await withDomain(server.tenant, invited, 'invited.example');
    upstream.user = person('ada@invited.example');
    const page = await signInBy(ofTenant);
    expect(page.status).toBe(403);
    expect(await server.tenant.accounts.findByEmail(invited.id, 'ada@invited.example')).toBeUndefined();
    expect(await server.tenant.accounts.findByEmail('default', 'ada@invited.example')).toBeUndefined();
  });

  it('signs in where they have been invited', async () => {
    const invited = await customer();
    const email = freshEmail();
    await server.tenant.accounts.create({
      applicationTenantId: invited.id,
      email,
      name: 'Invited',
      roles: [],
      emailVerified: true,
    });
    expect(textOf((await arriveAt(invited, { email })).arrival)).toContain('Is this account yours?');
  });

  it('gets one where the source was given to it, by either side', async () => {
    const given = await customer();
    const own = await addSource({ applicationTenantIds: [given.id, 'default'] });
    await expectIn(given, { source: own });
    await expectOut(given);
    await expectIn(await customer({ signInSources: ['password', ofTenant.id] }));
  });

  it('gets one where everybody may have one', async () => {
    await expectIn(await customer({ signUp: 'open' }));
  });

  it('gets one in a domain that the application tenant has proved, where such people may', async () => {
    const bound = await withDomain(server.tenant, await customer({ signUp: 'domain' }), 'bound.example');
    await expectIn(bound, { email: 'ada@bound.example' });
    await expectOut(bound, { email: 'ada@other.example' });
    await expectOut(bound, { email: 'ada@sub.bound.example' });
    const version = (await applicationTenantsOf(server.tenant).get(bound.id))?.version ?? '';
    await applicationTenantsOf(server.tenant).update(bound.id, version, {
      settings: { signUp: 'invitation' },
    });
    await expectOut(bound, { email: 'bob@bound.example' });
    // Who came while it was so stays.
    const again = await arriveAt(bound, { email: 'ada@bound.example' });
    expect((await claimsAt(again.arrival)).sub).toBe(again.account?.id);
  });
});

it('still gets one among the tenant’s own people', async () => {
  upstream.user = person(freshEmail());
  expect((await claimsAt(await signInBy(ofTenant))).amr).toEqual(['fed']);
});
