import { finished } from 'node:stream/promises';
import type { Context } from 'koa';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Log } from '../platform/log.ts';
import { type ReadClientIp, shortAddress } from '../web/client-ip.ts';
import { describeUserAgent } from '../web/user-agent.ts';
import type { Account } from './account.ts';
import { type Activity, activityPlace, toActivityItem } from './activity.ts';
import { type ActivityList, createActivityList } from './activity-list.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';
import type { MailDispatch } from './mail-dispatch.ts';

type ActiveAccount = Pick<Account, 'id' | 'applicationTenantId'>;

/** What is to be noted. */
export interface Happening
  extends Pick<Activity, 'kind' | 'clientId' | 'methods' | 'factor' | 'reason'>,
    Partial<Pick<Activity, 'userId'>> {
  /** Whose it is, or how to find out once the request is answered: its time must not tell. Left out for what is nobody's. */
  account?: ActiveAccount | (() => Promise<ActiveAccount | undefined>);
  /** Where it belongs when it turns out to be nobody's. */
  applicationTenantId?: string | undefined;
}

/** The request by which it happens, or what was read of it. */
export type HappeningOrigin =
  | Pick<Context, 'req' | 'res' | 'get'>
  | { clientIp?: string; userAgent?: string | undefined };

/** What happens in one tenant, for its administrators to read. */
export interface ActivityLog extends ActivityList {
  /**
   * Returns at once and never throws: what cannot be noted has happened all the same. One write each, in the background. What says neither whose
   * it is nor where it belongs is the tenant's own.
   */
  note(happening: Happening, origin: HappeningOrigin): void;
}

/** Makes the log of each tenant. */
export interface ActivityLogs {
  of(table: Table): ActivityLog;
}

/** Nothing is kept. */
export const noActivityLogs: ActivityLogs = {
  of: () => ({ note() {}, list: async () => ({ activities: [] }), async *all() {} }),
};

const daySeconds = 86_400;

export function createActivityLogs({
  days,
  addresses,
  dispatch,
  readClientIp,
  clock,
  random,
  log,
}: {
  /** How long each is kept; with 0 nothing is. */
  days: number;
  /** Whether client addresses are kept as they are. */
  addresses: 'full' | 'short';
  dispatch: Pick<MailDispatch, 'run'>;
  readClientIp: ReadClientIp;
  clock: Clock;
  random: Random;
  log: Log;
}): ActivityLogs {
  if (days === 0) {
    return noActivityLogs;
  }

  function placeOf(origin: HappeningOrigin): Pick<Activity, 'address' | 'device'> {
    const { clientIp = '', userAgent } =
      'req' in origin ? { clientIp: readClientIp(origin.req), userAgent: origin.get('User-Agent') } : origin;
    const device = describeUserAgent(userAgent);
    return {
      ...(clientIp === '' ? {} : { address: addresses === 'full' ? clientIp : shortAddress(clientIp) }),
      ...(device === '' ? {} : { device }),
    };
  }

  async function findLater<T>(find: () => Promise<T>, origin: HappeningOrigin): Promise<T> {
    if ('res' in origin) {
      // Rejects when the client goes away before the end; the request is over then, too.
      await finished(origin.res).catch(() => {});
    }
    return find();
  }

  return {
    of: (table) => ({
      ...createActivityList({ table, days, clock }),

      note({ account: given, applicationTenantId, ...rest }, origin) {
        const now = clock.now();
        const place = placeOf(origin);
        dispatch.run(async () => {
          try {
            const account = typeof given === 'function' ? await findLater(given, origin) : given;
            const id = randomId(random);
            const activity: Activity = {
              id,
              at: new Date(now).toISOString(),
              ...rest,
              ...place,
              ...(account === undefined ? {} : { userId: account.id }),
              applicationTenantId:
                account?.applicationTenantId ?? applicationTenantId ?? defaultApplicationTenantId,
            };
            const partition =
              account === undefined ? activityPlace.ofNobody(id) : activityPlace.ofPerson(account.id);
            await table.put(toActivityItem(activity, partition, Math.ceil(now / 1_000) + days * daySeconds));
          } catch (error) {
            log.error({ err: error, kind: rest.kind, table: table.name }, 'an activity could not be noted');
          }
        });
      },
    }),
  };
}
