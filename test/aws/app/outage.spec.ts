import { afterAll, beforeAll, expect, it } from 'vitest';
import { testClock } from '../../support/clock.ts';
import { post } from './oauth.ts';
import { concerns, type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { prepareSubject, type Subject } from './subject.ts';

const clock = testClock(Date.now());
const minute = 60_000;
let proxied: ProxiedServer;
let known: Subject;
let other: Subject;

beforeAll(async () => {
  proxied = await startProxiedServer({ overrides: { clock } });
  known = await prepareSubject(proxied.server, 'known');
  other = await prepareSubject(proxied.server, 'other');
});
afterAll(() => proxied.close());

async function read(path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${proxied.server.origin}${path}`);
  return { status: response.status, body: await response.text() };
}

it('answers discovery and JWKS from memory for more than an hour while DynamoDB and KMS are both gone', async () => {
  const paths = [known, other].flatMap(({ slug }) => [
    `/${slug}/.well-known/openid-configuration`,
    `/.well-known/oauth-authorization-server/${slug}`,
    `/${slug}/jwks`,
  ]);
  const before = new Map<string, string>();
  for (const path of paths) {
    const { status, body } = await read(path);
    expect(status).toBe(200);
    before.set(path, body);
  }

  const outage = proxied.proxy.inject({ fault: { kind: 'reset' } });
  for (let passed = 0; passed <= 70; passed += 5) {
    for (const path of paths) {
      expect({ passed, path, ...(await read(path)) }).toEqual({
        passed,
        path,
        status: 200,
        body: before.get(path),
      });
    }
    clock.advance(5 * minute);
  }
  // It did ask, and nobody answered.
  expect(outage.struck()).toBeGreaterThan(10);
  expect((await read('/readyz')).status).toBe(503);
  expect((await read('/healthz')).status).toBe(200);
  const refused = await post(known, '/token', known.robot, { grant_type: 'client_credentials' });
  expect(refused).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);

  outage.stop();
  const served = await post(known, '/token', known.robot, { grant_type: 'client_credentials' });
  expect(served.status).toBe(200);
  expect((await read('/readyz')).status).toBe(200);
});

it('answers discovery and JWKS while DynamoDB and KMS hang, also when nobody has asked for long', async () => {
  const paths = [known, other].flatMap(({ slug }) => [
    `/${slug}/.well-known/openid-configuration`,
    `/${slug}/jwks`,
  ]);
  clock.advance(minute);
  for (const path of paths) expect((await read(path)).status).toBe(200);
  const hanging = proxied.proxy.inject({ fault: { kind: 'hang' } });
  for (let passed = 0; passed <= 90; passed += 30) {
    const answers = await Promise.all(paths.map(read));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
    clock.advance(30 * minute);
  }
  expect(hanging.struck()).toBeGreaterThanOrEqual(2);
  hanging.stop();
  await expect
    .poll(
      async () => (await post(known, '/token', known.robot, { grant_type: 'client_credentials' })).status,
      {
        timeout: 30_000,
      },
    )
    .toBe(200);
});

it('says that it cannot tell, not that there is none, for a tenant it does not have in memory', async () => {
  const outage = proxied.proxy.inject({
    fault: { kind: 'reset' },
    when: concerns({ id: 'nobody', slug: 'stranger' }),
  });
  expect((await read('/stranger/jwks')).status).toBe(503);
  outage.stop();
  expect((await read('/stranger/jwks')).status).toBe(404);
});
