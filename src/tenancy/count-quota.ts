import type { Table } from '../cloud/tables/port.ts';
import { unlessRefused } from '../cloud/tables/unless-refused.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type CountQuota, createQuotaStore, warningShare } from './quotas.ts';

export interface CountGate {
  /**
   * Takes a place and says how many are taken now, of how many if there is a limit; `AppError('quota_exceeded')` when there is none. Whoever
   * then fails to make what the place is for gives it back.
   */
  take(): Promise<{ taken: number; limit?: number }>;
  /** Gives a place back; nothing happens where none are counted. Only for whoever has removed what the place was for. */
  release(): Promise<void>;
  /** Sets the counter right by counting, when it was not for so long, and nothing has come or gone for a while. */
  recount(dueAfterMs: number): Promise<void>;
}

/** How often a counter may be set right before it refuses. */
const recountEveryMs = 60 * 60 * 1000;

/** No request takes so long: what was begun before is there, or will not be. */
const quietMs = 60 * 1000;

/**
 * Keeps a tenant to so many of something, however many processes make them at once. The counter is made when the first place is taken. A process
 * that ends in between leaves it too high, a release whose reply is lost too low, so it is set right by counting: every day, and before it
 * refuses. Not while something comes or goes: what is being made at that moment has a place, and is not there to be counted. Without a limit
 * nothing is counted, and no counter is kept. `onNear` hears when most places are taken.
 */
export function createCountGate({
  table,
  clock,
  quota,
  count,
  onNear = () => {},
}: {
  table: Table;
  clock: Clock;
  quota: CountQuota;
  /** How many there really are. */
  count: () => Promise<number>;
  onNear?: (quota: CountQuota, used: number) => void;
}): CountGate {
  const key = counterKey(quota);
  const quotas = createQuotaStore({ table, clock });

  /** `undefined`: there is no place, or no counter. */
  async function tryTake(limit: number): Promise<number | undefined> {
    const change = { add: { taken: 1 }, set: { changedAtMs: clock.now() } };
    const item = await unlessRefused(table.update(key, change, [{ attribute: 'taken', below: limit }]));
    return item && Number(item.taken);
  }

  async function recount(dueAfterMs: number): Promise<void> {
    const present = await table.get(key);
    const now = clock.now();
    const sinceMs = (attribute: 'countedAtMs' | 'changedAtMs') => now - Number(present?.[attribute] ?? 0);
    if (present && (sinceMs('countedAtMs') < dueAfterMs || sinceMs('changedAtMs') < quietMs)) {
      return;
    }
    const changedAtMs = Number(present?.changedAtMs ?? 0);
    await unlessRefused(
      table.put({ ...key, taken: await count(), countedAtMs: now, changedAtMs }, [
        present === undefined ? { exists: false } : { attribute: 'changedAtMs', equals: changedAtMs },
      ]),
    );
  }

  return {
    async take() {
      const limit = (await quotas.get())[quota];
      if (limit === undefined) return { taken: 0 };
      let taken = await tryTake(limit);
      if (taken === undefined) {
        await recount(recountEveryMs);
        taken = await tryTake(limit);
      }
      if (taken === undefined) {
        throw new AppError('quota_exceeded', `This tenant may have ${limit} ${quota}, and it has them.`);
      }
      if (taken >= limit * warningShare) {
        onNear(quota, taken);
      }
      return { taken, limit };
    },

    async release() {
      const change = { add: { taken: -1 }, set: { changedAtMs: clock.now() } };
      await unlessRefused(table.update(key, change, [{ exists: true }]));
    },

    async recount(dueAfterMs) {
      if ((await table.get(key)) !== undefined) {
        await recount(dueAfterMs);
      }
    },
  };
}

/** Makes one where there is a place for one. */
export async function inRoom<Made>(
  room: Pick<CountGate, 'take' | 'release'>,
  make: () => Promise<Made>,
): Promise<Made> {
  await room.take();
  try {
    return await make();
  } catch (error) {
    await room.release();
    throw error;
  }
}

/** With another limit the count begins anew. */
export async function forgetCounter(table: Table, quota: CountQuota): Promise<void> {
  await table.delete(counterKey(quota));
}

function counterKey(quota: CountQuota) {
  return { pk: 'Quota', sk: `count#${quota}` };
}
