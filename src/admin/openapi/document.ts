/**
 * The API's own document (OpenAPI 3.1), made from the route table: the schemas in it are those that validate requests and that tests hold
 * every answer to. It says nothing that the routes do not say.
 */
import manifest from '../../../package.json' with { type: 'json' };
import { adminScopes } from '../../identity/admin-scopes.ts';
import type { RouteGroup } from '../route.ts';
import { createComponents, type JsonSchema } from './components.ts';
import { describeOperation, type Operation } from './operation.ts';
import { problemResponses, type Response } from './problems.ts';

export interface ApiDocument {
  openapi: '3.1.0';
  jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema';
  info: {
    title: string;
    version: string;
    description: string;
    license: { name: string; identifier: string };
  };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<Method, Operation>>>;
  components: {
    schemas: Record<string, JsonSchema>;
    responses: Record<string, Response>;
    securitySchemes: Record<string, object>;
  };
}

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Throws when two routes have one operation name, or two schemas one title. */
export function createApiDocument(
  groups: readonly RouteGroup[],
  { publicUrl }: { publicUrl: URL },
): ApiDocument {
  const components = createComponents();
  const paths: ApiDocument['paths'] = {};
  const names = new Set<string>();
  for (const { tag, routes } of groups) {
    for (const route of routes) {
      if (names.has(route.operation)) {
        throw new Error(`two routes are the operation ${route.operation}`);
      }
      names.add(route.operation);
      paths[route.path] = {
        ...paths[route.path],
        [route.method.toLowerCase()]: describeOperation(route, { tag, components }),
      };
    }
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Tenantry',
      version: manifest.version,
      description: `Registers tenants, decides about them and manages them. Answers may gain members; ignore those that you do not know.`,
      license: { name: manifest.license, identifier: manifest.license },
    },
    servers: [{ url: publicUrl.origin }],
    tags: groups.map(({ tag, about }) => ({ name: tag, description: about })),
    paths,
    components: {
      schemas: components.schemas,
      responses: problemResponses(components),
      securitySchemes: securitySchemes(publicUrl),
    },
  };
}

function securitySchemes({ origin }: URL): Record<string, object> {
  return {
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description:
        `An access token (RFC 9068) for the resource ${origin}/api, from the token endpoint of ${origin}/platform or, ` +
        `on /api/tenants/{slug}/…, of that tenant. Scopes: ${adminScopes.join(', ')}.`,
    },
    apiKey: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'tnk_…',
      description: "An API key of a tenant, for that tenant's part of the API.",
    },
  };
}
