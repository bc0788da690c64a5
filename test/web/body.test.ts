import { gzipSync } from 'node:zlib';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFormBody, readJsonBody } from '../../src/web/body.ts';
import { answerErrors } from '../../src/web/problem.ts';
import { silentLog } from '../support/services.ts';
import { type Served, serve } from './serve.ts';

let server: Served;

beforeAll(async () => {
  const app = new Koa();
  app.use(answerErrors({ log: silentLog, errorPage: ({ code }) => code }));
  app.use(async (context) => {
    const body = context.path === '/form' ? await readFormBody(context) : await readJsonBody(context);
    context.body = { read: body };
  });
  server = await serve(app.callback());
});

afterAll(() => server.close());

interface Outcome {
  status: number;
  body: { read?: unknown; code?: string; detail?: string };
}

async function post(
  path: string,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers = {},
): Promise<Outcome> {
  const response = await fetch(server.origin + path, {
    method: 'POST',
    headers: { ...(contentType === '' ? {} : { 'content-type': contentType }), ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as Outcome['body'] };
}

const postJson = (body: string | Uint8Array<ArrayBuffer>) => post('/', 'application/json', body);
const postForm = (body: string) => post('/form', 'application/x-www-form-urlencoded', body);

describe('JSON', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON; charset="UTF-8"'])(
    'an object sent as %s is read',
    async (contentType) => {
      const { status, body } = await post(
        '/',
        contentType,
        '{"name":"Zo\u00eb \\"x\\": 1","list":[{"a":1},{"a":2}]}',
      );
      expect(status).toBe(200);
      expect(body.read).toEqual({ name: 'Zoë "x": 1', list: [{ a: 1 }, { a: 2 }] });
    },
  );

  test('no body reads as an empty object', async () => {
    const response = await fetch(server.origin, { method: 'POST' });
    expect(await response.json()).toEqual({ read: {} });
  });

  test.each([
    ['cut off', '{"a":'],
    ['not JSON', 'a=b'],
    ['an array', '[1]'],
    ['a string', '"text"'],
    ['null', 'null'],
    ['spaces only', '   '],
    ['two values', '{} {}'],
    ['a member twice', '{"slug":"a","slug":"b"}'],
    ['a member twice in another spelling', '{"slug":"a","sl\\u0075g":"b"}'],
    ['a member twice further in', '{"x":[{"a":1},{"b":{"c":1,"c":1}}]}'],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__ in escapes', '{"x":{"__pr\\u006fto__":1}}'],
    ['constructor', '{"constructor":{"prototype":{"admin":true}}}'],
    ['a NUL in a value', '{"a":"x\\u0000"}'],
    ['a NUL in a name', '{"x\\u0000":1}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['deep nesting', `{"a":${'['.repeat(30)}${']'.repeat(30)}}`],
    ['very deep nesting', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
  ])('%s is 400', async (_name, text) => {
    const { status, body } = await postJson(text);
    expect(status).toBe(400);
    expect(body.code).toBe('invalid_request');
  });

  test('nothing that was sent is shown again', async () => {
    const { body } = await postJson('{"password":"hunter2"');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test.each([
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=utf-16',
    'multipart/form-data; boundary=x',
  ])('a body sent as %j is 415', async (contentType) => {
    const { status, body } = await post('/', contentType, Buffer.from('{}'));
    expect(status).toBe(415);
    expect(body.code).toBe('unsupported_media_type');
  });

  test('compressed bodies are 415', async () => {
    const { status } = await post('/', 'application/json', gzipSync('{}'), { 'content-encoding': 'gzip' });
    expect(status).toBe(415);
  });

  test('64 KiB are read, one byte more is 413', async () => {
    const bytes = (size: number) => `{"a":"${'x'.repeat(size - 8)}"}`;
    expect((await postJson(bytes(65_536))).status).toBe(200);
    expect((await postJson(bytes(65_537))).body.code).toBe('payload_too_large');
  });

  test('a large body without a declared length is 413', async () => {
    const chunk = new TextEncoder().encode(`{"a":"${'x'.repeat(100_000)}"}`);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(chunk);
        controller.close();
      },
    });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' };
    const response = await fetch(server.origin, init as RequestInit);
    expect(response.status).toBe(413);
  });

  test('the connection serves on after a refused body', async () => {
    const statuses = [];
    for (const text of ['x'.repeat(200_000), '{"a":1}']) {
      statuses.push((await postJson(text)).status);
    }
    expect(statuses).toEqual([413, 200]);
  });
});

describe('forms', () => {
  test('fields are read literally', async () => {
    const { body } = await postForm('email=a%40b.example&password=p+q&a%5Bb%5D=1&c.d=2&__proto__=3');
    expect(Object.entries(body.read as object)).toEqual([
      ['email', 'a@b.example'],
      ['password', 'p q'],
      ['a[b]', '1'],
      ['c.d', '2'],
      ['__proto__', '3'],
    ]);
  });

  test.each([
    ['a field twice', 'a=1&a=2'],
    ['a NUL', 'a=%00'],
  ])('%s is 400', async (_name, text) => {
    expect((await postForm(text)).status).toBe(400);
  });

  test('JSON is 415, too much is 413', async () => {
    expect((await post('/form', 'application/json', '{}')).status).toBe(415);
    expect((await postForm(`a=${'x'.repeat(70_000)}`)).status).toBe(413);
  });
});
