import type { KeyStore } from './cloud/keys/port.ts';
import type { Mailer } from './cloud/mail/port.ts';
import type { Tables } from './cloud/tables/port.ts';
import { createMailQueue } from './identity/mail-queue.ts';
import type { Clock } from './kernel/clock.ts';
import type { Random } from './kernel/random.ts';
import type { TenantRecord } from './kernel/tenant.ts';
import type { Log } from './platform/log.ts';
import { type Repetition, repeat } from './platform/repeat.ts';
import type { Directory } from './tenancy/directory.ts';

export interface MailSweep {
  /** One round over all tenants. */
  deliverDue(signal?: AbortSignal): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

const everyMs = 300_000;

/**
 * Sends what processes that have ended left in the tenants' mail queues; a process looks after its own mails as long as it lives. One
 * small index read per tenant and round.
 */
export function createMailSweep({
  directory,
  tables,
  keyStore,
  mailer,
  clock,
  random,
  log,
}: {
  directory: Pick<Directory, 'list'>;
  tables: Pick<Tables, 'open'>;
  keyStore: KeyStore;
  /** Hands a mail to the server that delivers it. */
  mailer: Mailer;
  clock: Clock;
  random: Random;
  log: Log;
}): MailSweep {
  let repetition: Repetition | undefined;

  async function deliverOf(record: TenantRecord): Promise<void> {
    const sealer = keyStore.forTenant(record.id);
    const table = tables.open(record.tableName);
    try {
      await createMailQueue({ table, sealer, mailer, clock, random, log }).deliverDue();
    } catch (error) {
      log.warn({ err: error, tenant: record.slug }, 'the mails of a tenant could not be looked at');
    }
  }

  async function deliverDue(signal?: AbortSignal): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await directory.list(cursor === undefined ? {} : { cursor });
      for (const record of page.tenants) {
        if (signal?.aborted) return;
        if (record.status === 'active') await deliverOf(record);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  return {
    deliverDue,
    start() {
      repetition ??= repeat(deliverDue, { what: 'looking for mails of tenants', everyMs, log });
    },
    async stop() {
      await repetition?.stop();
      repetition = undefined;
    },
  };
}
