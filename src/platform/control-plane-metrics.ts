import { Gauge } from 'prom-client';
import type { Metrics } from './metrics.ts';
import type { Queryable } from './postgres.ts';
import { queueSchema } from './queue-order.ts';

/** How old the figures of one scrape may be: whoever scrapes often asks the database no more often for it. */
const keptMs = 5_000;
const queryTimeoutMs = 3_000;

/** Runs that ended within this time make up the success rate. */
const successWindow = '24 hours';

interface Definition {
  name: string;
  help: string;
  labels?: readonly string[];
  /** One row per series: `value`, and a text per label. */
  query: string;
}

/**
 * Figures about the control plane as a whole, read from PostgreSQL when Prometheus asks. Every process tells the same of them: use `max`, not
 * `sum`. When PostgreSQL does not answer they are absent and `tenantry_control_plane_up` is 0.
 */
const definitions: readonly Definition[] = [
  {
    name: 'provisioning_success_rate',
    help: `Share of the provisioning runs that ended in the last ${successWindow} that succeeded; absent when none ended.`,
    query: `select count(*) filter (where state = 'succeeded')::float8 / count(*) as value from provisioning_runs
             where kind = 'provision' and finished_at > now() - interval '${successWindow}' having count(*) > 0`,
  },
  {
    name: 'tenantry_provisioning_runs',
    help: 'Provisioning runs by state.',
    labels: ['kind', 'state'],
    query: 'select kind, state, count(*)::float8 as value from provisioning_runs group by kind, state',
  },
  {
    name: 'tenantry_orders',
    help: 'Registration orders by status.',
    labels: ['status'],
    query: 'select status, count(*)::float8 as value from orders group by status',
  },
  {
    name: 'tenantry_orders_attention',
    help: 'Orders that an operator must look at.',
    query: 'select count(*)::float8 as value from orders where attention is not null',
  },
  {
    name: 'tenantry_order_oldest_waiting_seconds',
    help: 'Age of the oldest order that waits for a decision.',
    query: `select extract(epoch from now() - min(created_at))::float8 as value from orders
             where status in ('Submitted', 'In-Process') having count(*) > 0`,
  },
  {
    name: 'tenantry_tenants',
    help: 'Tenants by status.',
    labels: ['status'],
    query: 'select status, count(*)::float8 as value from tenants group by status',
  },
  {
    name: 'tenantry_tenants_provisioning',
    help: 'Tenants by provisioning state.',
    labels: ['state'],
    query:
      'select provisioning_state as state, count(*)::float8 as value from tenants group by provisioning_state',
  },
  {
    name: 'tenantry_provisioning_step_failing_seconds',
    help: 'How long that step of a run has been failing that waits longest for something outside to answer again.',
    query: `select extract(epoch from now() - min(failing_since))::float8 as value
              from provisioning_steps as step join provisioning_runs as run on run.id = step.run_id
             where failing_since is not null and run.state in ('running', 'undoing') having count(*) > 0`,
  },
  {
    name: 'tenantry_standing_pending_seconds',
    help: 'Age of the oldest decision about a tenant (a block, a suspension, a deletion) that is not in force yet.',
    query: `select extract(epoch from now() - min(standing_changed_at))::float8 as value
              from tenants where standing > standing_applied having count(*) > 0`,
  },
  {
    name: 'tenantry_queue_jobs',
    help: 'Jobs that wait or run, by queue.',
    labels: ['queue', 'state'],
    query: `select name as queue, state::text as state, count(*)::float8 as value from ${queueSchema}.job
             where state <= 'active' group by name, state`,
  },
  {
    name: 'tenantry_queue_oldest_seconds',
    help: 'Age of the oldest job that waits or runs, by queue.',
    labels: ['queue'],
    query: `select name as queue, extract(epoch from now() - min(greatest(created_on, start_after)))::float8 as value
              from ${queueSchema}.job where state <= 'active' and start_after <= now() group by name`,
  },
  {
    name: 'tenantry_messages',
    help: 'Mail and webhook messages that wait or were given up.',
    labels: ['channel', 'state'],
    query: `select channel, state, count(*)::float8 as value from outbox where state <> 'delivered' group by channel, state`,
  },
  {
    name: 'tenantry_message_oldest_waiting_seconds',
    help: 'Age of the oldest message that waits, by channel.',
    labels: ['channel'],
    query: `select channel, extract(epoch from now() - min(created_at))::float8 as value
              from outbox where state = 'waiting' group by channel`,
  },
  {
    name: 'tenantry_reconciler_findings',
    help: 'What the last reconciliation found to differ from the records, and left so.',
    labels: ['kind'],
    query: `select kind, (select count(*) from jsonb_array_elements(discrepancies) as each
                           where each ->> 'kind' = kind and each ->> 'repair' is distinct from 'done')::float8 as value
              from (select discrepancies from reconciliations where state = 'done' order by position desc limit 1) as last,
                   unnest(array['orphan', 'missing', 'drift']) as kind`,
  },
  {
    name: 'tenantry_reconciler_unchecked',
    help: 'What the last reconciliation could not look at.',
    query: `select jsonb_array_length(unchecked)::float8 as value
              from reconciliations where state = 'done' order by position desc limit 1`,
  },
  {
    name: 'tenantry_reconciler_age_seconds',
    help: 'Age of the last reconciliation.',
    query: `select extract(epoch from now() - finished_at)::float8 as value
              from reconciliations where state = 'done' order by position desc limit 1`,
  },
  {
    name: 'tenantry_tenant_health',
    help: 'Active tenants by how they were found when they were last looked at.',
    labels: ['status'],
    query: `select status, (select count(*) from tenant_health where tenant_health.status = known.status)::float8 as value
              from unnest(array['healthy', 'unhealthy']) as known (status)`,
  },
  {
    name: 'tenantry_tenant_health_oldest_seconds',
    help: 'How long ago that active tenant was looked at that was looked at longest ago.',
    query: `select extract(epoch from now() - min(checked_at))::float8 as value from tenant_health having count(*) > 0`,
  },
  {
    name: 'tenantry_audit_unsigned_seconds',
    help: 'Age of the oldest audit chain head that no checkpoint covers.',
    query: `select extract(epoch from now() - min(updated_at))::float8 as value
              from audit_heads where events > checkpointed having count(*) > 0`,
  },
];

