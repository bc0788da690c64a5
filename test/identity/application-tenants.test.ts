import { beforeEach, describe, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createApplicationDomains, domainProof } from '../../src/identity/application-domains.ts';
import type { ApplicationTenant } from '../../src/identity/application-tenant.ts';
import { type ApplicationTenants, createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let table: Table;
let tenants: ApplicationTenants;
let texts: Record<string, string[]>;
const clock = testClock();

beforeEach(async () => {
  ({ table } = await createTenantTable());
  tenants = createApplicationTenants({ table, clock, random: systemRandom });
  texts = {};
});

function domains() {
  return createApplicationDomains({
    applicationTenants: tenants,
    lookUpTxt: async (name) => texts[name] ?? [],
    table,
    clock,
    random: systemRandom,
  });
}

async function verify(tenant: ApplicationTenant, domain: string): Promise<ApplicationTenant> {
  return domains().verify(tenant, domain, await domains().prove(tenant, domain));
}

const codes = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((result) =>
    result.status === 'fulfilled' ? 'done' : (result.reason as { code?: string }).code,
  );

describe('application tenants (E2)', () => {
  it('are found by id and by slug', async () => {
    const created = await tenants.create({ slug: 'north-wind', name: 'North Wind' });
    expect(created).toMatchObject({ status: 'active', domains: [], settings: { signUp: 'invitation' } });
    expect(await tenants.get(created.id)).toEqual(created);
    expect(await tenants.find(created.id)).toEqual(created);
    expect(await tenants.findBySlug('north-wind')).toEqual(created);
    expect(await tenants.find('north-wind')).toEqual(created);
    for (const unknown of ['North-Wind', 'south', 'apt_none', '', 'apt_../x']) {
      expect(await tenants.find(unknown)).toBeUndefined();
    }
  });

  it('begin with one that nobody created', async () => {
    expect(await tenants.get('default')).toMatchObject({ id: 'default', slug: 'default', status: 'active' });
    expect(await tenants.findBySlug('default')).toMatchObject({ id: 'default' });
    expect((await tenants.list()).applicationTenants).toEqual([]);
    const before = await tenants.get('default');
    const changed = await tenants.update('default', before?.version ?? '', { name: 'Staff' });
    expect(await tenants.get('default')).toEqual(changed);
    await expect(tenants.update('default', before?.version ?? '', { name: 'X' })).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    await tenants.remove('default');
    expect(await tenants.get('default')).toEqual(changed);
    await expect(tenants.create({ slug: 'default', name: 'X' })).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });

  it('give a slug to one of many writers', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => tenants.create({ slug: 'race', name: `${index}` })),
    );
    expect(codes(results).sort()).toEqual([...Array(7).fill('conflict'), 'done']);
    const { applicationTenants } = await tenants.list();
    expect(applicationTenants).toEqual([await tenants.findBySlug('race')]);
  });

  it('can be created where a crash left a slug without a record', async () => {
    await table.put({ pk: 'ApplicationTenantSlug#half', sk: 'pointer', applicationTenantId: 'apt_half' });
    expect(await tenants.findBySlug('half')).toBeUndefined();
    const created = await tenants.create({ slug: 'half', name: 'Half' });
    expect(await tenants.findBySlug('half')).toEqual(created);
  });

  it('let one of two changes of the same version win', async () => {
    const { id, version } = await tenants.create({ slug: 'acme-eu', name: 'EU' });
    const results = await Promise.allSettled(
      ['one', 'two', 'three'].map((name) => tenants.update(id, version, { name })),
    );
    expect(codes(results).sort()).toEqual(['done', 'precondition_failed', 'precondition_failed']);
    await expect(tenants.update('apt_none', version, {})).rejects.toMatchObject({ code: 'not_found' });
  });

  it('free their names when they go, and never come back under their id', async () => {
    const first = await tenants.create({ slug: 'acme-eu', name: 'EU' });
    await tenants.remove(first.id);
    await tenants.remove(first.id);
    expect(await tenants.get(first.id)).toBeUndefined();
    const second = await tenants.create({ slug: 'acme-eu', name: 'EU' });
    expect(second.id).not.toBe(first.id);
  });

  it('are listed page by page', async () => {
    await Promise.all(['aaa', 'bbb', 'ccc'].map((slug) => tenants.create({ slug, name: slug })));
    const first = await tenants.list({ limit: 2 });
    const second = await tenants.list({ limit: 2, ...(first.cursor && { cursor: first.cursor }) });
    const slugs = [...first.applicationTenants, ...second.applicationTenants].map(({ slug }) => slug);
    expect(slugs.sort()).toEqual(['aaa', 'bbb', 'ccc']);
  });
});

