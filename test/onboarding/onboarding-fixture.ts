import type { Mail } from '../../src/cloud/mail/port.ts';
import { operatorRoles } from '../../src/identity/admin-scopes.ts';
import { createRoles } from '../../src/identity/roles.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import type { OrderId, Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { platformSlug } from '../../src/kernel/slug.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { readOrder, readOrderHistory } from '../../src/onboarding/read-orders.ts';
import { createRegistrations, type RegistrationInput } from '../../src/onboarding/registrations.ts';
import { type Queue, startQueue } from '../../src/platform/queue.ts';
import { createDirectory } from '../../src/tenancy/directory.ts';
import { testClock } from '../support/clock.ts';
import { createTestPostgres, createTestTables, silentLog, testTablePrefix } from '../support/services.ts';

export const publicUrl = new URL('https://id.example.com');
export const approver: Actor = { kind: 'operator', id: 'acc_team', email: 'team@operators.example.com' };
export const oauthTeamEmail = 'oauth@operators.example.com';

export function directoryRecord(slug: string, changes: Partial<TenantRecord> = {}): TenantRecord {
  return {
    id: `ten_${slug}` as TenantId,
    slug: slug as Slug,
    name: slug,
    kind: 'tenant',
    status: 'active',
    configVersion: 1,
    tableName: 'none',
    signingKeys: [],
    sealedCookieKeys: '',
    provisioning: { state: 'active', steps: [] },
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
}

export interface OnboardingOptions {
  approval?: 'manual' | 'automatic';
  /** Fails the mails that it throws for. */
  onMail?: (mail: Mail) => void;
}

/** Onboarding on a database, a queue and tables of its own; jobs are taken only by what `work` starts. */
export async function createOnboarding({ approval = 'manual', onMail = () => {} }: OnboardingOptions = {}) {
  const database = await createTestPostgres();
  const { postgres, connectionString } = database;
  const tables = createTestTables();
  const prefix = testTablePrefix();
  const clock = testClock();
  const platformTable = `${prefix}-tenant-platform`;
  const [queue] = await Promise.all([
    startQueue({ connectionString, log: silentLog, retryDelaysMs: [5], unavailableDelaysMs: [5] }),
    tables.create(`${prefix}-directory`),
    tables.create(platformTable),
  ]);
  const directory = createDirectory({ table: tables.open(`${prefix}-directory`), clock });
  await directory.reserve(directoryRecord(platformSlug, { kind: 'platform', tableName: platformTable }));
  const roles = createRoles({ table: tables.open(platformTable) });
  for (const role of operatorRoles) {
    await roles.put(role);
  }
  const mails: Mail[] = [];
  const mailer = {
    async send(mail: Mail) {
      onMail(mail);
      mails.push(mail);
    },
  };
  /** What the requester is told, by its kind. */
  const told: { topic: string; mail: Mail }[] = [];
  const queues: Queue[] = [queue];
  const registrationsWith = (own: Queue) =>
    createRegistrations({
      postgres,
      queue: own,
      directory,
      tables,
      mailer,
      postMail: async (_transaction, topic, mail) => void told.push({ topic, mail }),
      clock,
      random: systemRandom,
      publicUrl,
      oauthTeamEmail,
      approval,
    });
  const registrations = registrationsWith(queue);

  return {
    postgres,
    directory,
    queue,
    registrations,
    clock,
    mails,
    told,
    platformTable: tables.open(platformTable),
    submit: (changes: Partial<RegistrationInput> & { name?: string } = {}) =>
      postgres.transaction((transaction) => registrations.submit(transaction, registration(changes))),
    approve: (orderId: OrderId, actor = approver) =>
      postgres.transaction((transaction) => registrations.approve(transaction, { orderId, actor })),
    disapprove: (orderId: OrderId, actor = approver) =>
      postgres.transaction((transaction) =>
        registrations.disapprove(transaction, { orderId, actor, reason: 'Not now.' }),
      ),
    takeUp: (orderId: OrderId) => registrations.intake.run({ orderId }, new AbortController().signal),
    async order(orderId: OrderId) {
      const order = await readOrder(postgres, orderId);
      if (order === undefined) {
        throw new Error('no such order');
      }
      return order;
    },
    async history(orderId: OrderId) {
      return (await readOrderHistory(postgres, orderId)).map(({ what, by }) => `${what} by ${by}`);
    },
    async slugState(slug: string) {
      const { rows } = await postgres.query<{ state: string }>('select state from slugs where slug = $1', [
        slug,
      ]);
      return rows[0]?.state;
    },
    async jobs(name: string) {
      const { rows } = await postgres.query<{ data: unknown }>(
        'select data from pgboss.job where name = $1 order by created_on, id',
        [name],
      );
      return rows.map(({ data }) => data);
    },
    /** One more worker, as another server process would be. */
    async work(onTaken: (orderId: OrderId) => void = () => {}) {
      const own = await startQueue({
        connectionString,
        log: silentLog,
        retryDelaysMs: [5],
        unavailableDelaysMs: [5],
      });
      queues.push(own);
      const { intake } = registrationsWith(own);
      await own.work({
        'registration-intake': {
          async run(payload, signal) {
            onTaken(payload.orderId);
            await intake.run(payload, signal);
          },
          dead: intake.dead,
        },
        'tenant-provisioning': { run: async () => {}, dead: async () => {} },
      });
    },
    async close() {
      await Promise.all(queues.map((each) => each.stop()));
      await database.close();
    },
  };
}

export function registration({
  name = 'Acme Payments',
  ...changes
}: Partial<RegistrationInput> & { name?: string } = {}): RegistrationInput {
  return {
    requester: { name: 'Rita', email: 'rita@acme.example' },
    tenant: { name, features: {}, securityPolicy: {}, redirectUris: [], clientType: 'web' },
    ...changes,
  };
}
