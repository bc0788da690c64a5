import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { Misbehaviour } from '../support/software-authenticator.ts';
import {
  type AskedOfPasskey,
  addPasskey,
  addRecoveryCodes,
  createPerson,
  passkeyOptions,
} from './factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  redeem,
  type ServedTenant,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;
let globex: ServedTenant;
let count = 0;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
  globex = server.tenants[1] as ServedTenant;
});
afterAll(() => server.close());

async function personWithPasskey(at = tenant) {
  count += 1;
  const account = await createPerson(at, `ada${count}@example.com`);
  const authenticator = await addPasskey(at, account);
  await addRecoveryCodes(at, account.id);
  return { account, authenticator };
}

it('signs in without address and password, and counts as two factors (B4)', async () => {
  const { account, authenticator } = await personWithPasskey();
  const agent = server.userAgent();
  const { url, verifier } = authorizationRequest(tenant);
  const page = await agent.open(url);
  expect(page.document.querySelector('#email')?.getAttribute('autocomplete')).toBe('username webauthn');
  const response = authenticator.get(passkeyOptions(page));
  const consent = await agent.submitTo(page, 'passkey', { response });
  const { id_token = '' } = await redeem(tenant, { ...(await agent.submitTo(consent, 'consent')), verifier });
  expect(decodeJwt(id_token)).toMatchObject({
    sub: account.id,
    amr: ['swk', 'user', 'mfa'],
    acr: 'phr',
  });
});

it('is a script of ours, at an address that may be kept for ever', async () => {
  const page = await server.userAgent().open(authorizationRequest(tenant).url);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  const scripts = page.document.querySelectorAll('script').map((script) => script.getAttribute('src') ?? '');
  expect(scripts).toHaveLength(2);
  for (const address of scripts) {
    const response = await fetch(new URL(address, server.origin));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(await response.text()).not.toMatch(/\beval\(|new Function\(/);
  }
});

describe('is refused, in the same words, when', () => {
  async function refusal(
    answer: (
      authenticator: Awaited<ReturnType<typeof personWithPasskey>>['authenticator'],
      asked: AskedOfPasskey,
    ) => string,
    prepare: (account: { id: string }) => Promise<void> = async () => {},
    parameters: Record<string, string> = {},
  ) {
    const { account, authenticator } = await personWithPasskey();
    await prepare(account);
    const agent = server.userAgent();
    const page = await agent.open(authorizationRequest(tenant, parameters).url);
    const response = answer(authenticator, passkeyOptions(page));
    const refused = await agent.submitTo(page, 'passkey', { response });
    expect(refused.status).toBe(401);
    expect(textOf(refused)).toContain('This passkey does not work here.');
    // The button is there; the browser offers nothing by itself, so that it cannot go round in circles.
    expect(refused.document.querySelector('form[data-passkey=sign-in]')).not.toBeNull();
    expect(refused.document.querySelector('form[data-passkey=autofill]')).toBeNull();
    expect(
      (await agent.open(authorizationRequest(tenant, { prompt: 'none' }).url)).url.searchParams.get('error'),
    ).toBe('login_required');
  }

  it.each<[string, Misbehaviour]>([
    ['it signs for another origin', { origin: 'https://evil.example' }],
    ['it signs for another relying party', { rpId: 'evil.example' }],
    ['it signs another challenge', { challenge: Buffer.alloc(54, 7).toString('base64url') }],
    ['it did not ask for PIN or finger', { userVerified: false }],
    ['it names another account', { userHandle: Buffer.from('acc_eve').toString('base64url') }],
  ])('%s', (_what, wrong) => refusal((authenticator, asked) => authenticator.get(asked, wrong)));

  it('it is no answer at all', () => refusal(() => 'null'));

  it('it is a passkey of another tenant', async () => {
    const other = await personWithPasskey(globex);
    await refusal((_own, asked) => other.authenticator.get(asked));
  });

  it('it answers what the other tenant has asked', async () => {
    const asked = passkeyOptions(await server.userAgent().open(authorizationRequest(globex).url));
    await refusal((authenticator) => authenticator.get(asked));
  });

  it('it answers what another browser was asked', async () => {
    const asked = passkeyOptions(await server.userAgent().open(authorizationRequest(tenant).url));
    await refusal((authenticator) => authenticator.get(asked));
  });

  it('the account is disabled', () =>
    refusal(
      (authenticator, asked) => authenticator.get(asked),
      ({ id }) => tenant.accounts.setDisabled(id, true),
    ));

  it('the request is for another application tenant (E2)', async () => {
    const store = { table: tenant.table, clock: Date, random: systemRandom };
    const { id } = await createApplicationTenants(store).create({
      slug: `customer-${count}`,
      name: 'Customer',
    });
    await refusal((authenticator, asked) => authenticator.get(asked), undefined, { organization: id });
  });
});

it('takes an answer once, although the page is still open', async () => {
  const { authenticator } = await personWithPasskey();
  const agent = server.userAgent();
  const page = await agent.open(authorizationRequest(tenant).url);
  const response = authenticator.get(passkeyOptions(page));
  const arrivals = await Promise.all([1, 2, 3].map(() => agent.submitTo(page, 'passkey', { response })));
  expect(arrivals.filter(({ status }) => status === 401)).toHaveLength(2);
});

it('is refused from where the policy lets nobody sign in', async () => {
  const closed = await createTenantServer({ policy: { ipRestrictions: ['192.0.2.0/24'] } });
  try {
    const authenticator = await addPasskey(
      closed.tenant,
      await createPerson(closed.tenant, 'ada@example.com'),
    );
    const agent = closed.userAgent();
    const page = await agent.open(authorizationRequest(closed.tenant).url);
    const response = authenticator.get(passkeyOptions(page));
    expect((await agent.submitTo(page, 'passkey', { response })).status).toBe(403);
  } finally {
    await closed.close();
  }
});
