import type { Tables } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { JobHandler } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';
import { createClientRoom } from './client-room.ts';
import { createUserRoom } from './user-room.ts';

/** Every hour, so that a tenant that was busy is come back to; each counter is set right once a day. */
export const recountSchedule = '17 * * * *';

const dayMs = 86_400_000;

/** The job `tenant-recount`: sets right how many places tenants have taken (B14). One after the other: it is in no hurry, and counting reads a lot. */
export function createRecountJob({
  directory,
  tables,
  clock,
  random,
  log,
}: {
  directory: Pick<Directory, 'list'>;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
  log: Log;
}): JobHandler<'tenant-recount'> {
  async function recount({ slug, tableName }: TenantRecord, signal: AbortSignal): Promise<void> {
    const stores = { table: tables.open(tableName), clock, random };
    try {
      await createUserRoom(stores).recount(dayMs);
      await createClientRoom(stores).recount(dayMs);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ err: error, slug }, 'the places of a tenant could not be counted');
    }
  }

  return {
    async run(_payload, signal) {
      let cursor: string | undefined;
      do {
        const page = await directory.list(cursor === undefined ? {} : { cursor });
        for (const record of page.tenants.filter(({ status }) => status === 'active')) {
          signal.throwIfAborted();
          await recount(record, signal);
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
    async dead(_payload, reason) {
      log.error({ reason }, 'places were not counted; the next round by the schedule tries again');
    },
  };
}
