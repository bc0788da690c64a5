import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createComponents } from '../../src/admin/openapi/components.ts';
import { type ApiDocument, createApiDocument, type Method } from '../../src/admin/openapi/document.ts';
import type { Operation } from '../../src/admin/openapi/operation.ts';
import { patchSchema } from '../../src/admin/openapi/patch-schema.ts';
import { adminScopes } from '../../src/identity/admin-scopes.ts';
import { errorCodes } from '../../src/kernel/errors.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let document: ApiDocument;
let operations: { method: Method; path: string; operation: Operation }[];

beforeAll(async () => {
  api = await createApi();
  // By itself first: an answer would not show what is wrong with it.
  createApiDocument(api.groups, { publicUrl: new URL('https://id.example.com') });
  document = (await api.get('/api/openapi.json').expect(200)).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method as Method, path, operation })),
  );
});

afterAll(() => api?.close());

/** Compiles a schema of the document, which may refer to its components. */
function compile(schema: object) {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, validateFormats: true });
  addFormats.default(ajv);
  ajv.addKeyword('components');
  return ajv.compile({ ...schema, components: document.components });
}

describe('the document of the API', () => {
  it('has every endpoint of the route table, once', () => {
    const routes = api.groups.flatMap((group) => group.routes);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      routes.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort(),
    );
    const names = operations.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(name).toMatch(/^[a-z][A-Za-z]+$/);
    }
  });

  it('refers only to what it has', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, path]) => path);
    expect(references.length).toBeGreaterThan(100);
    for (const reference of new Set(references)) {
      const found = (reference ?? '')
        .split('/')
        .slice(1)
        .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], document);
      expect(found, reference).toBeDefined();
    }
  });

  it('has a schema for every answer and every body, and each compiles as JSON Schema 2020-12', () => {
    for (const { operation } of operations) {
      const { requestBody, responses } = operation;
      const contents = [...Object.values(responses), ...(requestBody === undefined ? [] : [requestBody])];
      for (const content of contents) {
        if ('content' in content) {
          for (const { schema } of Object.values(content.content ?? {})) {
            expect(() => compile(schema), operation.operationId).not.toThrow();
          }
        }
      }
    }
    for (const response of Object.values(document.components.responses)) {
      expect(() => compile(response.content?.['application/problem+json']?.schema ?? {})).not.toThrow();
    }
  });

  it('gives examples that fit', () => {
    let examples = 0;
    for (const { operation } of operations) {
      for (const { schema, example } of Object.values(operation.requestBody?.content ?? {})) {
        const fits = compile(schema);
        expect(fits(example), `${operation.operationId}: ${JSON.stringify(fits.errors)}`).toBe(true);
        examples += 1;
      }
    }
    expect(examples).toBeGreaterThan(15);
    for (const { content } of Object.values(document.components.responses)) {
      const { schema = {}, example } = content?.['application/problem+json'] ?? {};
      expect(compile(schema)(example)).toBe(true);
    }
  });

  it('lists the closed set of problem codes, each with its status', () => {
    const listed = Object.values(document.components.schemas).flatMap(({ properties }) => {
      const { code } = (properties ?? {}) as { code?: { enum?: string[] } };
      return code?.enum ?? [];
    });
    const elsewhere = ['method_not_allowed', 'misdirected_request'];
    expect(listed.sort()).toEqual(errorCodes.filter((code) => !elsewhere.includes(code)).sort());
  });

  it('names the scope that each operation needs, and which need none', () => {
    // Without any scheme, or with the choice to use none.
    const isOpen = ({ operation: { security } }: (typeof operations)[number]) =>
      security.length === 0 || security.some((scheme) => Object.keys(scheme).length === 0);
    const open = operations.filter(isOpen);
    expect(open.map(({ operation }) => operation.operationId).sort()).toEqual([
      'getApiDocument',
      'getApiPage',
      'getRegistration',
      'listEndpoints',
      'listEvidenceKeys',
      'submitRegistration',
    ]);
    for (const { operation } of operations.filter((each) => !isOpen(each))) {
      for (const scope of operation.security.flatMap((scheme) => Object.values(scheme).flat())) {
        expect(adminScopes).toContain(scope);
      }
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403']));
    }
  });

  it('describes every parameter in a path', () => {
    for (const { path, operation } of operations) {
      const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      for (const { name, description } of inPath) {
        expect(description, `{${name}} of ${path}`).toBeTruthy();
      }
    }
  });

  it('says that answers may gain members, and that bodies may not', () => {
    const client = document.components.schemas.Client;
    expect(client).not.toHaveProperty('additionalProperties');
    const body = document.paths['/api/tenants/{slug}/clients']?.post?.requestBody?.content;
    expect(body?.['application/json']?.schema).toMatchObject({ additionalProperties: false });
  });
});

describe('an answer that is not what its route says', () => {
  it('fails the test that got it', async () => {
    const [route] = api.groups.flatMap((group) => group.routes);
    const { createAnswerCheck } = await import('../../src/admin/check-answer.ts');
    const check = createAnswerCheck();
    if (route === undefined) throw new Error('there is no route');
    const endpoint = { method: 'GET', path: '/api', summary: 'x' };
    expect(() => check(route, { status: 200, body: { endpoints: [endpoint] } })).not.toThrow();
    expect(() => check(route, { status: 200, body: { endpoints: [{ ...endpoint, more: 1 }] } })).toThrow(
      'additional properties',
    );
    expect(() => check(route, { status: 200, body: {} })).toThrow('endpoints');
    expect(() => check(route, { status: 204, body: {} })).toThrow('without a schema');
    expect(() => check(route, { status: 200, body: { endpoints: [] }, headers: { ETag: '"1"' } })).toThrow(
      'with ETag',
    );
  });
});

describe('schemas of the document', () => {
  const named = (title: string, type: string) => ({ title, type: 'object', properties: { a: { type } } });

  it('refuses two of one title', () => {
    const components = createComponents();
    components.refer(named('A', 'string'));
    expect(components.refer(named('A', 'string'))).toEqual({ $ref: '#/components/schemas/A' });
    expect(() => components.refer(named('A', 'number'))).toThrow('A');
  });

  it('of a change: anything may be left out, and what need not be there may be taken away', () => {
    const patch = patchSchema({
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      properties: {
        name: { type: 'string' },
        note: { type: 'string' },
        inner: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } },
      },
    } as never);
    expect(patch).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: {
        name: { type: 'string' },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        inner: { anyOf: [{ type: 'object', properties: { a: { type: 'string' } } }, { type: 'null' }] },
      },
    });
  });
});
