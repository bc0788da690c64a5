import { AppError } from '../../kernel/errors.ts';
import { scimAnswers } from '../answers/scim.ts';
import { listAnswer } from './resource.ts';
import { scimSchemas } from './schemas.ts';
import type { ScimRouteDefinition } from './scim-route.ts';

/** What we can do and what our resources look like (RFC 7644 §4, RFC 7643 §5–7). */
export function scimDiscovery(): ScimRouteDefinition[] {
  const types = (base: string) =>
    scimSchemas.map(({ id, name, description }) => ({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: name,
      name,
      description,
      endpoint: `/${name}s`,
      schema: id,
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
    }));
  const schemas = (base: string) =>
    scimSchemas.map((schema) => ({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
      ...schema,
      meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
    }));
  const all = <Resource extends object>(resources: readonly Resource[]) =>
    listAnswer(resources, { totalResults: resources.length, startIndex: 1 });
  function one<Resource extends { id: string }>(resources: readonly Resource[], id: string) {
    const body = resources.find((resource) => resource.id === id);
    if (!body) {
      throw new AppError('not_found', 'There is no such resource.');
    }
    return { status: 200, body };
  }

  return [
    {
      method: 'GET',
      path: '/ServiceProviderConfig',
      summary: 'SCIM: what the service can do',
      operation: 'scimGetServiceProviderConfig',
      answers: scimAnswers(200),
      handle: async ({ base }) => ({
        status: 200,
        body: {
          schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
          patch: { supported: true },
          bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
          filter: { supported: true, maxResults: 200 },
          changePassword: { supported: false },
          sort: { supported: false },
          etag: { supported: true },
          authenticationSchemes: [
            {
              type: 'oauthbearertoken',
              name: 'Bearer token',
              description: 'An access token for the admin API with the scope scim (RFC 6750)',
              primary: true,
            },
          ],
          meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
        },
      }),
    },
    {
      method: 'GET',
      path: '/ResourceTypes',
      summary: 'SCIM: list the types of resources',
      operation: 'scimListResourceTypes',
      answers: scimAnswers(200),
      handle: async ({ base }) => all(types(base)),
    },
    {
      method: 'GET',
      path: '/ResourceTypes/{id}',
      summary: 'SCIM: read a type of resources',
      operation: 'scimGetResourceType',
      answers: scimAnswers(200),
      handle: async ({ base, id }) => one(types(base), id),
    },
    {
      method: 'GET',
      path: '/Schemas',
      summary: 'SCIM: list the schemas',
      operation: 'scimListSchemas',
      answers: scimAnswers(200),
      handle: async ({ base }) => all(schemas(base)),
    },
    {
      method: 'GET',
      path: '/Schemas/{id}',
      summary: 'SCIM: read a schema',
      operation: 'scimGetSchema',
      answers: scimAnswers(200),
      handle: async ({ base, id }) => one(schemas(base), id),
    },
  ];
}
