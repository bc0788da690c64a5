import Koa, { type Context } from 'koa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/kernel/errors.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createLog } from '../../src/platform/log.ts';
import { answerErrors } from '../../src/web/problem.ts';
import { assignRequestId } from '../../src/web/request-id.ts';
import { sendRaw } from './raw-request.ts';
import { type Served, serve } from './serve.ts';

let server: Served;
let handle: (context: Context) => void | Promise<void>;
const logged: { level: string; requestId?: string; msg: string }[] = [];

beforeAll(async () => {
  const app = new Koa();
  const log = createLog({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line)) });
  app.silent = true;
  app.use(assignRequestId({ random: systemRandom }));
  app.use(answerErrors({ log, errorPage: ({ title }) => `<h1>${title}</h1>` }));
  app.use((context) => handle(context));
  server = await serve(app.callback());
});

afterAll(() => server.close());

beforeEach(() => {
  logged.length = 0;
});

function fail(error: unknown): void {
  handle = () => {
    throw error;
  };
}

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

describe('an AppError', () => {
  test('leaves as a problem document with its headers and every field', async () => {
    fail(
      new AppError('validation_failed', 'Two fields are invalid.', {
        fields: [
          { field: 'name', message: 'is missing' },
          { field: 'requester.email', message: 'must be an e-mail address' },
        ],
        headers: { 'Retry-After': '7' },
        detail: 'internal note',
        cause: new Error('internal cause'),
      }),
    );
    const response = await fetch(`${server.origin}/api/registrations`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('retry-after')).toBe('7');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      type: 'urn:tenantry:problem:validation_failed',
      title: 'Invalid input',
      status: 400,
      code: 'validation_failed',
      detail: 'Two fields are invalid.',
      errors: [
        { field: 'name', message: 'is missing' },
        { field: 'requester.email', message: 'must be an e-mail address' },
      ],
      requestId: response.headers.get('x-request-id'),
    });
  });

  test('is a page for a browser, except under /api', async () => {
    fail(new AppError('not_found', 'There is nothing at this address.'));
    const page = await fetch(`${server.origin}/acme`, { headers: browser });
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('vary')).toBe('Accept');
    expect(await page.text()).toBe('<h1>Not found</h1>');
    for (const path of ['/api', '/api/tenants', '/api?x=1']) {
      const problem = await fetch(server.origin + path, { headers: browser });
      expect(problem.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  test('drops what the handler had already said', async () => {
    handle = (context) => {
      context.set({ ETag: '"1"', 'Set-Cookie': 'session=1', Location: '/elsewhere' });
      context.body = 'half an answer';
      throw new AppError('conflict', 'Changed meanwhile.');
    };
    const response = await fetch(server.origin);
    expect(response.status).toBe(409);
    expect([...response.headers.keys()]).not.toEqual(expect.arrayContaining(['etag']));
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(response.headers.get('location')).toBeNull();
    expect(await response.json()).toMatchObject({ code: 'conflict' });
  });

  test('is answered by Koa even when a tenant had taken the answer over', async () => {
    handle = (context) => {
      context.respond = false;
      throw new AppError('temporarily_unavailable', 'Try again.', { headers: { 'Retry-After': '1' } });
    };
    const response = await fetch(server.origin);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(logged).toMatchObject([{ level: 'warn' }]);
  });
});

describe('anything else that is thrown', () => {
  test.each([
    ['an error', new Error('password=hunter2 at db.internal')],
    ['an error with a status of its own', Object.assign(new Error('hunter2'), { status: 400 })],
    ['a text', 'hunter2'],
    ['nothing', undefined],
  ])('%s is 500 and shows nothing', async (_name, thrown) => {
    fail(thrown);
    const response = await fetch(server.origin);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'server_error', errors: [] });
    expect(text).not.toContain('hunter2');
    expect(logged).toMatchObject([{ level: 'error', requestId: response.headers.get('x-request-id') }]);
  });

  test.each([
    [404, 404, 'not_found'],
    [405, 405, 'method_not_allowed'],
    [413, 413, 'payload_too_large'],
    [418, 400, 'invalid_request'],
  ])('an http error %i that Koa raises is %i %s', async (raised, status, code) => {
    handle = (context) => context.throw(raised, 'hunter2');
    const response = await fetch(server.origin);
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(JSON.parse(text)).toMatchObject({ code });
    expect(text).not.toContain('hunter2');
  });

  test('after the answer has begun the connection is cut', async () => {
    handle = (context) => {
      context.respond = false;
      context.res.writeHead(200, { 'Content-Length': '100' });
      context.res.write('begun');
      throw new Error('too late');
    };
    await expect(fetch(server.origin).then((response) => response.text())).rejects.toThrow();
    expect(logged).toMatchObject([{ level: 'error' }]);
  });
});

test('a request id of the client is not taken over', async () => {
  handle = (context) => {
    context.body = 'ok';
  };
  const response = await sendRaw(server.port, ['GET / HTTP/1.1', 'Host: x', 'X-Request-Id: forged']);
  expect(response.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9_-]{22}$/);
});
