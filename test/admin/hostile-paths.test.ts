import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pathParameters } from '../../src/admin/path-parameters.ts';
import type { Route } from '../../src/admin/route.ts';
import { type Api, createApi } from './api-fixture.ts';

/** As they stand in a request: nothing at any address is called so. */
const hostile = [
  '%00',
  'acc_%00',
  '%25%30%30',
  'x'.repeat(3_000),
  `acc_${'x'.repeat(300)}`,
  '%2e%2e',
  '%2e%2e%2fadmin',
  '%0d%0aX-Injected:%201',
  '%F0%9F%92%A9',
  '%E2%80%AEcca',
  '%ED%A0%80',
  '%E0%A4%A',
  '%',
  '%22%27%60;--',
  '%7B%22$ne%22:1%7D',
];

let api: Api;
let routes: Route[];
let tokens: string[];
beforeAll(async () => {
  api = await createApi();
  routes = api.groups.flatMap((group) => group.routes);
  tokens = [await api.robot('platform'), await api.robot('acme')];
});
afterAll(() => api.close());

const namesIn = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

/** Sends the target as it is: clients that know URLs would tidy it up. */
function send({ method }: Route, target: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': method === 'GET' ? '0' : '2',
      'if-match': '*',
    };
    const sent = request({ host: '127.0.0.1', port: api.port, method, path: target, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : '{}');
  });
}

describe('a place in a path', () => {
  it('is known for what it may hold, at every route', () => {
    const used = new Set(routes.flatMap(({ path }) => namesIn(path)));
    expect([...used].sort()).toEqual(Object.keys(pathParameters).sort());
    for (const { example, form } of Object.values(pathParameters)) {
      expect(example).toMatch(form);
    }
  });

  it('leads nowhere when it is in no form that anything has, whoever asks', async () => {
    const wrong: string[] = [];
    for (const route of routes) {
      const names = namesIn(route.path);
      for (const name of names) {
        for (const value of hostile) {
          const target = route.path.replaceAll(/\{(\w+)\}/g, (_, other) => {
            const usual = other === 'slug' ? 'acme' : (pathParameters[other]?.example ?? '');
            return other === name ? value : usual;
          });
          const { needs } = route;
          const admitted =
            needs.who === 'tenant' || needs.who === 'application-tenant' ? tokens : tokens.slice(0, 1);
          for (const token of admitted) {
            const status = await send(route, target, token);
            if (status !== 404) {
              wrong.push(`${route.method} ${target.slice(0, 200)}: ${status}`);
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  }, 300_000);
});

describe('a date and time', () => {
  it.each([
    '2026-01-01T00:00:00+05',
    '2016-12-31T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01',
    'now',
  ])('is refused in the form %s', async (text) => {
    for (const [path, token] of [
      ['/api/audit', tokens[0]],
      ['/api/audit/export', tokens[0]],
      ['/api/tenants/acme/audit', tokens[1]],
      ['/api/tenants/acme/audit/export', tokens[1]],
    ] as const) {
      for (const name of ['from', 'to']) {
        const answer = await api.get(`${path}?${name}=${encodeURIComponent(text)}`, token);
        expect([answer.status, answer.body.errors]).toEqual([
          400,
          [{ field: name, message: 'must be a date and time (RFC 3339)' }],
        ]);
      }
    }
  });

  it('is taken in every form of RFC 3339', async () => {
    for (const text of [
      '2026-01-01T00:00:00Z',
      '2026-02-28t23:59:59.123456789+14:00',
      '0001-01-01T00:00:00z',
    ]) {
      await api.get(`/api/tenants/acme/audit?from=${encodeURIComponent(text)}`, tokens[1]).expect(200);
    }
  });
});
