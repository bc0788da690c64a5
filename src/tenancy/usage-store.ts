/**
 * What a tenant uses (B14), one item per day and per month in its own table. Figures are for planning and billing by the thousand: an increment
 * whose reply is lost may count twice, and what a process has not yet written when it is killed is not counted.
 */
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';

export type Granularity = 'day' | 'month';

export interface UsageCounts {
  /** Requests to the tenant's addresses. */
  requests: number;
  signIns: number;
  /** Answers of the token endpoint that gave tokens out. */
  tokens: number;
  /** Accounts that got tokens in the period. */
  activeUsers: number;
}

export interface UsagePeriod extends UsageCounts {
  /** `2026-01-31` or `2026-01`, in UTC. */
  period: string;
}

export interface UsageStore {
  add(granularity: Granularity, period: string, counts: Partial<UsageCounts>): Promise<void>;
  /** True the first time that the account is active in the period. */
  markActive(granularity: Granularity, period: string, accountId: string): Promise<boolean>;
  /** Periods with anything in them, from the first to the last, both included, in order. */
  read(granularity: Granularity, from: string, to: string): Promise<UsagePeriod[]>;
}

const day = 86_400;
const keptSeconds = 800 * day;
/** A marker is asked for only while its period lasts. */
const markerKeptSeconds: Readonly<Record<Granularity, number>> = { day: 3 * day, month: 35 * day };

export function createUsageStore({ table, clock }: { table: Table; clock: Clock }): UsageStore {
  return {
    async add(granularity, period, counts) {
      await table.update(
        { pk: 'Usage', sk: `${granularity}#${period}` },
        { add: counts as Record<string, number>, set: { expiresAt: epochSeconds(clock) + keptSeconds } },
      );
    },

    async markActive(granularity, period, accountId) {
      const expiresAt = epochSeconds(clock) + markerKeptSeconds[granularity];
      try {
        const marker = { pk: `Active#${granularity}#${period}`, sk: accountId, expiresAt };
        await table.put(marker, [{ exists: false }]);
        return true;
      } catch (error) {
        if (error instanceof ConditionFailed) return false;
        throw error;
      }
    },

    async read(granularity, from, to) {
      const periods: UsagePeriod[] = [];
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: 'Usage',
          skPrefix: `${granularity}#`,
          ...(cursor === undefined ? {} : { cursor }),
        });
        periods.push(...page.items.map((item) => fromItem(item, granularity)));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return periods.filter(({ period }) => period >= from && period <= to);
    },
  };
}

/** The day and the month of a moment, in UTC. */
export function periodsOf(atMs: number): Readonly<Record<Granularity, string>> {
  const date = new Date(atMs).toISOString();
  return { day: date.slice(0, 10), month: date.slice(0, 7) };
}

function fromItem(item: Item, granularity: Granularity): UsagePeriod {
  return {
    period: item.sk.slice(granularity.length + 1),
    requests: Number(item.requests ?? 0),
    signIns: Number(item.signIns ?? 0),
    tokens: Number(item.tokens ?? 0),
    activeUsers: Number(item.activeUsers ?? 0),
  };
}
