import { createTexts } from '../../web/i18n/texts.ts';
import type { Render } from '../../web/render.ts';
import type { AccessRules } from '../access.ts';
import { html, json } from '../answer-schema.ts';
import { apiDocumentSchema, indexSchema } from '../answers/index-of-api.ts';
import { describeForPeople } from '../openapi/docs-page.ts';
import { type ApiDocument, createApiDocument } from '../openapi/document.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteGroup, RouteKinds } from '../route.ts';

/** What the API says about itself. `groups` is read with the first request, so it may hold these routes, too. */
export function indexRoutes(
  { read }: RouteKinds,
  access: AccessRules,
  { groups, publicUrl, render }: { groups: readonly RouteGroup[]; publicUrl: URL; render: Render },
): Route[] {
  let document: ApiDocument | undefined;
  let page: Buffer | undefined;

  function describe(): ApiDocument {
    document ??= createApiDocument(groups, { publicUrl });
    return document;
  }

  return [
    read({
      path: '/api',
      operation: 'listEndpoints',
      summary: 'What the admin API offers',
      answers: { 200: json(indexSchema) },
      access: access.anyone,
      query: noQuery,
      async handle() {
        const routes = groups.flatMap((group) => group.routes);
        return {
          status: 200,
          body: { endpoints: routes.map(({ method, path, summary }) => ({ method, path, summary })) },
        };
      },
    }),
    read({
      path: '/api/openapi.json',
      operation: 'getApiDocument',
      summary: 'The API as an OpenAPI 3.1 document',
      answers: { 200: json(apiDocumentSchema) },
      access: access.anyone,
      query: noQuery,
      handle: async () => ({ status: 200, body: describe() }),
    }),
    read({
      path: '/api/docs',
      operation: 'getApiPage',
      summary: 'The API as a page for people',
      answers: { 200: html },
      access: access.anyone,
      query: noQuery,
      async handle() {
        // In English, as everything that the document quotes is.
        page ??= Buffer.from(render('api-docs', describeForPeople(describe()), { texts: createTexts('en') }));
        return { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: page };
      },
    }),
  ];
}
