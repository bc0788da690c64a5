import type { Query, Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { isAccountId } from './account.ts';
import { type Activity, type ActivityKind, activityPlace, positionOf, readActivity } from './activity.ts';

export interface ActivityFilter {
  applicationTenantId: string;
  kind?: ActivityKind | undefined;
  userId?: string | undefined;
  /** From this moment on. */
  from?: Date | undefined;
  /** Before this moment. */
  to?: Date | undefined;
}

export interface ActivityPage {
  activities: Activity[];
  /** Where to go on; also of a page that is not full, when much had to be read for it. */
  cursor?: string;
}

export interface ActivityList {
  /** Newest first. A cursor that is none of ours: `AppError('invalid_request')`. */
  list(filter: ActivityFilter & { limit: number; cursor?: string | undefined }): Promise<ActivityPage>;
  /** All of them, newest first. */
  all(filter: ActivityFilter): AsyncGenerator<Activity, void, undefined>;
}

/** Where a list has come: everything below `position` is still to be seen, on this day and on those before it. */
interface Place {
  day: string;
  position: string;
}

/** Queries that one page may cost: days on which nothing happened cost one each. */
const maxReads = 40;
const readAtOnce = 100;
const dayMs = 86_400_000;

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** What `activity-log.ts` has noted in one tenant. What is older than `days` is not there any more, whether or not the store has removed it. */
export function createActivityList({
  table,
  days,
  clock,
}: {
  table: Table;
  days: number;
  clock: Clock;
}): ActivityList {
  /** A person's are one after the other, in one partition; an application tenant's in one for each day. */
  function queryOf({ applicationTenantId, userId }: ActivityFilter, { day, position }: Place): Query {
    return userId === undefined
      ? { index: 'gsi1', pk: activityPlace.ofDay(applicationTenantId, day), skBelow: position }
      : { pk: activityPlace.ofPerson(userId), skBelow: activityPlace.prefix + position };
  }

  async function list({
    limit,
    cursor,
    ...filter
  }: ActivityFilter & { limit: number; cursor?: string | undefined }): Promise<ActivityPage> {
    const now = clock.now();
    const earliest = new Date(Math.max(now - days * dayMs, filter.from?.getTime() ?? 0)).toISOString();
    const latest = Math.min(now + 1, filter.to?.getTime() ?? Number.POSITIVE_INFINITY);
    const activities: Activity[] = [];
    if ((filter.userId !== undefined && !isAccountId(filter.userId)) || latest <= 0) {
      return { activities };
    }
    let place: Place = { day: dayOf(latest), position: new Date(latest).toISOString() };
    if (cursor !== undefined) {
      const position = parseCursor(cursor);
      place = position < place.position ? { day: position.slice(0, 10), position } : place;
    }

    for (let reads = 0; reads < maxReads; reads += 1) {
      if (place.position <= earliest) {
        return { activities };
      }
      const isPicky = filter.kind !== undefined || filter.userId !== undefined;
      const page = await table.query({
        ...queryOf(filter, place),
        order: 'descending',
        limit: isPicky ? readAtOnce : limit - activities.length,
      });
      for (const item of page.items) {
        const isActivity = item.sk.startsWith(activityPlace.prefix);
        const position = positionOf(item);
        if (!isActivity || position < earliest) {
          return { activities };
        }
        place = { day: position.slice(0, 10), position };
        const activity = readActivity(item);
        if (isWanted(activity, filter) && (item.expiresAt ?? 0) > epochSeconds(clock)) {
          activities.push(activity);
        }
        if (activities.length === limit) {
          return { activities, cursor: toCursor(position) };
        }
      }
      if (page.cursor === undefined) {
        if (filter.userId !== undefined) {
          return { activities };
        }
        place = { day: dayOf(Date.parse(place.day) - dayMs), position: place.day };
      }
    }
    return { activities, cursor: toCursor(place.position) };
  }

  return {
    list,
    async *all(filter) {
      let cursor: string | undefined;
      do {
        const page = await list({ ...filter, limit: readAtOnce, cursor });
        yield* page.activities;
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
  };
}

function isWanted(activity: Activity, { kind, applicationTenantId }: ActivityFilter): boolean {
  return (
    (kind === undefined || activity.kind === kind) && activity.applicationTenantId === applicationTenantId
  );
}

function toCursor(position: string): string {
  return Buffer.from(position).toString('base64url');
}

/** A day, or a position on one. Whoever makes one up sees no more than what is below it. */
const positionPattern = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z#[\w-]{1,64})?$/;

function parseCursor(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString();
  if (!positionPattern.test(position) || Number.isNaN(Date.parse(position.slice(0, 10)))) {
    throw new AppError('invalid_request', 'The cursor is not valid.', {
      fields: [{ field: 'cursor', message: 'must be a cursor of a previous page of the same list' }],
    });
  }
  return position;
}
