import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestTables } from '../support/services.ts';
import { printTable } from './crash-lane.ts';
import { call, registrationOf } from './server-calls.ts';
import { countBy } from './stored-state.ts';
import { openTwoServers, serverNames, type TwoServers } from './two-servers.ts';

const orders = 100;
const kills = 4;
const withinMs = 480_000;

/** `CRASH_SEED` repeats a run's moments and victims, as far as processes can be made to repeat anything. */
const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31));
const random = seededRandom(seed);

const tenants = `from tenants where kind = 'tenant'`;

let pair: TwoServers;
beforeAll(async () => {
  pair = await openTwoServers({ APPROVAL: 'automatic', VALIDATION: 'automatic', COMPLIANCE: 'automatic' });
  await pair.startBoth();
}, 120_000);
afterAll(() => pair.close());

async function count(query: string): Promise<number> {
  const { rows } = await pair.postgres.query<{ count: number }>(`select count(*)::integer as count ${query}`);
  return rows[0]?.count ?? 0;
}

const activeTenants = () => count(`${tenants} and provisioning_state = 'active'`);

/** Kills whichever server at moments that are spread over the work, and starts it again; one goes on meanwhile. */
async function killAtRandom(until: Promise<unknown>): Promise<string[][]> {
  const rows = [['tenants active', 'killed', 'ready again after']];
  let over = false;
  const end = () => {
    over = true;
  };
  until.then(end, end);
  const moments = Array.from({ length: kills }, () => random() * orders * 0.95).toSorted((a, b) => a - b);
  for (const moment of moments) {
    while (!over && (await activeTenants()) < moment) {
      await delay(50);
    }
    await delay(random() * 400);
    const victim = serverNames[Math.floor(random() * serverNames.length)] ?? serverNames[0];
    const done = await activeTenants();
    const startedAt = performance.now();
    await pair.kill(victim);
    await pair.start(victim);
    rows.push([String(done), victim, `${((performance.now() - startedAt) / 1000).toFixed(1)} s`]);
  }
  return rows;
}

async function untilAllActive(): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < withinMs; await delay(200)) {
    if ((await activeTenants()) === orders) {
      return;
    }
  }
  throw new Error(`only ${await activeTenants()} of ${orders} tenants are active; seed ${seed}`);
}

describe(`a hundred orders, and servers killed at random (seed ${seed})`, () => {
  it('are all brought to their end', { timeout: withinMs + 30_000 }, async () => {
    const submitted = performance.now();
    for (let number = 1; number <= orders; number += 1) {
      const slug = `group-${number}`;
      expect((await call(`${pair.origin}/api/registrations`, { json: registrationOf(slug) })).status).toBe(
        202,
      );
    }
    const working = untilAllActive();
    const [, killed] = await Promise.all([working, killAtRandom(working)]);
    const took = (performance.now() - submitted) / 1000;

    const { rows } = await pair.postgres.query<{ seconds: number }>(
      `select extract(epoch from run.finished_at - run.created_at)::float8 as seconds
         from provisioning_runs as run join tenants on tenants.id = run.tenant_id and tenants.kind = 'tenant' order by 1`,
    );
    const at = (share: number) =>
      `${(rows[Math.floor((rows.length - 1) * share)]?.seconds ?? 0).toFixed(2)} s`;
    printTable(`SIGKILL of servers while they provision, seed ${seed}`, killed);
    printTable('Time per tenant', [
      ['all', 'mean', 'median', 'p95', 'longest'],
      [`${took.toFixed(0)} s`, `${(took / orders).toFixed(2)} s`, at(0.5), at(0.95), at(1)],
    ]);
    expect(killed).toHaveLength(kills + 1);
  });

  it('were taken up and provisioned in the order in which they came', async () => {
    const inOrder = async (event: string) => {
      const { rows } = await pair.postgres.query<{ position: number }>(
        `select orders.position::integer as position from audit_events as event
           join orders on orders.tenant_id = event.tenant_id and orders.source = 'registration'
          where event.event = $1 order by event.sequence`,
        [event],
      );
      return rows.map(({ position }) => position);
    };
    for (const event of ['tenant.registration.taken', 'tenant.provisioning.started', 'tenant.activated']) {
      const positions = await inOrder(event);
      expect(positions, event).toHaveLength(orders);
      expect(positions, event).toEqual(positions.toSorted((a, b) => a - b));
    }
  });

  it('were done once each: one run, one of every event, one table, an invitation', async () => {
    expect(await count(tenants)).toBe(orders);
    const { rows: runs } = await pair.postgres.query<{ runs: number; events: Record<string, number> }>(
      `select (select count(*)::integer from provisioning_runs where tenant_id = tenants.id) as runs,
              (select jsonb_object_agg(event, times) from (
                 select event, count(*) as times from audit_events where tenant_id = tenants.id group by event) as each) as events
         ${tenants}`,
    );
    for (const { runs: made, events } of runs) {
      expect(made).toBe(1);
      expect(events).toMatchObject({
        'tenant.registration.submitted': 1,
        'tenant.registration.taken': 1,
        'tenant.registration.approved': 1,
        'tenant.provisioning.started': 1,
        'tenant.created': 1,
        'tenant.activated': 1,
        'tenant.provisioning.completed': 1,
      });
    }
    expect(await count(`from orders where attention is not null`)).toBe(0);
    const { rows: ids } = await pair.postgres.query<{ id: string }>(`select id ${tenants}`);
    const tables = await createTestTables().list(`${pair.tablePrefix}-tenant-`);
    const made = tables.map((name) => name.slice(`${pair.tablePrefix}-tenant-`.length));
    expect(made).toEqual(expect.arrayContaining(ids.map(({ id }) => id)));
    // And the platform's.
    expect(made).toHaveLength(orders + 1);
    const invitations = countBy(
      (await pair.mails()).filter(({ text }) => text.includes('/invitation/')).map(({ to }) => to),
    );
    expect(Object.keys(invitations)).toHaveLength(orders);
  });
});

/** Mulberry32: uniform in [0, 1), the same for the same seed. */
function seededRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
