import { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import { activityKinds } from '../../identity/activity.ts';
import type { ActivityFilter } from '../../identity/activity-list.ts';
import type { ActivityLogs } from '../../identity/activity-log.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json, ndjson } from '../answer-schema.ts';
import { activityPageSchema, activitySchema } from '../answers/activity.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { applicationTenantField } from '../people/schemas.ts';
import { defaultPageSize, pageFields, querySchema, tokenSchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

const picks = {
  ...applicationTenantField,
  kind: Type.Optional(Type.Enum([...activityKinds])),
  userId: Type.Optional(tokenSchema),
  from: Type.Optional(Type.String({ format: 'date-time' })),
  to: Type.Optional(Type.String({ format: 'date-time' })),
};
const listSchema = querySchema({ ...pageFields, ...picks });
const exportSchema = querySchema(picks);

export interface ActivityRoutesDependencies extends OpenPeopleDependencies {
  activityLogs: ActivityLogs;
}

/** What people do in a tenant, and clients about themselves; of one application tenant at a time (E2). */
export function activityRoutes(
  { read }: RouteKinds,
  access: AccessRules,
  dependencies: ActivityRoutesDependencies,
): Route[] {
  async function open(
    caller: TenantCaller,
    { applicationTenant, from, to, ...rest }: Static<typeof exportSchema>,
  ) {
    const { stores, choose } = await openVisiblePeople(dependencies, caller);
    const { id: applicationTenantId } = await choose(applicationTenant);
    const filter: ActivityFilter = {
      ...rest,
      applicationTenantId,
      ...(from === undefined ? {} : { from: new Date(from) }),
      ...(to === undefined ? {} : { to: new Date(to) }),
    };
    return { filter, log: dependencies.activityLogs.of(stores.table) };
  }

  return [
    read({
      path: '/api/tenants/{slug}/activity',
      operation: 'listActivity',
      summary: 'Read what people have done, the newest first',
      answers: { 200: json(activityPageSchema) },
      access: access.applicationTenant('activity:read'),
      query: listSchema,
      async handle({ caller, query: { limit = defaultPageSize, cursor, ...picked } }) {
        const { filter, log } = await open(caller, picked);
        return { status: 200, body: await log.list({ ...filter, limit, cursor }) };
      },
    }),
    read({
      path: '/api/tenants/{slug}/activity/export',
      operation: 'exportActivity',
      summary: 'Export what people have done as NDJSON, the newest first',
      answers: { 200: ndjson(activitySchema) },
      access: access.applicationTenant('activity:read'),
      query: exportSchema,
      async handle({ caller, query }) {
        const { filter, log } = await open(caller, query);
        return {
          status: 200,
          headers: {
            'Content-Type': 'application/x-ndjson; charset=utf-8',
            'Content-Disposition': `attachment; filename="activity-${caller.slug}.ndjson"`,
          },
          body: Readable.from(linesOf(log.all(filter)), { highWaterMark: 1 }),
        };
      },
    }),
  ];
}

async function* linesOf(items: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  for await (const item of items) yield `${JSON.stringify(item)}\n`;
}
