import { afterEach, expect, it } from 'vitest';
import { testClock } from '../support/clock.ts';
import type { UserAgent } from '../support/user-agent.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;

afterEach(() => server.close());

async function attempt(agent: UserAgent, email: string, given = 'Wrong horse 1!') {
  const page = await agent.open(authorizationRequest(server.tenant).url);
  return agent.submit(page, { email, password: given });
}

it('stops guessing at an account, known or not, and leaves other accounts alone', async () => {
  server = await createTenantServer({ attemptsPerMinute: 3, clock: testClock(Date.now()) });
  const { accounts } = server.tenant;
  for (const email of ['ada@example.com', 'bob@example.com']) {
    const { id } = await accounts.create({ email, name: 'A', roles: [] });
    await accounts.setPassword(id, password);
  }
  const pages: string[] = [];
  for (const email of ['ada@example.com', 'unknown@example.com']) {
    const statuses: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      statuses.push((await attempt(server.userAgent(), email)).status);
    }
    expect(statuses).toEqual([401, 401, 401]);
    // The right password does not help now, or guessing would.
    const refused = await attempt(server.userAgent(), email.toUpperCase(), password);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    pages.push(textOf(refused));
  }
  expect(pages[0]).toBe(pages[1]);
  expect((await attempt(server.userAgent(), 'bob@example.com', password)).status).toBe(200);
});

it('forgives what was mistyped before a success', async () => {
  server = await createTenantServer({ attemptsPerMinute: 3, clock: testClock(Date.now()) });
  const { accounts } = server.tenant;
  const { id } = await accounts.create({ email: 'ada@example.com', name: 'A', roles: [] });
  await accounts.setPassword(id, password);
  for (let round = 0; round < 3; round += 1) {
    expect((await attempt(server.userAgent(), 'ada@example.com')).status).toBe(401);
    expect((await attempt(server.userAgent(), 'ada@example.com', password)).status).toBe(200);
  }
});

it('lets nobody sign in from outside the policy’s networks, whatever the password', async () => {
  server = await createTenantServer({ policy: { ipRestrictions: ['203.0.113.0/24'] } });
  const { accounts } = server.tenant;
  const { id } = await accounts.create({ email: 'ada@example.com', name: 'A', roles: [] });
  await accounts.setPassword(id, password);
  const right = await attempt(server.userAgent(), 'ada@example.com', password);
  const unknown = await attempt(server.userAgent(), 'unknown@example.com', password);
  expect([right.status, unknown.status]).toEqual([403, 403]);
  expect(textOf(right)).toBe(textOf(unknown));
});