describe('domains', () => {
  async function withDomain(slug: string, domain: string) {
    const added = await domains().add(await tenants.create({ slug, name: slug }), domain);
    return { added, entry: added.domains[0] as (typeof added.domains)[number] };
  }

  it('count once they are proved by DNS', async () => {
    const { added, entry } = await withDomain('north', 'Example.COM.');
    expect(entry.domain).toBe('example.com');
    expect(await tenants.findByDomain('example.com')).toBeUndefined();
    expect(await tenants.haveDomains()).toBe(false);
    await expect(verify(added, 'example.com')).rejects.toMatchObject({ code: 'not_ready' });
    const { name, value } = domainProof(entry);
    expect(name).toBe('_tenantry-challenge.example.com');
    texts[name] = ['v=spf1 -all', value];
    const verified = await verify(added, 'example.com');
    expect(await tenants.findByDomain('EXAMPLE.com')).toEqual(verified);
    expect(await tenants.haveDomains()).toBe(true);
    expect(await tenants.findByDomain('sub.example.com')).toBeUndefined();
    expect(await tenants.findByDomain('')).toBeUndefined();
  });

  it('are proved by the challenge that was met, not by one that came after it', async () => {
    const { added, entry } = await withDomain('north', 'example.com');
    const { name, value } = domainProof(entry);
    texts[name] = [value];
    const met = await domains().prove(added, 'example.com');
    const again = await domains().add(await domains().remove(added, 'example.com'), 'example.com');
    await expect(domains().verify(again, 'example.com', met)).rejects.toMatchObject({ code: 'not_ready' });
    expect(await tenants.findByDomain('example.com')).toBeUndefined();
  });

  it('are proved by nobody else’s record', async () => {
    const { entry } = await withDomain('north', 'example.com');
    const { added: other } = await withDomain('south', 'example.com');
    const { name, value } = domainProof(entry);
    texts[name] = [value];
    await expect(verify(other, 'example.com')).rejects.toMatchObject({ code: 'not_ready' });
  });

  it('belong to one of several who have proved them at once', async () => {
    const claims = await Promise.all(
      ['one', 'two', 'three'].map((slug) => withDomain(slug, 'shared.example')),
    );
    texts['_tenantry-challenge.shared.example'] = claims.map(({ entry }) => domainProof(entry).value);
    const results = await Promise.allSettled(claims.map(({ added }) => verify(added, 'shared.example')));
    expect(codes(results).sort()).toEqual(['conflict', 'conflict', 'done']);
    const { applicationTenants } = await tenants.list();
    const holders = applicationTenants.filter((tenant) => tenant.domains[0]?.verifiedAt !== undefined);
    expect([await tenants.findByDomain('shared.example')]).toEqual(holders);
  });

  it('can be taken over once they are given up, also after a crash on the way', async () => {
    const { added, entry } = await withDomain('north', 'example.com');
    const { added: other, entry: otherEntry } = await withDomain('south', 'example.com');
    texts['_tenantry-challenge.example.com'] = [domainProof(entry).value, domainProof(otherEntry).value];
    const verified = await verify(added, 'example.com');
    await expect(verify(other, 'example.com')).rejects.toMatchObject({ code: 'conflict' });
    // The crash: the record is changed, the pointer stays.
    await tenants.update(verified.id, verified.version, { domains: [] });
    expect(await tenants.findByDomain('example.com')).toBeUndefined();
    const moved = await verify(other, 'example.com');
    expect(await tenants.findByDomain('example.com')).toEqual(moved);
    await domains().remove(moved, 'example.com');
    expect(await tenants.findByDomain('example.com')).toBeUndefined();
  });

  it('are refused when they are none', async () => {
    const tenant = await tenants.create({ slug: 'north', name: 'North' });
    for (const text of ['', 'localhost', '192.0.2.1', 'exa mple.com', '-x.com', '*.example.com', 'a@b.com']) {
      await expect(domains().add(tenant, text)).rejects.toMatchObject({ code: 'validation_failed' });
    }
    await expect(verify(tenant, 'example.com')).rejects.toMatchObject({ code: 'not_found' });
  });
});
