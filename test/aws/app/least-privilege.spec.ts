import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RoundRobin, startRoundRobin } from '../../process/forwarding.ts';
import type { PassingRequest } from '../../support/fault-proxy.ts';
import { callApi, platformToken } from '../../support/onboarding.ts';
import { flows } from './flows.ts';
import { type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { prepareSubject } from './subject.ts';

/** Takes jobs, as `MODE=work` does, and answers nobody. */
let control: ProxiedServer;
/** Answers everybody, as `MODE=serve` does. */
let data: ProxiedServer;
let front: RoundRobin;

beforeAll(async () => {
  front = await startRoundRobin();
  const env = { PUBLIC_URL: front.origin };
  control = await startProxiedServer({ env: { ...env, MODE: 'work' } });
  data = await startProxiedServer({ env: { ...env, MODE: 'serve' }, beside: control.server });
  front.use([`http://127.0.0.1:${data.server.port}`]);
});
afterAll(async () => {
  await front.close();
  await data.close();
  await control.close();
});

/** The calls that bear no name of a policy; what IAM calls an action is the service's name and the operation's. */
async function unnamedCalls(plane: string, calls: readonly PassingRequest[]): Promise<string[]> {
  const allowed = (await allowedFor(plane)).map((action) => action.replace(/^.*:/, ''));
  return [...new Set(calls.map(({ operation }) => operation))].filter((name) => !allowed.includes(name));
}

async function allowedFor(plane: string): Promise<string[]> {
  const { Statement } = JSON.parse(await readFile(`config/aws/${plane}-plane-policy.json`, 'utf8')) as {
    Statement: { Action: string | string[] }[];
  };
  return Statement.flatMap(({ Action }) => Action);
}

describe('a deployment in two parts', () => {
  it('onboards a tenant, answers every flow and rotates a key, each part within the rights of its role', async () => {
    const server = { ...control.server, origin: front.origin };
    const subject = await prepareSubject(server, 'acme');
    for (const flow of Object.values(flows)) {
      const step = await flow(subject);
      expect(await step.run()).toMatchObject({ succeeded: true });
      await step.verify();
    }
    const keysPath = '/api/tenants/acme/keys';
    const token = await platformToken(server);
    const rotation = await callApi(server, 'POST', `${keysPath}/rotate`, { token, body: {} });
    expect(rotation.status).toBe(202);
    await vi.waitFor(
      async () => {
        const { body } = await callApi(server, 'GET', keysPath, { token });
        expect(body.keys).toContainEqual(
          expect.objectContaining({ state: 'pending', publishedAt: expect.any(String) }),
        );
      },
      { timeout: 40_000, interval: 100 },
    );

    for (const [plane, { proxy }] of Object.entries({ control, data })) {
      expect({ plane, unnamed: await unnamedCalls(plane, proxy.seen) }).toEqual({ plane, unnamed: [] });
    }
  });

  it('marks every table and every key as its own', () => {
    const made = control.proxy.seen.filter(({ operation }) => /^Create(Table|Key)$/.test(operation));
    const tags = made.map(({ operation, input }) => {
      const list = input.Tags as { Key?: string; Value?: string; TagKey?: string; TagValue?: string }[];
      const deployment = list.find(({ Key, TagKey }) => (Key ?? TagKey) === 'tenantry:deployment');
      return `${operation} of ${deployment?.Value ?? deployment?.TagValue}`;
    });
    const { tablePrefix } = control.server.stores;
    expect(new Set(tags)).toEqual(
      new Set(['CreateTable', 'CreateKey'].map((operation) => `${operation} of ${tablePrefix}`)),
    );
  });

  it('reads of the keys what it needs to sign, and changes nothing there', () => {
    const onKeys = data.proxy.seen.filter(({ input }) => String(input.TableName).endsWith('-keys'));
    expect(onKeys.length).toBeGreaterThan(0);
    expect(new Set(onKeys.map(({ operation }) => operation))).toEqual(new Set(['GetItem']));
  });
});
