import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { OutboxMail } from '../../src/cloud/mail/outbox.ts';
import { startEmbeddedDynamodb } from '../../src/embedded/dynamodb.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { connectPostgres } from '../../src/platform/postgres.ts';
import { readMails } from '../support/outbox.ts';
import { silentLog } from '../support/services.ts';

/** Everything that a stopped server has stored, for all tenants at once. */
export interface StoredState {
  tenants: { id: string; slug: string; status: string; provisioning: string }[];
  /** Slug to state. */
  slugs: Record<string, string>;
  /** Slug to status. */
  directory: Record<string, string>;
  /** Tenant ids, one for each tenant table that exists. */
  tables: string[];
  /** `<tenant id> <kid>` of each signing key that exists. */
  keys: string[];
  /** The same of each that the directory names. */
  listedKeys: string[];
  openRuns: number;
  leases: number;
  unfinishedJobs: number;
  /** Slug to the events of its tenant's audit chain. */
  audited: Record<string, string[]>;
  /** Slug to what the tenant's table holds, by kind. */
  contents: Record<string, Record<string, number>>;
  mails: OutboxMail[];
}

const tenantTables = 'tenantry-tenant-';

/** Opens the storage of a data directory that no server uses, as the next one would, reads all and closes it. */
export async function readStoredState(dataDir: string): Promise<StoredState> {
  await using stack = new AsyncDisposableStack();
  const server = await startEmbeddedPostgres({
    directory: join(dataDir, 'postgres'),
    random: systemRandom,
    log: silentLog,
  });
  stack.defer(() => server.stop());
  const dynamodb = await startEmbeddedDynamodb({
    directory: join(dataDir, 'dynamodb'),
    random: systemRandom,
  });
  stack.defer(() => dynamodb.stop());
  const postgres = connectPostgres({ connectionString: server.connectionString, log: silentLog });
  stack.defer(() => postgres.close());
  const client = new DynamoDBClient(dynamodb);
  stack.defer(() => client.destroy());
  const documents = DynamoDBDocumentClient.from(client);

  async function scan(table: string): Promise<Record<string, string>[]> {
    const items: Record<string, string>[] = [];
    for await (const page of paginateScan({ client: documents }, { TableName: `tenantry-${table}` })) {
      items.push(...((page.Items ?? []) as Record<string, string>[]));
    }
    return items;
  }

  const { rows: tenants } = await postgres.query<StoredState['tenants'][number]>(
    'select id, slug, status, provisioning_state as provisioning from tenants order by created_at, id',
  );
  const { rows: slugs } = await postgres.query<{ slug: string; state: string }>(
    'select slug, state from slugs',
  );
  const count = async (what: string) =>
    (await postgres.query<{ count: number }>(`select count(*)::integer as count from ${what}`)).rows[0]
      ?.count ?? Number.NaN;
  const { rows: events } = await postgres.query<{ slug: string; events: string[] }>(
    `select slug, array_agg(event order by sequence) as events
       from audit_events join tenants on tenants.id = audit_events.tenant_id group by slug, tenants.id`,
  );
  const entries = await scan('directory');
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const contents = new Map<string, Record<string, number>>();
  for (const { id, slug } of tenants) {
    if (TableNames.includes(`${tenantTables}${id}`)) {
      // An account's partition holds more than the account: the words that it is found by, for instance.
      const items = (await scan(`tenant-${id}`)).filter(
        ({ pk = '', sk }) => !pk.startsWith('Account#') || sk === 'account',
      );
      contents.set(slug, countBy(items.map(({ pk = '' }) => pk.replace(/#.*/, ''))));
    }
  }

  return {
    tenants,
    slugs: Object.fromEntries(slugs.map(({ slug, state }) => [slug, state])),
    directory: Object.fromEntries(
      entries.map(({ pk = '', status = '' }) => [pk.replace('Tenant#', ''), status]),
    ),
    listedKeys: entries.flatMap(({ record = '' }) => {
      const { id, signingKeys } = JSON.parse(record) as TenantRecord;
      return signingKeys.map(({ kid }) => `${id} ${kid}`);
    }),
    tables: TableNames.filter((name) => name.startsWith(tenantTables)).map((name) =>
      name.slice(tenantTables.length),
    ),
    keys: (await scan('keys'))
      .filter(({ pk = '' }) => pk.startsWith('Key#ten_'))
      .map(({ pk = '', sk = '' }) => `${pk.replace('Key#', '')} ${sk}`),
    openRuns: await count(`provisioning_runs where state in ('running', 'undoing')`),
    leases: await count('provisioning_runs where lease_until is not null'),
    unfinishedJobs: await count(
      `pgboss.job where state < 'completed' and name ~ '^(registration-intake|tenant-provisioning)'`,
    ),
    audited: Object.fromEntries(events.map(({ slug, events: names }) => [slug, names])),
    contents: Object.fromEntries(contents),
    mails: await readMails(join(dataDir, 'outbox')),
  };
}

export function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
