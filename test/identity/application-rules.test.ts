import { expect, it } from 'vitest';
import { openApplicationRules, rulesMemoryMs } from '../../src/identity/application-rules.ts';
import { newSettings } from '../../src/identity/application-tenant.ts';
import { createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { defaultSecurityPolicy } from '../../src/identity/security-policy.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

async function open() {
  const { table } = await createTenantTable();
  const clock = testClock();
  const stores = createApplicationTenants({ table, clock, random: systemRandom });
  let reads = 0;
  const applicationTenants = {
    get: (id: string) => {
      reads += 1;
      return stores.get(id);
    },
  };
  const rules = () => openApplicationRules({ policy: defaultSecurityPolicy, applicationTenants, clock });
  return { stores, clock, rules, reads: () => reads };
}

it('is the tenant’s where nobody is known, where nothing was set, and where there is nothing', async () => {
  const { rules, reads } = await open();
  const { policyOf } = await rules();
  expect(await policyOf()).toEqual(defaultSecurityPolicy);
  expect(await policyOf('default')).toEqual(defaultSecurityPolicy);
  expect(reads()).toBe(1);
  for (const id of ['apt_gone', '']) {
    expect(await policyOf(id)).toEqual(defaultSecurityPolicy);
  }
});

it.each(['default', 'customer'])(
  'is stricter and never weaker in %s, whose settings say so',
  async (slug) => {
    const { rules, stores } = await open();
    const present = slug === 'default' ? await stores.get(slug) : await stores.create({ slug, name: slug });
    const { id, version } = present ?? { id: '', version: '' };
    const securityPolicy = { passwordPolicy: { minLength: 20, expiryDays: 0 }, maxConcurrentSessions: 100 };
    await stores.update(id, version, { settings: { ...newSettings, securityPolicy } });
    const { password, session } = await (await rules()).policyOf(id);
    expect(password).toEqual({ ...defaultSecurityPolicy.password, minLength: 20 });
    expect(session).toEqual(defaultSecurityPolicy.session);
  },
);

it('is read once in a while, and a change counts soon', async () => {
  const { rules, stores, clock, reads } = await open();
  const { policyOf } = await rules();
  const before = reads();
  const { id, version } = await stores.create({ slug: 'customer', name: 'Customer' });
  for (let count = 0; count < 10; count += 1) await policyOf(id);
  expect(reads() - before).toBe(1);
  const securityPolicy = { requireMFA: true };
  await stores.update(id, version, { settings: { ...newSettings, securityPolicy } });
  clock.advance(rulesMemoryMs);
  expect((await policyOf(id)).session.requireMfa).toBe(true);
});
