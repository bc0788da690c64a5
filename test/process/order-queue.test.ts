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

/**
 * Notes when a job is begun and when that attempt ends, as the database lets one happen after the other. The job's own times will not do: they
 * are those of transactions, and whoever takes a job begins its transaction before the job in front has ended, and waits in it.
 */
const witness = `
  create table job_moves (sequence bigserial, order_id text, what text);
  create function note_job_move() returns trigger language plpgsql as $$
  declare was_active boolean := tg_op <> 'INSERT' and old.state = 'active';
  declare is_active boolean := tg_op <> 'DELETE' and new.state = 'active';
  begin
    if coalesce(new.name, old.name) = 'registration-intake' and was_active <> is_active then
      insert into job_moves (order_id, what)
      values (coalesce(new.data, old.data) ->> 'orderId', case when is_active then 'begun' else 'ended' end);
    end if;
    return null;
  end $$;
  create trigger note_job_move after insert or update or delete on pgboss.job
    for each row execute function note_job_move()`;

let pair: TwoServers;
beforeAll(async () => {
  pair = await openTwoServers();
  await pair.startBoth();
  await pair.postgres.query(obstacles);
  await pair.postgres.query(witness);
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

/** How many intake jobs of this test have not ended. */
async function countOpenJobs(): Promise<number> {
  const { rows } = await pair.postgres.query<{ open: number }>(
    `select count(*)::integer as open
       from pgboss.job join orders on orders.id = data ->> 'orderId'
      where job.name = 'registration-intake' and position > $1 and completed_on is null`,
    [lastPosition],
  );
  return rows[0]?.open ?? 0;
}

/** When intake jobs of this test were begun and ended. */
async function readMoves(): Promise<{ order: string; what: string }[]> {
  const { rows } = await pair.postgres.query<{ order: string; what: string }>(
    `select order_id as order, what from job_moves join orders on orders.id = order_id
      where position > $1 order by sequence`,
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

/** No attempt at a job begins before the one before it has ended, and jobs are done in the order of their orders. */
async function expectOneByOne(orders: readonly OrderRow[]): Promise<void> {
  await eventually('all jobs have ended', 40, async () => (await countOpenJobs()) === 0);
  const moves = await readMoves();
  for (let index = 0; index < moves.length; index += 2) {
    const [begun, ended] = moves.slice(index, index + 2);
    expect([begun?.what, ended?.what, ended?.order]).toEqual(['begun', 'ended', begun?.order]);
  }
  // A job that was taken before its turn is handed back; the last attempt counts.
  const done = moves
    .map(({ order }) => order)
    .filter((order, index, all) => all.lastIndexOf(order) === index);
  expect(done).toEqual(orders.map(({ id }) => id));
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
