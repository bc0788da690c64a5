/**
 * Makes src/cli/generated/api.ts from the API's document: `node scripts/generate-api-client.ts http://localhost:3000/api/openapi.json`. A test holds
 * the file to the document, so it is never behind.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { JsonSchema } from '../src/admin/openapi/components.ts';
import type { ApiDocument } from '../src/admin/openapi/document.ts';
import type { Operation } from '../src/admin/openapi/operation.ts';

const root = join(import.meta.dirname, '..');
export const clientFile = join(root, 'src', 'cli', 'generated', 'api.ts');

if (import.meta.main) {
  const [address = 'http://localhost:3000/api/openapi.json'] = process.argv.slice(2);
  const document = (await (await fetch(address)).json()) as ApiDocument;
  await writeFile(clientFile, await generateApiClient(document));
}

/** The whole file: a type for every schema, and for every operation where it is, what it takes and what it answers. */
export async function generateApiClient(document: ApiDocument): Promise<string> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const source = [
    '// Made from the API’s document by scripts/generate-api-client.ts. Changes belong into the route table.',
    ...Object.entries(document.components.schemas)
      .filter(([name]) => !name.endsWith('Problem'))
      .map(([name, schema]) => `${comment(schema)}export type ${name} = ${typeOf(schema)};`),
    '/** What each operation takes and answers. */',
    'export interface Operations {',
    ...operations.map(({ operation }) => describe(operation)),
    '}',
    '/** Where each operation is. */',
    'export const operations = {',
    ...operations.map(({ method, path, operation }) => locate(method, path, operation)),
    '} as const satisfies Record<keyof Operations, OperationPlace>;',
    `/** Every scope that an operation needs. */
    export const scopes: readonly string[] = ${JSON.stringify(scopesOf(operations.map(({ operation }) => operation)))};`,
    `export interface OperationPlace {
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
      path: string;
      /** Names of the query's parameters. */
      query: readonly string[];
      /** What a successful answer is. */
      answers: string;
    }`,
  ].join('\n\n');
  return await format(source);
}

function describe(operation: Operation): string {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const body = operation.requestBody;
  const { schema } = success(operation);
  return `/** ${operation.summary}. ${operation.description} */
    ${operation.operationId}: {
      path: ${record(inPath.map(({ name }) => `${name}: string`))};
      query: ${record(inQuery.map(({ name, required, schema: one }) => `${name}${required ? '' : '?'}: ${typeOf(one)}`))};
      body: ${body === undefined ? 'undefined' : typeOf(body.content['application/json']?.schema ?? {})};
      answer: ${typeOf(schema)};
    };`;
}

function locate(method: string, path: string, operation: Operation): string {
  const query = operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const { mediaType } = success(operation);
  const place = { method, path, query, answers: mediaType };
  return `${operation.operationId}: ${JSON.stringify(place)},`;
}

function scopesOf(operations: readonly Operation[]): string[] {
  const all = operations.flatMap(({ security }) =>
    security.flatMap((scheme) => Object.values(scheme).flat()),
  );
  return [...new Set(all)].sort();
}

function success({ responses }: Operation): { mediaType: string; schema: JsonSchema } {
  const [, response] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  if (response === undefined || '$ref' in response) {
    throw new Error('an operation has no answer');
  }
  const [mediaType = 'application/json', content] = Object.entries(response.content ?? {})[0] ?? [];
  return { mediaType, schema: content?.schema ?? { type: 'null' } };
}

function record(members: readonly string[]): string {
  return members.length === 0 ? 'Record<never, never>' : `{ ${members.join('; ')} }`;
}

/** The TypeScript type of what fits the schema. */
function typeOf(schema: JsonSchema): string {
  const { $ref, anyOf, type, items, properties } = schema as {
    $ref?: string;
    anyOf?: JsonSchema[];
    type?: string;
    items?: JsonSchema;
    properties?: Record<string, JsonSchema>;
  };
  if ($ref !== undefined) {
    return $ref.split('/').at(-1) ?? 'unknown';
  }
  if (anyOf !== undefined) {
    return anyOf.map(typeOf).join(' | ');
  }
  if (schema.const !== undefined || Array.isArray(schema.enum)) {
    const choices = (schema.enum as unknown[] | undefined) ?? [schema.const];
    return choices.map((choice) => JSON.stringify(choice)).join(' | ');
  }
  switch (type) {
    case 'array':
      return `(${typeOf(items ?? {})})[]`;
    case 'object':
      return properties === undefined || (schema.additionalProperties === true && isEmpty(properties))
        ? 'Record<string, unknown>'
        : objectType(schema, properties);
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    default:
      return 'unknown';
  }
}

function isEmpty(properties: object): boolean {
  return Object.keys(properties).length === 0;
}

function objectType(schema: JsonSchema, properties: Record<string, JsonSchema>): string {
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return record(
    Object.entries(properties).map(
      ([name, member]) =>
        `${comment(member)}${JSON.stringify(name)}${required.has(name) ? '' : '?'}: ${typeOf(member)}`,
    ),
  );
}

function comment({ description }: JsonSchema): string {
  return typeof description === 'string' ? `\n/** ${description.replaceAll('*/', '* /')} */\n` : '';
}

async function format(source: string): Promise<string> {
  const biome = spawn(
    join(root, 'node_modules', '.bin', 'biome'),
    ['check', '--write', `--stdin-file-path=${clientFile}`],
    { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  biome.stdin.end(source);
  const [formatted, [code]] = await Promise.all([text(biome.stdout), once(biome, 'close')]);
  if (code !== 0) {
    throw new Error(`biome ended with ${code}`);
  }
  return formatted;
}
