import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApplicationTenant } from '../../src/identity/application-tenant.ts';
import { applicationTenantsOf, latestLink, withDomain } from '../self-service/mail-links.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import type { Arrival } from '../support/user-agent.ts';
import { createPerson } from './factor-people.ts';
import { browserOf, createFederatedBrowsers, person, visit } from './federated-browsers.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
let upstream: Upstream;
let north: ApplicationTenant;
let source: { id: string };

const { addSource } = createFederatedBrowsers(() => ({ server, upstream }));

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  upstream = await startOpenidProvider();
  const tenants = applicationTenantsOf(tenant);
  const made = await tenants.create({ slug: 'north', name: 'North' });
  const open = await tenants.update(made.id, made.version, { settings: { signUp: 'open' } });
  north = await withDomain(tenant, open, 'north.example');
  source = await addSource({ domains: ['corp.example'] });
});
afterAll(async () => {
  await server?.close();
  upstream?.close();
});

const has = (page: Arrival, selector: string) => page.document.querySelector(selector) !== null;
const linkTo = (page: Arrival, part: string) =>
  page.document.querySelector(`a[href*="${part}"]`)?.getAttribute('href') ?? '';

async function begin(parameters: Record<string, string> = {}, at = tenant) {
  const agent = browserOf(server);
  const { url, verifier } = authorizationRequest(at, parameters);
  return { agent, verifier, page: await agent.open(url) };
}

async function give(email: string, parameters: Record<string, string> = {}) {
  const { agent, verifier, page } = await begin(parameters);
  return { agent, verifier, page: await agent.submit(page, { email }) };
}

it('asks for address and password at once where no address decides anything', async () => {
  const other = await begin({}, server.tenants[1]);
  expect(has(other.page, '#password')).toBe(true);
  // The sources with domains are for others, and the request names the application tenant.
  const plain = await applicationTenantsOf(tenant).create({ slug: 'plain', name: 'Plain' });
  const settings = { signUp: 'invitation', signInSources: ['password'] } as const;
  await applicationTenantsOf(tenant).update(plain.id, plain.version, { settings });
  const named = await begin({ organization: 'plain' });
  expect(has(named.page, '#password')).toBe(true);
  expect(has((await begin({ organization: 'north' })).page, '#password')).toBe(false);
});

describe('the first page', () => {
  it('asks for the address and no password, and has passkeys at the field', async () => {
    const { page } = await begin();
    expect(has(page, '#password')).toBe(false);
    expect(page.document.querySelector('#email')?.getAttribute('autocomplete')).toBe('username webauthn');
    expect(page.document.querySelector('form[data-passkey]')?.getAttribute('data-passkey')).toBe('autofill');
    // Whose password nobody knows yet, and who is asked elsewhere nobody needs to know.
    expect(linkTo(page, 'forgotten-password')).toBe('');
    expect(page.body).not.toContain(source.id);
  });

  it('takes addresses only, and prints nothing as markup', async () => {
    const { agent, page } = await begin();
    const wrong = await agent.submit(page, { email: '"><script>alert(1)</script>' });
    expect(wrong.status).toBe(422);
    expect(wrong.body).not.toContain('<script>alert');
    expect((await agent.submit(wrong, { email: 'ada@north.example' })).status).toBe(200);
  });
});

describe('an address in a domain of an application tenant', () => {
  it('leads to its people, with the field that password managers look for', async () => {
    const email = 'ada@north.example';
    const account = await tenant.accounts.create({
      applicationTenantId: north.id,
      email,
      name: 'Ada',
      roles: [],
      emailVerified: true,
    });
    await tenant.accounts.setPassword(account.id, password);
    const { agent, page, verifier } = await give('Ada@North.example');
    const username = page.document.querySelector('#email');
    expect(username?.getAttribute('value')).toBe(email);
    expect(username?.getAttribute('autocomplete')).toBe('username');
    expect(username?.hasAttribute('readonly')).toBe(true);
    const wrong = await agent.submit(page, { password: 'Wrong horse 1!' });
    expect(wrong.status).toBe(401);
    expect(wrong.document.querySelector('#email')?.getAttribute('value')).toBe(email);
    const consent = await agent.submit(wrong, { password });
    const tokens = await redeem(tenant, { ...(await agent.submit(consent)), verifier });
    const claims = JSON.parse(Buffer.from(tokens.id_token?.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: account.id, organization_id: north.id });
  });

  it('leads to the self-service of that application tenant', async () => {
    const { agent, page } = await give('new@north.example');
    const signUp = await agent.open(linkTo(page, '/sign-up'));
    expect(signUp.url.searchParams.get('organization')).toBe(north.id);
    await agent.submit(signUp, { email: 'new@north.example' });
    const chosen = { name: 'New', password, confirmation: password };
    await agent.submit(await agent.open(await latestLink(server, 'new@north.example')), chosen);
    expect(await tenant.accounts.findByEmail(north.id, 'new@north.example')).toBeDefined();
    expect(linkTo(page, '/forgotten-password')).toContain(`organization=${north.id}`);
    // The tenant's own people are invited.
    const own = await give('new@example.com');
    expect(linkTo(own.page, '/sign-up')).toBe('');
    expect(linkTo(own.page, '/forgotten-password')).not.toContain('organization');
  });
});

