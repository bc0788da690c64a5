/**
 * Measures whether lists and searches stay as fast as a tenant grows: `npm run bench:people`, or with `-- --users 1000,10000`. One tenant on
 * embedded storage gets clients, then users by import in steps; at each size the admin API is asked the same things. Import rates are of the
 * whole way, from the upload to the last account.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findFreePort } from '../src/embedded/free-port.ts';
import { type LocalProduct, startLocalProduct } from './bench/local-product.ts';
import { onboardTenants } from './bench/onboard.ts';
import { quantile } from './bench/samples.ts';

const { values: options } = parseArgs({
  options: {
    users: { type: 'string', default: '1000,10000,100000' },
    clients: { type: 'string', default: '1000' },
  },
});
const sizes = options.users.split(',').map(Number);
const clientCount = Number(options.clients);
const linesPerUpload = 10_000;
const samplesPerQuestion = 60;
const tenantPath = '/api/tenants/bench-001';

/** What an administrator asks for; `{n}` is a number of somebody who exists. */
const questions = [
  { name: 'first page of users', path: '/users?limit=50' },
  { name: 'users by address', path: '/users?limit=50&search=person-{n}@' },
  { name: 'users by a rare name', path: '/users?limit=50&search=rare{n}' },
  { name: 'users by a common name', path: '/users?limit=50&search=common' },
  { name: 'first page of clients', path: '/clients?limit=50' },
] as const;

const stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'tenantry-people-'));
stack.defer(() => rm(directory, { recursive: true, force: true }));
try {
  // The embedded PostgreSQL may run as another user, who must be able to pass.
  await chmod(directory, 0o711);
  await bench();
} finally {
  await stack.disposeAsync();
}

async function bench(): Promise<void> {
  const port = String(await findFreePort());
  const env = { DATA_DIR: directory, PORT: port, LOG_LEVEL: 'error' };
  const product = await startLocalProduct(env, stack);
  await onboardTenants(product, { count: 1, signIns: 1 });
  const call = createCall(product);
  await measureClients(call);
  console.log('| users | imported per second | question | p50 ms | p99 ms |');
  console.log('| ----: | ------------------: | -------- | -----: | -----: |');
  let users = 0;
  for (const size of sizes) {
    const rate = await importUsers(call, users, size);
    users = size;
    for (const { name, path } of questions) {
      const times = await ask(call, path, users);
      console.log(
        `| ${users} | ${rate} | ${name} | ${quantile(times, 0.5).toFixed(1)} | ${quantile(times, 0.99).toFixed(1)} |`,
      );
    }
  }
}

type Call = (method: string, path: string, body?: string, contentType?: string) => Promise<unknown>;

/** Calls the admin API below the tenant with a token of the machine client, renewed before it ends. */
function createCall({ origin, dataDir }: LocalProduct): Call {
  let token = { value: '', untilMs: 0 };

  async function bearer(): Promise<string> {
    if (token.untilMs < Date.now()) {
      const { client, resource } = JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8')) as {
        resource: string;
        client: { client_id: string; client_secret: string; scopes: string[] };
      };
      const answer = await fetch(`${origin}/platform/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          resource,
          scope: client.scopes.join(' '),
        }),
      });
      const { access_token: value } = (await answer.json()) as { access_token: string };
      token = { value, untilMs: Date.now() + 5 * 60_000 };
    }
    return token.value;
  }

  return async (method, path, body, contentType = 'application/json') => {
    const answer = await fetch(`${origin}${tenantPath}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await bearer()}`,
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    }
    return JSON.parse(text);
  };
}

async function measureClients(call: Call): Promise<void> {
  const startedMs = performance.now();
  for (let index = 0; index < clientCount; index += 1) {
    await call('POST', '/clients', JSON.stringify({ name: `Client ${index}`, type: 'm2m' }));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${clientCount} clients created, ${Math.round(clientCount / seconds)} per second\n`);
}

/** Imports users until there are `until` of them; accounts per second. */
async function importUsers(call: Call, from: number, until: number): Promise<number> {
  const startedMs = performance.now();
  for (let first = from; first < until; first += linesPerUpload) {
    const lines = Array.from({ length: Math.min(linesPerUpload, until - first) }, (_, offset) => {
      const number = first + offset;
      return JSON.stringify({ email: `person-${number}@example.com`, name: `Common Rare${number}` });
    });
    const { id } = (await call('POST', '/user-imports', lines.join('\n'), 'application/x-ndjson')) as {
      id: string;
    };
    await untilDone(call, id);
  }
  return Math.round(((until - from) * 1000) / (performance.now() - startedMs));
}

async function untilDone(call: Call, id: string): Promise<void> {
  for (;;) {
    const found = (await call('GET', `/user-imports/${id}`)) as { state: string; failed: number };
    if (found.state === 'done') {
      if (found.failed > 0) throw new Error(`${found.failed} users were refused`);
      return;
    }
    await delay(250);
  }
}

async function ask(call: Call, path: string, users: number): Promise<number[]> {
  const times: number[] = [];
  for (let sample = 0; sample < samplesPerQuestion; sample += 1) {
    const somebody = String(Math.floor((sample / samplesPerQuestion) * users));
    const startedMs = performance.now();
    await call('GET', path.replace('{n}', somebody));
    times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b);
}
