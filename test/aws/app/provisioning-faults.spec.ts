import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Slug } from '../../../src/kernel/ids.ts';
import { platformSlug } from '../../../src/kernel/slug.ts';
import type { Fault, PassingRequest } from '../../support/fault-proxy.ts';
import { acceptInvitation, callApi, findInvitation, platformToken } from '../../support/onboarding.ts';
import { testDynamodb, testServerEnv } from '../../support/services.ts';
import { listDeployedKeys } from '../deployed-keys.ts';
import { concerns, type ProxiedServer, startProxiedServer } from './proxied-server.ts';

const faults: Fault[] = [
  { kind: 'throttle' },
  { kind: 'server-error' },
  { kind: 'reset' },
  { kind: 'delay', ms: 2_000 },
  { kind: 'lost-reply' },
];
/** A delay costs what it says: it strikes only what makes something. */
const making = ['CreateTable', 'PutItem', 'CreateKey', 'GenerateDataKeyPairWithoutPlaintext'];
/** Three calls to DynamoDB fail with all their attempts, more to KMS. */
const outageRequests = 12;

let proxied: ProxiedServer;
let token: string;
let ofPlatform: (request: PassingRequest) => boolean;
/** What building a tenant asks of AWS. */
let operations: string[];

beforeAll(async () => {
  proxied = await startProxiedServer();
  const platform = await proxied.server.directory.get(platformSlug);
  ofPlatform = concerns({ id: platform?.id ?? '', slug: platformSlug });
  token = await platformToken(proxied.server);
  const from = proxied.proxy.seen.length;
  await build('undisturbed');
  const built = await proxied.server.directory.get('undisturbed' as Slug);
  const ofTenant = concerns({ id: built?.id ?? '', slug: 'undisturbed' });
  const seen = proxied.proxy.seen
    .slice(from)
    .filter((request) => ofTenant(request) || ('KeyId' in request.input && !ofPlatform(request)));
  operations = [...new Set(seen.map(({ operation }) => operation))];
});
afterAll(() => proxied.close());

const rows: string[] = [];
afterAll(() => {
  process.stdout.write(
    `\n  Faults while a tenant is built, keys in mode ${testServerEnv().KEYS}\n${rows.join('')}\n`,
  );
});

/** Orders a tenant and waits until it is active; `ordered` runs in between. Returns how often each step was tried. */
async function build(slug: string, ordered: () => void = () => {}): Promise<string> {
  const { server } = proxied;
  const answer = await callApi(server, 'POST', '/api/tenants', {
    token,
    body: { name: slug, slug, admin: { name: 'Ada', email: `ada@${slug}.example` } },
  });
  expect(answer.status, answer.text).toBe(201);
  ordered();
  return await vi.waitFor(
    async () => {
      const { body } = await callApi(server, 'GET', `/api/tenants/${slug}`, { token });
      expect(body.provisioning.state).toBe('active');
      return body.provisioning.steps
        .filter(({ attempts }: { attempts: number }) => attempts > 1)
        .map(({ name, attempts }: { name: string; attempts: number }) => `${name} ${attempts}`)
        .join(', ');
    },
    { timeout: 180_000, interval: 100 },
  );
}

/** Everything is there, once, and the initial admin can come in. */
async function expectWhole(slug: string): Promise<void> {
  const { server } = proxied;
  const record = await server.directory.get(slug as Slug);
  const id = record?.id ?? '';
  expect(await server.tables.list(`${server.stores.tablePrefix}-tenant-${id}`)).toHaveLength(1);
  const kms = new KMSClient({ ...testDynamodb() });
  const keys = await listDeployedKeys(kms, proxied.server.stores.tablePrefix);
  expect(keys.filter(({ tags }) => tags['tenantry:tenant'] === id).map(({ KeyState }) => KeyState)).toEqual([
    'Enabled',
  ]);
  const jwks = await fetch(`${server.origin}/${slug}/jwks`);
  expect(((await jwks.json()) as { keys: unknown[] }).keys).toHaveLength(1);
  const link = await findInvitation(server, slug, `ada@${slug}.example`);
  const { page } = await acceptInvitation(server, link, 'Correct-Horse-7-Battery');
  expect(page.status).toBe(200);
}

it.each(faults)('a tenant is built in spite of $kind of one request of each kind', async (fault) => {
  const slug = `once-${fault.kind}`;
  const struck = operations.filter((operation) => fault.kind !== 'delay' || making.includes(operation));
  const rules = struck.map((operation) =>
    proxied.proxy.inject({
      fault,
      times: 1,
      when: (request) => request.operation === operation && !ofPlatform(request),
    }),
  );
  const again = await build(slug);
  const count = rules.filter((rule) => rule.struck() === 1).length;
  for (const rule of rules) {
    rule.stop();
  }
  expect(count).toBe(struck.length);
  rows.push(
    `  ${fault.kind.padEnd(13)} one request of each of ${count} kinds: active; tried again: ${again || 'nothing'}\n`,
  );
  await expectWhole(slug);
});

it.each(faults.filter(({ kind }) => kind !== 'delay'))(
  'a tenant is built in spite of $kind of many requests in a row',
  async (fault) => {
    const slug = `row-${fault.kind}`;
    let rule: ReturnType<typeof proxied.proxy.inject> | undefined;
    const again = await build(slug, () => {
      rule = proxied.proxy.inject({
        fault,
        times: outageRequests,
        when: (request) => !ofPlatform(request),
      });
    });
    rule?.stop();
    expect(rule?.struck()).toBe(outageRequests);
    rows.push(
      `  ${fault.kind.padEnd(13)} ${outageRequests} requests in a row: active; tried again: ${again || 'nothing'}\n`,
    );
    await expectWhole(slug);
  },
);

it('a tenant is built in spite of an outage for which no worker waits in its place', async () => {
  const slug = 'long-outage';
  let rule: ReturnType<typeof proxied.proxy.inject> | undefined;
  const building = build(slug, () => {
    rule = proxied.proxy.inject({ fault: { kind: 'server-error' }, when: (request) => !ofPlatform(request) });
  });
  // More tries than there are in a row: the run has been handed back and come again.
  await vi.waitFor(
    async () => {
      const { body } = await callApi(proxied.server, 'GET', `/api/tenants/${slug}`, { token });
      const steps: { attempts: number }[] = body.provisioning?.steps ?? [];
      expect(Math.max(0, ...steps.map(({ attempts }) => attempts))).toBeGreaterThan(5);
    },
    { timeout: 120_000, interval: 200 },
  );
  rule?.stop();
  rows.push(
    `  server-error  every request for longer than tries in a row: active; tried again: ${await building}\n`,
  );
  await expectWhole(slug);
}, 240_000);
