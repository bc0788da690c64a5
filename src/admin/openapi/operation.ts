import type { TSchema } from 'typebox';
import type { AccessNeeds } from '../access.ts';
import type { AnswerHeader } from '../answer-schema.ts';
import type { Route } from '../route.ts';
import type { Components, JsonSchema } from './components.ts';
import { type Parameter, parametersOf } from './parameters.ts';
import { patchSchema } from './patch-schema.ts';
import { type Response, refusalReference, refusalsOf } from './problems.ts';
import { sampleOf } from './sample.ts';

export interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema; example: unknown }> };
  responses: Record<string, Response | { $ref: string }>;
}

const noContent = '204';

export function describeOperation(
  route: Route,
  { tag, components }: { tag: string; components: Components },
): Operation {
  const body = bodyOf(route);
  return {
    operationId: route.operation,
    summary: route.summary,
    description: describeNeeds(route.needs),
    tags: [tag],
    security: securityOf(route.needs),
    parameters: parametersOf(route, components),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: (body.schema as { required?: unknown }).required !== undefined,
            content: {
              'application/json': { schema: components.refer(body.schema), example: body.example },
            },
          },
        }),
    ...(route.uploads === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              route.uploads.map((mediaType) => [
                mediaType,
                { schema: { type: 'string' }, example: uploadExamples[mediaType] ?? '' },
              ]),
            ),
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, { schema, mediaType, headers }]) => [
          status,
          {
            description: descriptions[status] ?? 'Done',
            headers: Object.fromEntries(headers.map((name) => [name, headerObjects[name]])),
            ...(status === noContent
              ? {}
              : { content: { [mediaType]: { schema: components.referOpen(schema) } } }),
          },
        ]),
      ),
      ...Object.fromEntries(
        refusalsOf(route)
          .filter((status) => !(status in route.answers))
          .map((status) => [status, refusalReference(status)]),
      ),
    },
  };
}

function bodyOf({ takes }: Route): { schema: TSchema; example: unknown } | undefined {
  if ('body' in takes) {
    return { schema: takes.body, example: sampleOf(takes.body) };
  }
  if ('document' in takes) {
    return { schema: patchSchema(takes.document), example: sampleOf(takes.document) };
  }
  return undefined;
}

/** Of users, the only uploads that there are. */
const uploadExamples: Readonly<Record<string, string>> = {
  'application/x-ndjson': '{"email":"ada@example.com","name":"Ada Lovelace"}\n',
  'text/csv': 'email,name\nada@example.com,Ada Lovelace\n',
};

const descriptions: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted; the rest is done afterwards',
  204: 'Done',
  400: 'Not readable, or attributes are wrong',
  401: 'No token, or one that is not valid here',
  403: 'Not enough',
  404: 'Nothing there, or nothing that the caller may know of',
  409: 'Taken, or not possible as things stand',
  412: 'Changed since it was read',
  413: 'The body is too large',
  415: 'The body is no JSON',
  422: 'The Idempotency-Key was used with another request',
  429: 'Too many requests',
};

const headerObjects: Readonly<Record<AnswerHeader, object>> = {
  ETag: { description: 'For If-Match', required: true, schema: { type: 'string' } },
  Location: { description: 'Where it is read', required: true, schema: { type: 'string', format: 'uri' } },
};

/** Each of the alternatives is enough. */
function securityOf(needs: AccessNeeds): Operation['security'] {
  switch (needs.who) {
    case 'anyone':
      return needs.limited ? [{}, { accessToken: [] }] : [];
    case 'tenant':
    case 'application-tenant':
      return [{ accessToken: [needs.scope] }, { apiKey: [needs.scope] }];
    default:
      return [{ accessToken: [needs.scope] }];
  }
}

function describeNeeds(needs: AccessNeeds): string {
  switch (needs.who) {
    case 'anyone':
      return needs.limited
        ? 'Needs no token; one that is sent says who asks, and must be valid. Limited per network.'
        : 'Needs no token.';
    case 'tenant':
    case 'application-tenant':
      return `Needs the scope \`${needs.scope}\`, from the tenant's issuer or the platform's, or in an API key of the tenant.`;
    case 'over-tenant':
    case 'platform':
      return `Needs the scope \`${needs.scope}\`, from the platform's issuer.`;
  }
}
