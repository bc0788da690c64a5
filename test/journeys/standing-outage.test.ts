import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ProxiedServer, startProxiedServer } from '../aws/app/proxied-server.ts';
import { callApi, followOrder, isActive, platformToken, registrationOf } from '../support/onboarding.ts';

let proxied: ProxiedServer;
let token: string;
beforeAll(async () => {
  proxied = await startProxiedServer({ env: { APPROVAL: 'automatic', COMPLIANCE: 'automatic' } });
  token = await platformToken(proxied.server);
});
afterAll(() => proxied.close());

const call = (method: string, path: string, body?: unknown) =>
  callApi(proxied.server, method, path, { token, ...(body === undefined ? {} : { body }) });

async function discoveryStatus(slug: string): Promise<number> {
  return (await callApi(proxied.server, 'GET', `/${slug}/.well-known/openid-configuration`)).status;
}

it.each([
  ['compliance-review', { decision: 'fail', findings: 'No contract.' }, 'blocked'],
  ['suspend', { reason: 'Unpaid.' }, 'suspended'],
])(
  '%s, while the directory takes no writes: says that it is not in force, and is so as soon as it can be',
  async (path, decision, status) => {
    const slug = `outage-${status}`;
    // Not by whoever reviews it later.
    const { body: order } = await callApi(proxied.server, 'POST', '/api/registrations', {
      body: registrationOf({ slug }),
    });
    await followOrder(proxied.server, order.orderId, isActive);
    const outage = proxied.proxy.inject({
      fault: { kind: 'refuse', error: 'AccessDeniedException' },
      when: ({ operation, input }) =>
        operation === 'PutItem' && JSON.stringify(input).includes(`"Tenant#${slug}"`),
    });
    const answer = await call('POST', `/api/tenants/${slug}/${path}`, decision);
    expect(answer).toMatchObject({ status: 202, body: { status, pending: true } });
    expect((await call('GET', `/api/tenants/${slug}`)).body).toMatchObject({ status, pending: true });
    expect(await discoveryStatus(slug)).toBe(200);
    // The answer's own try, and one of the job.
    await vi.waitFor(() => expect(outage.struck()).toBeGreaterThan(1), { timeout: 30_000 });

    outage.stop();
    await vi.waitFor(async () => expect(await discoveryStatus(slug)).toBe(404), {
      timeout: 30_000,
      interval: 200,
    });
    await vi.waitFor(async () =>
      expect((await call('GET', `/api/tenants/${slug}`)).body).not.toHaveProperty('pending'),
    );
  },
);
