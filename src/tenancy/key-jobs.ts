import type { Slug } from '../kernel/ids.ts';
import type { Log } from '../platform/log.ts';
import type { JobHandler } from '../platform/queue.ts';
import type { Directory } from './directory.ts';
import type { KeyRotation } from './rotate-keys.ts';

/** How often all tenants' keys are looked at; what is due waits no longer than that. */
export const keyJobSchedule = '* * * * *';

/** One tenant whose key store is slow must not keep all others waiting. */
const tenantsAtOnce = 4;

/**
 * The job `tenant-keys`: for one tenant, or by the schedule for all. A tenant whose keys cannot be advanced is logged; the next round by the
 * schedule tries it again.
 */
export function createKeyJob({
  directory,
  rotation,
  log,
}: {
  directory: Pick<Directory, 'list'>;
  rotation: Pick<KeyRotation, 'isDue' | 'advance'>;
  log: Log;
}): JobHandler<'tenant-keys'> {
  async function* dueTenants(): AsyncGenerator<Slug> {
    let cursor: string | undefined;
    do {
      const page = await directory.list(cursor === undefined ? {} : { cursor });
      for (const record of page.tenants) {
        if (rotation.isDue(record)) {
          yield record.slug;
        }
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  async function advance(slug: Slug, signal: AbortSignal): Promise<void> {
    try {
      await rotation.advance(slug, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ err: error, slug }, 'the keys of a tenant could not be advanced');
    }
  }

  return {
    async run({ slug: only }, signal) {
      if (only !== undefined) {
        return advance(only, signal);
      }
      const tenants = dueTenants();
      const lanes = Array.from({ length: tenantsAtOnce }, async () => {
        for await (const slug of tenants) {
          await advance(slug, signal);
        }
      });
      await Promise.all(lanes);
    },
    async dead({ slug }, reason) {
      log.error({ slug, reason }, 'a key job was given up; the next round by the schedule tries again');
    },
  };
}