type Row = Record<string, unknown> & { value: number };

/** Registers the figures; nothing is asked before the first scrape. */
export function watchControlPlane({ registry }: Pick<Metrics, 'registry'>, db: Queryable): void {
  const registers = [registry];
  let read: { at: number; rows: Promise<Map<string, Row[]> | undefined> } | undefined;

  /** One reading serves all gauges of a scrape. */
  function readAll(): Promise<Map<string, Row[]> | undefined> {
    const now = performance.now();
    if (read === undefined || now - read.at > keptMs) {
      read = { at: now, rows: within(queryTimeoutMs, readDefinitions(db)).catch(() => undefined) };
    }
    return read.rows;
  }

  for (const { name, help, labels = [] } of definitions) {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers,
      async collect() {
        if (labels.length === 0) {
          // A reset would leave 0, which is a figure, too.
          this.remove();
        } else {
          this.reset();
        }
        for (const row of (await readAll())?.get(name) ?? []) {
          this.set(Object.fromEntries(labels.map((label) => [label, String(row[label])])), row.value);
        }
      },
    });
  }
  new Gauge({
    name: 'tenantry_control_plane_up',
    help: 'Whether PostgreSQL answers this process.',
    registers,
    async collect() {
      this.set((await readAll()) === undefined ? 0 : 1);
    },
  });
}

async function readDefinitions(db: Queryable): Promise<Map<string, Row[]>> {
  const rows = new Map<string, Row[]>();
  for (const { name, query } of definitions) {
    rows.set(name, (await db.query<Row>(query)).rows);
  }
  return rows;
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the database does not answer in time')), ms);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
