import { ConditionFailed, type Item, type ItemKey, type Table } from '../../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';

export interface ConsumeOnceDependencies {
  table: Table;
  clock: Clock;
}

/** Marks an artifact as used. True for exactly one caller in the world; false when it was used before, or is gone. */
export async function consumeOnce({ table, clock }: ConsumeOnceDependencies, key: ItemKey): Promise<boolean> {
  return unlessLost(
    table.update(key, { set: { consumed: epochSeconds(clock) } }, [
      { exists: true },
      { attribute: 'consumed', absent: true },
    ]),
  );
}

/** Stores an item that was not there. True for exactly one caller in the world. */
export async function putOnce(table: Table, item: Item): Promise<boolean> {
  return unlessLost(table.put(item, [{ exists: false }]));
}

async function unlessLost(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed) return false;
    throw error;
  }
}