describe('an address in a domain of a source', () => {
  it('leads to the source before anybody types a password, which is to be had all the same', async () => {
    const { email } = await createPerson(tenant, 'own@corp.example');
    const { agent, page } = await give(email);
    expect(has(page, '#password')).toBe(false);
    expect(linkTo(page, 'federation?source=')).toContain(source.id);
    const asked = await agent.open(linkTo(page, '/password'));
    expect(asked.document.querySelector('#email')?.getAttribute('value')).toBe(email);
    expect(textOf(await agent.submit(asked, { password }))).toContain('asks for access');
  });

  it('goes there at once where nothing else is taken, once for each address that is given', async () => {
    const tenants = applicationTenantsOf(tenant);
    const made = await tenants.create({ slug: 'federated', name: 'Federated' });
    const settings = { signUp: 'invitation', signInSources: [source.id] } as const;
    await withDomain(tenant, await tenants.update(made.id, made.version, { settings }), 'corp.example');
    const { agent, page } = await give('ada@corp.example');
    expect(textOf(page)).toContain('You are being taken further');
    const door = await agent.open(linkTo(page, 'federation?source='));
    expect(door.url.origin).toBe(upstream.issuer);
    upstream.misbehave({ callback: { code: undefined, error: 'access_denied' } });
    const back = await agent.open(await visit(door.url));
    upstream.misbehave({});
    // Whoever gave up there is not sent again, and may mean another address.
    expect(linkTo(back, 'federation?source=')).toContain(source.id);
    const other = await agent.open(linkTo(back, '/address'));
    upstream.user = person('ada@corp.example');
    const again = await agent.submit(other, { email: 'ada@corp.example' });
    const arrived = await agent.open(await visit((await agent.open(linkTo(again, 'federation'))).url));
    expect(textOf(arrived)).toContain('asks for access');
    const gone = await tenants.get(made.id);
    await tenants.update(made.id, gone?.version ?? '', {
      settings: { signUp: 'invitation', signInSources: [] },
    });
    const nobody = await give('ada@corp.example');
    expect(textOf(nobody.page)).toContain('Nobody can sign in here with this address');
    await tenants.remove(made.id);
  });
});

it('is passed over by a request that has the address, and can be had from there', async () => {
  const { agent, page } = await begin({ login_hint: 'eve@north.example' });
  expect(page.document.querySelector('#email')?.getAttribute('value')).toBe('eve@north.example');
  expect(has(page, '#password')).toBe(true);
  const other = await agent.open(linkTo(page, '/address'));
  expect(has(other, '#password')).toBe(false);
  const next = await agent.submit(other, { email: 'bob@example.com' });
  expect(next.document.querySelector('#email')?.getAttribute('value')).toBe('bob@example.com');
});

describe('nobody learns who has an account', () => {
  /** Without what is of this browser alone. */
  const shape = ({ status, headers, body }: Arrival, email: string) => ({
    status,
    headers: [...headers.keys()].filter((name) => name !== 'date').sort(),
    body: body
      .replaceAll(email, 'address')
      .replaceAll(encodeURIComponent(email), 'address')
      .replace(/value="[\w-]{43}"/g, 'value="token"')
      .replace(/interaction[/=][\w-]+/g, 'interaction')
      .replace(/data-options="[^"]*"/g, ''),
  });

  async function compare(known: string, unknown: string) {
    const [one, other] = await Promise.all([known, unknown].map((email) => give(email)));
    expect(shape(one?.page as Arrival, known)).toEqual(shape(other?.page as Arrival, unknown));
  }

  it.each(['example.com', 'north.example', 'corp.example'])('by the second page, in %s', async (domain) => {
    const known = `known@${domain}`;
    const applicationTenantId = domain === 'north.example' ? north.id : 'default';
    const base = { name: 'Known', roles: [], emailVerified: true };
    const { id } = await tenant.accounts.create({ ...base, applicationTenantId, email: known });
    await compare(known, `unknown@${domain}`);
    await tenant.accounts.setPassword(id, password);
    await compare(known, `unknown@${domain}`);
    await tenant.accounts.setDisabled(id, true);
    await compare(known, `unknown@${domain}`);
  });

  it('nor by anything that the second page leaves behind', async () => {
    const { agent, page } = await begin();
    const items: string[] = [];
    for await (const { pk } of tenant.table.scan()) items.push(pk);
    await agent.submit(page, { email: 'nobody@example.com' });
    const after: string[] = [];
    for await (const { pk } of tenant.table.scan()) after.push(pk);
    expect(after.sort()).toEqual(items.sort());
  });
});
