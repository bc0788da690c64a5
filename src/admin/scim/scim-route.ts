import type { Context } from 'koa';
import { Type } from 'typebox';
import type { ApplicationTenant } from '../../identity/application-tenant.ts';
import type { Postgres, Queryable } from '../../platform/postgres.ts';
import { type JsonBody, readJsonBody } from '../../web/body.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import type { Answer } from '../answer.ts';
import type { Answers } from '../answer-schema.ts';
import { answerOnce } from '../idempotency.ts';
import { type OpenPeopleDependencies, openVisiblePeople, type VisiblePeople } from '../people/open-people.ts';
import type { Route } from '../route.ts';
import { scimErrorAnswer, scimMediaType } from './scim-error.ts';

export interface ScimDependencies extends OpenPeopleDependencies {
  postgres: Postgres;
  publicUrl: URL;
}

/** What every SCIM request has: the people that it may see, and the application tenant that it is about. */
export interface ScimRequest {
  caller: TenantCaller;
  people: VisiblePeople;
  applicationTenant: ApplicationTenant;
  /** Where the resources of this application tenant are, without a slash at the end. */
  base: string;
  /** Of the resource, from the path. */
  id: string;
  query: Readonly<Record<string, string>>;
  body: JsonBody;
  /** Opaque versions of `If-Match`; absent: the client does not say. */
  ifMatch: readonly string[] | undefined;
  /** Commits when the answer is no error. */
  transaction: Queryable;
}

export interface ScimRouteDefinition {
  method: Route['method'];
  /** After the base. */
  path: string;
  operation: string;
  summary: string;
  answers: Answers;
  handle(request: ScimRequest): Promise<Answer>;
}

/** For the API's document; RFC 7644 says what these mean, and that others are passed over. */
const text = Type.Optional(Type.String());
const scimQuery = Type.Object({
  filter: text,
  startIndex: Type.Optional(Type.Integer()),
  count: Type.Optional(Type.Integer()),
  attributes: text,
  excludedAttributes: text,
});
const scimBody = Type.Object({}, { description: 'RFC 7643, RFC 7644' });

export const scimPath = '/api/tenants/{slug}/scim/{applicationTenantId}/v2';

/**
 * Routes of SCIM 2.0 (RFC 7644), for each application tenant at an address of its own. They differ from the other routes in media type, error
 * format and the way in which changes are described, and so are a kind of their own.
 */
export function scimRoutes(
  access: AccessRules,
  dependencies: ScimDependencies,
  definitions: readonly ScimRouteDefinition[],
): Route[] {
  const admit = access.applicationTenant('scim');
  return definitions.map(({ method, path, handle, ...description }) => ({
    ...description,
    method,
    path: `${scimPath}${path}`,
    needs: admit.needs,
    takes: method === 'GET' || method === 'DELETE' ? { query: scimQuery } : { body: scimBody },
    async handle(context, params) {
      try {
        const caller = await admit(context, params);
        const people = await openVisiblePeople(dependencies, caller);
        const choose = method === 'GET' ? people.choose : people.chooseToChange;
        const applicationTenant = await choose(params.applicationTenantId);
        const base = `${dependencies.publicUrl.origin}/api/tenants/${caller.slug}/scim/${applicationTenant.id}/v2`;
        const hasBody = method !== 'GET' && method !== 'DELETE';
        const body = hasBody ? await readJsonBody(context, scimMediaType) : {};
        const work = (transaction: Queryable) =>
          handle({
            caller,
            people,
            applicationTenant,
            base,
            id: params.id ?? '',
            query: singleValues(context),
            body,
            ifMatch: readVersions(context),
            transaction,
          });
        const repeatable = {
          key: context.get('Idempotency-Key'),
          scope: [method, context.path, caller.key],
          body,
        };
        const answer = await (method === 'GET'
          ? work(dependencies.postgres)
          : answerOnce(dependencies, repeatable, work));
        return { ...answer, headers: { ...answer.headers, 'Content-Type': scimMediaType } };
      } catch (error) {
        return scimErrorAnswer(error);
      }
    },
  }));
}

/** The first of each: SCIM knows no parameter that is given twice. */
function singleValues({ query }: Context): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, (Array.isArray(value) ? value[0] : value) ?? '']),
  );
}

/** SCIM's entity tags are weak (RFC 7644 §3.14). */
function readVersions(context: Context): string[] | undefined {
  const header = context.get('If-Match').trim();
  return header === '' || header === '*'
    ? undefined
    : header.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
}
