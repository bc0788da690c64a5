/**
 * Measures whether the time of an answer tells if an address has an account: `npm run bench:enumeration`, or with `-- --samples 100`. Each page
 * that takes an address is asked for addresses with and without an account in random order, one request at a time, and the two samples of
 * times are compared. docs/security.md explains what the numbers mean.
 */
import { randomInt } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findFreePort } from '../src/embedded/free-port.ts';
import { createAccounts } from '../src/identity/accounts.ts';
import { defaultApplicationTenantId } from '../src/identity/application-tenant.ts';
import { createApplicationTenants } from '../src/identity/application-tenants.ts';
import { systemClock } from '../src/kernel/clock.ts';
import type { Slug } from '../src/kernel/ids.ts';
import { systemRandom } from '../src/kernel/random.ts';
import { createUserAgent, type UserAgent } from '../test/support/user-agent.ts';
import { type LocalProduct, startLocalProduct } from './bench/local-product.ts';
import { onboardTenants } from './bench/onboard.ts';
import { callback } from './bench/sign-in.ts';
import { compare } from './bench/statistics.ts';

const { values: options } = parseArgs({ options: { samples: { type: 'string', default: '1000' } } });
const samples = Number(options.samples);
/** Fewer than any limit on mails to one address. */
const usesOfAddress = 3;
const warmUps = 20;
const slug = 'bench-001';

/** A page that takes an address, and what else its form is given. */
const pages = [
  { name: 'sign-in', path: '/auth', values: { password: 'Not-The-Password-1' } },
  { name: 'sign-up', path: '/sign-up', values: {} },
  { name: 'forgotten password', path: '/forgotten-password', values: {} },
] as const;

const stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'tenantry-enumeration-'));
stack.defer(() => rm(directory, { recursive: true, force: true }));
try {
  // The embedded PostgreSQL may run as another user, who must be able to pass.
  await chmod(directory, 0o711);
  await bench();
} finally {
  await stack.disposeAsync();
}

async function bench(): Promise<void> {
  const product = await startLocalProduct(
    {
      DATA_DIR: directory,
      PORT: String(await findFreePort()),
      LOG_LEVEL: 'error',
      // Limits stop whoever measures long before so many samples; here they would only be in the way.
      SIGN_IN_ATTEMPTS_PER_MINUTE: '1000000',
      SIGN_IN_FREE_FAILURES: '1000000',
    },
    stack,
  );
  const [tenant] = await onboardTenants(product, { count: 1, signIns: 1 });
  const clientId = tenant?.web.clientId ?? '';
  const known = await createPeople(product);
  console.log(`${samples} samples per page; times in milliseconds`);
  for (const page of pages) {
    const form = await openForm(product.origin, page.path, clientId);
    console.log(form === undefined ? `${page.name}: not offered` : await measure(form, page, known));
  }
}

/** Everybody has a password: an account without one is none to sign in to. */
async function createPeople({ tables, directory: tenants }: LocalProduct): Promise<string[]> {
  const record = await tenants.get(slug as Slug);
  if (!record) throw new Error('the tenant is not there');
  const table = tables.open(record.tableName);
  const stores = { table, clock: systemClock, random: systemRandom };
  const applicationTenants = createApplicationTenants(stores);
  const place = await applicationTenants.get(defaultApplicationTenantId);
  if (!place) throw new Error('the default application tenant is not there');
  await applicationTenants.update(place.id, place.version, {
    settings: { ...place.settings, signUp: 'open' },
  });
  const accounts = createAccounts(stores);
  const emails = Array.from(
    { length: Math.ceil((samples + warmUps) / usesOfAddress) },
    (_, index) => `person-${index}@example.com`,
  );
  for (const email of emails) {
    const { id } = await accounts.create({ email, name: 'Ada', roles: [], emailVerified: true });
    await accounts.setPassword(id, 'Correct-Horse-7-Battery');
  }
  return emails;
}

interface OpenForm {
  action: URL;
  fields: Record<string, string>;
  cookie: string;
}

async function openForm(origin: string, path: string, clientId: string): Promise<OpenForm | undefined> {
  const agent: UserAgent = createUserAgent(origin);
  const url = new URL(`${origin}/${slug}${path}`);
  if (path === '/auth') {
    url.search = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: 'A'.repeat(43),
      code_challenge_method: 'S256',
    }).toString();
  }
  const page = await agent.open(url);
  const form = page.document.querySelector('form');
  if (page.status !== 200 || !form) return undefined;
  const action = new URL(form.getAttribute('action') || page.url.href, page.url);
  const inputs = form.querySelectorAll('input[type="hidden"]');
  return {
    action,
    fields: Object.fromEntries(
      inputs.map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
    ),
    cookie: await agent.jar.getCookieString(action.href),
  };
}

async function measure(
  form: OpenForm,
  { name, values }: (typeof pages)[number],
  known: readonly string[],
): Promise<string> {
  const times: [number[], number[]] = [[], []];
  const asked: [number, number] = [0, 0];
  const statuses = new Set<string>();
  for (let count = 0; count < samples + 2 * warmUps; count += 1) {
    const kind = randomInt(2) as 0 | 1;
    const index = Math.floor(asked[kind] / usesOfAddress) % known.length;
    asked[kind] += 1;
    const email = kind === 0 ? (known[index] ?? '') : `nobody-${index}@example.com`;
    const { milliseconds, status } = await ask(form, { email, ...values });
    if (count >= 2 * warmUps) {
      times[kind].push(milliseconds);
      statuses.add(`${kind === 0 ? 'known' : 'unknown'} ${status}`);
    }
  }
  const { means, medians, welchT, mannWhitneyZ, pValue } = compare(...times);
  const pair = ([first, second]: readonly [number, number]) => `${first.toFixed(2)} / ${second.toFixed(2)}`;
  return [
    `${name}: known / unknown, ${times[0].length} / ${times[1].length} samples (${[...statuses].sort().join(', ')})`,
    `  mean ${pair(means)}   median ${pair(medians)}`,
    `  Welch t ${welchT.toFixed(2)}   Mann-Whitney z ${mannWhitneyZ.toFixed(2)}, p ${pValue.toFixed(4)}`,
  ].join('\n');
}

async function ask(
  { action, fields, cookie }: OpenForm,
  values: Readonly<Record<string, string>>,
): Promise<{ milliseconds: number; status: number }> {
  const body = new URLSearchParams({ ...fields, ...values });
  const startedAt = performance.now();
  const response = await fetch(action, { method: 'POST', headers: { cookie }, body, redirect: 'manual' });
  await response.arrayBuffer();
  return { milliseconds: performance.now() - startedAt, status: response.status };
}
