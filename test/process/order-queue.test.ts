import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/server-process.ts';
import { call, registrationOf, type SubmittedOrder } from './server-calls.ts';
import { openTwoServers, type ServerName, serverNames, type TwoServers } from './two-servers.ts';

/** Orders whose name begins so meet a fault, or wait, when they are taken up. */
const obstacles = `
  create function obstruct_taking_up() returns trigger language plpgsql as $$
  begin
    if new.name like 'Poisoned%' then raise exception 'this order breaks whoever takes it'; end if;
    if new.name like 'Halting%' then perform pg_advisory_xact_lock(4711); end if;
    return new;
  end $$;
  create trigger obstruct_taking_up before update on orders
    for each row when (new.status = 'In-Process') execute function obstruct_taking_up()`;

let pair: TwoServers;
beforeAll(async () => {
  pair = await openTwoServers();
  await pair.startBoth();
  await pair.postgres.query(obstacles);
}, 120_000);
afterAll(() => pair.close());

interface OrderRow {
  id: string;
  name: string;
  status: string;
  attention: string | null;
  position: number;
}

let lastPosition = 0;
beforeEach(async () => {
  const { rows } = await pair.postgres.query<{ last: number }>(
    'select coalesce(max(position), 0)::integer as last from orders',
  );
  lastPosition = rows[0]?.last ?? 0;
});

/** The orders of this test, in the order in which they came. */
async function readOrders(): Promise<OrderRow[]> {
  const { rows } = await pair.postgres.query<OrderRow>(
    'select id, name, status, attention, position::integer from orders where position > $1 order by position',
    [lastPosition],
  );
  return rows;
}

interface JobRow {
  order: string;
  state: string;
  started: number;
  completed: number;
}

/** The intake jobs of this test, in the order in which they were begun. */
async function readJobs(): Promise<JobRow[]> {
  const { rows } = await pair.postgres.query<JobRow>(
    `select data ->> 'orderId' as order, job.state::text, extract(epoch from started_on)::float8 as started,
            extract(epoch from completed_on)::float8 as completed
       from pgboss.job join orders on orders.id = data ->> 'orderId'
      where job.name = 'registration-intake' and position > $1 order by started_on`,
    [lastPosition],
  );
  return rows;
}

/** When each order was taken up, in the order in which that was recorded. */
async function readTakeUps(): Promise<string[]> {
  const { rows } = await pair.postgres.query<{ order: string }>(
    `select details ->> 'orderId' as order from audit_events
       join orders on orders.id = details ->> 'orderId'
      where event = 'tenant.registration.taken' and position > $1 order by audit_events.sequence`,
    [lastPosition],
  );
  return rows.map(({ order }) => order);
}

/** Sends all registrations at once, to both servers in turn. */
async function submit(names: readonly string[]): Promise<SubmittedOrder[]> {
  return await Promise.all(
    names.map(async (name) => {
      const slug = name.toLowerCase().replaceAll(' ', '-');
      const { status, body } = await call(`${pair.origin}/api/registrations`, {
        json: { ...registrationOf(slug), name },
      });
      expect(status).toBe(202);
      return body;
    }),
  );
}

async function untilTaken(count: number, seconds: number): Promise<OrderRow[]> {
  return await eventually(`${count} orders are taken up`, seconds, async () => {
    const orders = await readOrders();
    return orders.filter(({ status }) => status === 'In-Process').length === count && orders;
  });
}

/** No job begins before the one before it has ended, and they come in the order of their orders. */
async function expectOneByOne(orders: readonly OrderRow[]): Promise<void> {
  const jobs = await eventually('all jobs have ended', 40, async () => {
    const all = await readJobs();
    return all.length === orders.length && all.every(({ completed }) => completed !== null) && all;
  });
  expect(jobs.map(({ order }) => order)).toEqual(orders.map(({ id }) => id));
  for (const [index, job] of jobs.entries()) {
    expect(job.started).toBeGreaterThanOrEqual(jobs[index - 1]?.completed ?? 0);
  }
  const taken = orders.filter(({ status }) => status === 'In-Process');
  expect(await readTakeUps()).toEqual(taken.map(({ id }) => id));
}

const named = (kind: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${kind} ${index + 1}`);

describe('orders submitted to two servers at once', () => {
  it('are taken up strictly one by one, in the order in which they came', async () => {
    await submit(named('Plain', 30));
    await expectOneByOne(await untilTaken(30, 30));
  });

  it('are not held up by one that cannot be taken: it is marked, and the next one proceeds', async () => {
    await submit([...named('Before', 4), 'Poisoned 1', ...named('After', 4)]);
    const orders = await untilTaken(8, 20);
    await expectOneByOne(orders);

    const poisoned = await eventually('the poisoned order is marked', 40, async () =>
      (await readOrders()).find(({ attention }) => attention !== null),
    );
    expect(poisoned).toMatchObject({ name: 'Poisoned 1', status: 'Submitted' });
    const { body } = await call(`${pair.origin}/api/registrations/${poisoned.id}`);
    expect(body.history.map(({ what }: { what: string }) => what)).toEqual(['Submitted', 'Attention']);
    expect(JSON.stringify(body)).not.toContain('breaks whoever takes it');
  });

  it('are all taken up, still in order, when a server is killed while it takes one', {
    timeout: 120_000,
  }, async () => {
    const gate = await holdGate();
    await submit([...named('Early', 3), 'Halting 1', ...named('Later', 6)]);
    const busy = await eventually('a server waits in the midst of an order', 40, findWaitingServer);
    await pair.kill(busy);
    await submit(named('Latest', 3));
    await gate.open();

    const orders = await untilTaken(13, 40);
    await expectOneByOne(orders);
    const teamMails = (await pair.mails()).map(({ text }) => text);
    for (const { id } of orders) {
      expect(teamMails.some((text) => text.includes(id))).toBe(true);
    }
  });
});

/** Holds the lock for which `Halting` orders wait. */
async function holdGate(): Promise<{ open(): Promise<void> }> {
  const opened = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holding = pair.postgres.transaction(async (transaction) => {
    await transaction.query('select pg_advisory_xact_lock(4711)');
    held.resolve();
    await opened.promise;
  });
  await held.promise;
  return {
    async open() {
      opened.resolve();
      await holding;
    },
  };
}

async function findWaitingServer(): Promise<ServerName | undefined> {
  const { rows } = await pair.postgres.query<{ name: string }>(
    `select application_name as name from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like 'update orders%'`,
  );
  return serverNames.find((name) => name === rows[0]?.name);
}
