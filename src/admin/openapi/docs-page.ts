import type { ApiDocsView, DocumentedAnswer, DocumentedOperation } from '../../web/views.ts';
import type { JsonSchema } from './components.ts';
import type { ApiDocument } from './document.ts';
import { membersOf, typeOf } from './members.ts';
import type { Operation } from './operation.ts';
import type { Response } from './problems.ts';

/** The document as a page shows it: by group, with tables in the place of schemas and a command to try each operation. */
export function describeForPeople(document: ApiDocument): ApiDocsView {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  return {
    version: document.info.version,
    documentPath: '/api/openapi.json',
    groups: document.tags.map(({ name, description }) => ({
      id: `group-${name.toLowerCase()}`,
      name,
      description,
      operations: operations
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ method, path, operation }) => describe(document, { method, path, operation })),
    })),
    schemas: Object.entries(document.components.schemas).map(([name, schema]) => ({
      name,
      ...typeOf(schema),
      members: membersOf(schema),
    })),
  };
}

function describe(
  document: ApiDocument,
  { method, path, operation }: { method: string; path: string; operation: Operation },
): DocumentedOperation {
  const body = operation.requestBody?.content['application/json'];
  const example = curl(document, { method, path, operation });
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    summary: operation.summary,
    needs: operation.description,
    parameters: operation.parameters.map(({ name, in: place, required, description = '', schema }) => ({
      name,
      place,
      required,
      ...typeOf(schema),
      note: description,
    })),
    ...(body === undefined ? {} : { body: { ...typeOf(body.schema), members: membersOf(body.schema) } }),
    answers: Object.entries(operation.responses).flatMap(([status, response]) =>
      '$ref' in response ? [] : [answer(status, response)],
    ),
    refusals: Object.entries(operation.responses).flatMap(([status, response]) =>
      '$ref' in response ? [refusal(document, status, response.$ref)] : [],
    ),
    example,
  };
}

function answer(status: string, { description, headers, content }: Response): DocumentedAnswer {
  const [mediaType = '', { schema } = { schema: {} as JsonSchema }] = Object.entries(content ?? {})[0] ?? [];
  return {
    status,
    description,
    mediaType,
    headers: Object.keys(headers ?? {}),
    ...(content === undefined ? { type: 'nothing' } : typeOf(schema)),
    members: membersOf(schema),
  };
}

function refusal(document: ApiDocument, status: string, reference: string) {
  const response = document.components.responses[reference.split('/').at(-1) ?? ''];
  return { status, description: response?.description ?? '' };
}

/** One command that can be pasted into a shell where `TENANTRY_TOKEN` is set. */
function curl(
  document: ApiDocument,
  { method, path, operation }: { method: string; path: string; operation: Operation },
): string {
  const examples = new Map(
    operation.parameters.map(({ name, schema }) => [name, (schema.examples as unknown[] | undefined)?.[0]]),
  );
  const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(examples.get(name)));
  const body = operation.requestBody?.content['application/json']?.example;
  const needsMatch = operation.parameters.some(({ name, required }) => name === 'If-Match' && required);
  const { security } = operation;
  const needsToken = security.length > 0 && security.every((scheme) => Object.keys(scheme).length > 0);
  return [
    `curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${document.servers[0]?.url}${address}`,
    ...(needsToken ? ['-H "Authorization: Bearer $TENANTRY_TOKEN"'] : []),
    ...(needsMatch ? [`-H 'If-Match: *'`] : []),
    ...(body === undefined
      ? []
      : [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`]),
  ].join(' \\\n  ');
}
