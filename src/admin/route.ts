import type { Context } from 'koa';
import type { Static, TSchema } from 'typebox';
import type { Clock } from '../kernel/clock.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import { readJsonBody } from '../web/body.ts';
import { type CompileOptions, compileSchema } from '../web/compile-schema.ts';
import type { Access, AccessNeeds, PathParameters } from './access.ts';
import type { Answer } from './answer.ts';
import type { Answers } from './answer-schema.ts';
import { type IfMatch, readIfMatch, requireIfMatch } from './etag.ts';
import { answerOnce } from './idempotency.ts';
import { mergePatch } from './merge-patch.ts';

/** What all kinds of routes say about themselves. */
interface Description {
  /** Parameters stand in braces, as in `/api/registrations/{orderId}`. */
  path: string;
  /** Names the route in the API's document and in clients made from it: a verb and a noun, as in `listClients`. Never changes. */
  operation: string;
  /** One line, without a full stop. */
  summary: string;
  answers: Answers;
}

/** One line of the route table. */
export interface Route extends Description {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Who may use it. */
  needs: AccessNeeds;
  /** What it takes, by the schemas that validate it; of a change, the whole of what can be changed. */
  takes: { query: TSchema } | { body: TSchema } | { document: TSchema };
  /** Media types of a body that is taken as a stream, for routes whose body no schema describes. */
  uploads?: readonly string[];
  handle(context: Context, params: PathParameters): Promise<Answer>;
}

/** Routes that belong together, under the name that they have in the API's document. */
export interface RouteGroup {
  tag: string;
  /** One sentence. */
  about: string;
  routes: readonly Route[];
}

interface ReadDefinition<Admitted, Query extends TSchema> extends Description {
  access: Access<Admitted>;
  query: Query;
  handle(request: { params: PathParameters; query: Static<Query>; caller: Admitted }): Promise<Answer>;
}

interface WriteDefinition<Admitted, Body extends TSchema, Prepared> extends Description {
  /** Default POST. */
  method?: 'POST' | 'DELETE';
  access: Access<Admitted>;
  body: Body;
  /** See `CompileOptions`. */
  problems?: CompileOptions<Body>['problems'];
  /** Asks what is outside the deployment. Before the transaction, which would hold a connection of the pool for as long as that takes. */
  prepare?(request: { params: PathParameters; body: Static<Body>; caller: Admitted }): Promise<Prepared>;
  handle(request: {
    params: PathParameters;
    body: Static<Body>;
    caller: Admitted;
    /** What `prepare` has found out. */
    prepared: Prepared;
    /** Commits with the answer. */
    transaction: Queryable;
    /** What the caller says it has seen; absent: it does not say. */
    ifMatch: IfMatch | undefined;
  }): Promise<Answer>;
}

interface ChangeDefinition<Admitted, Document extends TSchema, Prepared> extends Description {
  access: Access<Admitted>;
  /** The whole of what can be changed, not the patch. */
  document: Document;
  /** See `CompileOptions`; asked of the document as it would be. */
  problems?: CompileOptions<Document>['problems'];
  /** As of a write. */
  prepare?(request: {
    params: PathParameters;
    caller: Admitted;
    merge(current: Static<Document>): Static<Document>;
  }): Promise<Prepared>;
  handle(request: {
    params: PathParameters;
    caller: Admitted;
    prepared: Prepared;
    transaction: Queryable;
    /** What the caller says it has seen. */
    ifMatch: IfMatch;
    /** The document after the change; `AppError('validation_failed')` with every problem that it would have. */
    merge(current: Static<Document>): Static<Document>;
  }): Promise<Answer>;
}

/**
 * The kinds of routes: access first, then input, then the handler; a write in one transaction, once per `Idempotency-Key`. A change is a JSON
 * merge patch (RFC 7396) of what the caller has seen, so it needs `If-Match`. Schemas are compiled when a route is defined.
 */
export interface RouteKinds {
  read<Admitted, Query extends TSchema>(definition: ReadDefinition<Admitted, Query>): Route;
  write<Admitted extends { key: string }, Body extends TSchema, Prepared = undefined>(
    definition: WriteDefinition<Admitted, Body, Prepared>,
  ): Route;
  change<Admitted extends { key: string }, Document extends TSchema, Prepared = undefined>(
    definition: ChangeDefinition<Admitted, Document, Prepared>,
  ): Route;
}

export function createRouteKinds(dependencies: { postgres: Postgres; clock: Clock }): RouteKinds {
  /** Runs `work` once for the request, and what it wants to happen afterwards. */
  async function answer(
    context: Context,
    { key }: { key: string },
    body: unknown,
    work: (transaction: Queryable) => Promise<Answer>,
  ): Promise<Answer> {
    const scope = [context.method, context.path, key];
    const request = { key: context.get('Idempotency-Key'), scope, body };
    const result = await answerOnce(dependencies, request, work);
    await result.afterCommit?.();
    return (await result.restate?.()) ?? result;
  }

  return {
    read({ access, query, handle, ...description }) {
      const validate = compileSchema({ schema: query, coerce: true });
      return {
        ...description,
        method: 'GET',
        needs: access.needs,
        takes: { query },
        async handle(context, params) {
          const caller = await access(context, params);
          return handle({ params, caller, query: validate({ ...context.query }) });
        },
      };
    },

    write({ method = 'POST', access, body: schema, problems, prepare, handle, ...description }) {
      const validate = compileSchema(problems === undefined ? { schema } : { schema, problems });
      return {
        ...description,
        method,
        needs: access.needs,
        takes: { body: schema },
        async handle(context, params) {
          const caller = await access(context, params);
          const input = await readJsonBody(context);
          const body = validate(input);
          const ifMatch = readIfMatch(context);
          const prepared = (await prepare?.({ params, body, caller })) as Parameters<
            typeof handle
          >[0]['prepared'];
          return answer(context, caller, input, (transaction) =>
            handle({ params, body, caller, prepared, transaction, ifMatch }),
          );
        },
      };
    },

    change({ access, document: schema, problems, prepare, handle, ...description }) {
      const validate = compileSchema(problems === undefined ? { schema } : { schema, problems });
      return {
        ...description,
        method: 'PATCH',
        needs: access.needs,
        takes: { document: schema },
        async handle(context, params) {
          const caller = await access(context, params);
          const patch = await readJsonBody(context);
          const ifMatch = requireIfMatch(context);
          const merge = (current: Static<typeof schema>) => validate(mergePatch(current, patch));
          const prepared = (await prepare?.({ params, caller, merge })) as Parameters<
            typeof handle
          >[0]['prepared'];
          return answer(context, caller, patch, (transaction) =>
            handle({ params, caller, prepared, transaction, ifMatch, merge }),
          );
        },
      };
    },
  };
}
