import { createHash } from 'node:crypto';
import { ConditionFailed, type ItemKey, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { Lane } from './attempt-lanes.ts';

/** What is known of a lane. */
export interface AttemptCount {
  failures: number;
  /** Milliseconds since the epoch: the last failure. Absent when there was none. */
  at?: number;
}

export interface AttemptCounters {
  read(lane: Lane): Promise<AttemptCount>;
  /** Counts one failure more, or `by` failures, and returns how many there are now. */
  add(lane: Lane, by?: number): Promise<number>;
  /** Counts one failure more if there are still as many as were read. False for all but one of those who read the same. */
  claim(lane: Lane, read: AttemptCount): Promise<boolean>;
  clear(lane: Lane): Promise<void>;
}

const firstWaitSeconds = 5;

/** Whole seconds until the lane takes another attempt; 0 when it does now. */
export function waitSeconds(
  { free, maxWaitSeconds }: Lane,
  { failures, at }: AttemptCount,
  clock: Clock,
): number {
  if (failures < free || at === undefined) {
    return 0;
  }
  const doublings = Math.min(failures - free, 20);
  const endsAt = at + Math.min(maxWaitSeconds, firstWaitSeconds * 2 ** doublings) * 1_000;
  return Math.max(0, Math.ceil((endsAt - clock.now()) / 1_000));
}

/**
 * Counts of failed attempts. The window is part of the key, so a count begins anew without anybody's doing, and every write is one unconditional
 * increment that no other can lose.
 */
export function createAttemptCounters({ table, clock }: { table: Table; clock: Clock }): AttemptCounters {
  /** `endsAt` in epoch seconds. */
  function windowOf({ key, windowSeconds }: Lane): { itemKey: ItemKey; endsAt: number } {
    const shift = createHash('sha256').update(key).digest().readUInt32BE() % windowSeconds;
    const index = Math.floor((epochSeconds(clock) + shift) / windowSeconds);
    return {
      itemKey: { pk: `Attempts#${key}`, sk: String(index) },
      endsAt: (index + 1) * windowSeconds - shift,
    };
  }

  return {
    async read(lane) {
      const item = await table.get(windowOf(lane).itemKey);
      return item ? { failures: Number(item.failures), at: Number(item.at) } : { failures: 0 };
    },

    async add(lane, by = 1) {
      const { itemKey, endsAt } = windowOf(lane);
      const set = by > 0 ? { at: clock.now(), expiresAt: endsAt } : { expiresAt: endsAt };
      return Number((await table.update(itemKey, { add: { failures: by }, set })).failures);
    },

    async claim(lane, { failures }) {
      const { itemKey, endsAt } = windowOf(lane);
      try {
        await table.update(itemKey, { add: { failures: 1 }, set: { at: clock.now(), expiresAt: endsAt } }, [
          { attribute: 'failures', equals: failures },
        ]);
        return true;
      } catch (error) {
        if (error instanceof ConditionFailed) return false;
        throw error;
      }
    },

    async clear(lane) {
      await table.delete(windowOf(lane).itemKey);
    },
  };
}
