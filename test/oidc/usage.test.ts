import { afterEach, describe, expect, it } from 'vitest';
import { createQuotaStore } from '../../src/tenancy/quotas.ts';
import type { TenantMeter } from '../../src/tenancy/usage-meter.ts';
import { testClock } from '../support/clock.ts';
import { createTenant, obtainCode, post, redirectUri, type TestTenant } from './tenant-fixture.ts';

let tenant: TestTenant;
afterEach(() => tenant.close());

function counting() {
  const counts = { requests: 0, signIns: 0, tokens: 0 };
  const active: string[] = [];
  const near: string[] = [];
  const meter: TenantMeter = {
    count: (what) => {
      counts[what] += 1;
    },
    active: (accountId) => active.push(accountId),
    near: (quota) => near.push(quota),
  };
  return { counts, active, near, usage: { of: () => meter } };
}

describe('a tenant', () => {
  it('counts a sign-in once, tokens and who got them, and every request', async () => {
    const { counts, active, usage } = counting();
    tenant = await createTenant({ usage });
    const { client, clientSecret } = await tenant.clients.create({
      name: 'Web',
      type: 'web',
      redirectUris: [redirectUri],
    });
    const { clientId } = client;
    const { code, verifier } = await obtainCode(tenant, tenant.userAgent(), { client_id: clientId });
    expect(counts).toMatchObject({ signIns: 1, tokens: 0 });
    const token = (form: Record<string, string>) =>
      post(`${tenant.base}/token`, { clientId, clientSecret }, form);
    const { body } = await token({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    });
    await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token });
    await token({ grant_type: 'refresh_token', refresh_token: 'wrong' });
    expect(counts).toMatchObject({ signIns: 1, tokens: 2 });
    expect(new Set(active)).toEqual(new Set(['sub-1']));
    expect(counts.requests).toBeGreaterThan(5);
  });

  it('refuses what is beyond its rates, with the time to come back, and says so before', async () => {
    const { near, usage } = counting();
    const clock = testClock(Date.now());
    tenant = await createTenant({ usage, clock });
    await createQuotaStore({ table: tenant.table, clock }).change(() => ({
      requestsPerSecond: 20,
      tokensPerSecond: 2,
    }));
    await tenant.rebuild();
    const { client, clientSecret } = await tenant.clients.create({ name: 'Job', type: 'm2m' });
    const ask = () =>
      fetch(`${tenant.base}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${client.clientId}:${clientSecret}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(4);
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(Array(4).fill('1'));
    expect(near).toContain('tokensPerSecond');

    const look = async () => (await fetch(`${tenant.base}/jwks`)).status;
    const many = await Promise.all(Array.from({ length: 20 }, look));
    expect(many.filter((status) => status === 200)).toHaveLength(14);
    expect(near).toContain('requestsPerSecond');
    // A change of the tenant's configuration fills nothing up; time does.
    await tenant.rebuild();
    expect(await look()).toBe(429);
    expect((await ask()).status).toBe(429);
    clock.advance(1_000);
    expect(await look()).toBe(200);
    expect((await ask()).status).toBe(200);
  });
});
