import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import type { LdapSettings, SignInSourceSettings } from '../../src/identity/sign-in-source.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Secret } from '../../src/kernel/secret.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { applicationTenantsOf } from '../self-service/mail-links.ts';
import { testClock } from '../support/clock.ts';
import type { Arrival, UserAgent } from '../support/user-agent.ts';
import { baseDn, directoryPassword, readerDn, readerPassword, type Slapd, startSlapd } from './slapd.ts';

let slapd: Slapd;
let server: TenantServer;
let tenant: ServedTenant;
beforeAll(async () => {
  slapd = await startSlapd();
  server = await createTenantServer();
  tenant = server.tenant;
  await addDirectory(tenant);
});
afterAll(async () => {
  await server?.close();
  await slapd?.stop();
});

async function addDirectory(to: ServedTenant, changes: Partial<SignInSourceSettings> = {}) {
  const ldap: LdapSettings = {
    url: slapd.tlsUrl,
    certificateAuthority: slapd.authority,
    readerDn,
    baseDn: `ou=people,${baseDn}`,
    disabledFlag: { attribute: 'userAccountControl', mask: 2 },
    groupSearch: { baseDn: `ou=groups,${baseDn}`, memberAttribute: 'member', nameAttribute: 'cn' },
  };
  const source = await to.sources.create(
    {
      kind: 'ldap',
      name: 'Directory',
      domains: ['corp.example'],
      defaultRoles: ['Viewer'],
      roleMapping: [{ group: 'engineers', roles: ['Member'] }],
      ldap,
      ...changes,
    },
    new Secret(readerPassword),
  );
  await to.rebuild();
  return source;
}

async function signIn(
  email: string,
  given: string,
  { to = tenant, agent = server.userAgent() }: { to?: ServedTenant; agent?: UserAgent } = {},
): Promise<Arrival> {
  return agent.submit(await agent.open(authorizationRequest(to).url), { email, password: given });
}

/** Whether the password was taken: the page after it asks for consent. */
const isIn = ({ document }: Arrival) => document.querySelector('form[action$="/consent"]') !== null;

describe('somebody of a directory', () => {
  it('signs in with its password at the usual form, and gets an account with mapped roles', async () => {
    expect(isIn(await signIn('ada@corp.example', directoryPassword))).toBe(true);
    const account = await tenant.accounts.findByEmail('default', 'ada@corp.example');
    expect(account).toMatchObject({
      name: 'Ada Lovelace',
      emailVerified: true,
      roles: ['Viewer', 'Member'],
    });
    expect(account?.passwordSetAt).toBeUndefined();
    expect(isIn(await signIn('ada@corp.example', directoryPassword))).toBe(true);
    expect((await tenant.accounts.findByEmail('default', 'ada@corp.example'))?.id).toBe(account?.id);
  });

  it.each([
    ['a wrong password', 'ada@corp.example', 'wrong'],
    ['an empty password', 'ada@corp.example', ''],
    ['an unknown address', 'nobody@corp.example', directoryPassword],
    ['a disabled entry', 'gone@corp.example', directoryPassword],
    ['an address that two share', 'twins@corp.example', directoryPassword],
    ['an address of another domain', 'ada@other.example', directoryPassword],
    ['a filter', '*@corp.example', directoryPassword],
  ])('is refused by the one sentence: %s', async (_, email, given) => {
    const page = await signIn(email, given);
    expect(page.status).toBe(401);
    expect(textOf(page)).toContain('The e-mail address or the password is not right.');
  });

  it('has no other password here, even if one was set', async () => {
    await signIn('win@corp.example', directoryPassword);
    const account = await tenant.accounts.findByEmail('default', 'win@corp.example');
    await tenant.accounts.setPassword(account?.id ?? '', password);
    expect(isIn(await signIn('win@corp.example', password))).toBe(false);
    expect(isIn(await signIn('win@corp.example', directoryPassword))).toBe(true);
  });

  it('stays the same person under another address, and never becomes somebody else', async () => {
    await signIn('bob@corp.example', directoryPassword);
    const bob = await tenant.accounts.findByEmail('default', 'bob@corp.example');
    await slapd.modify(`dn: uid=bob,ou=people,${baseDn}
changetype: modify
replace: mail
mail: robert@corp.example
`);
    expect(isIn(await signIn('robert@corp.example', directoryPassword))).toBe(true);
    expect((await tenant.accounts.findByEmail('default', 'robert@corp.example'))?.id).toBe(bob?.id);
    expect(await tenant.accounts.findByEmail('default', 'bob@corp.example')).toBeUndefined();
  });
});

describe('an account that was there before the directory', () => {
  async function accountOf(email: string) {
    const { id } = await tenant.accounts.create({ email, name: 'First', roles: [], emailVerified: true });
    await tenant.accounts.setPassword(id, password);
    return id;
  }
  const identities = () => createFederatedIdentities({ table: tenant.table, clock: systemClock });

  it('keeps its password, and is linked once its owner has given both', async () => {
    const id = await accountOf('star@corp.example');
    expect(isIn(await signIn('star@corp.example', password))).toBe(true);
    expect(await identities().listOf(id)).toEqual([]);
    const agent = server.userAgent();
    const page = await signIn('star@corp.example', directoryPassword, { agent });
    expect(textOf(page)).toContain('Is this account yours?');
    expect((await agent.submit(page, { password: directoryPassword })).status).toBe(401);
    expect(isIn(await agent.submit(page, { password }))).toBe(true);
    expect(await identities().listOf(id)).toMatchObject([{ label: 'star@corp.example' }]);
    // From now on the directory decides.
    expect(isIn(await signIn('star@corp.example', password))).toBe(false);
    expect(isIn(await signIn('star@corp.example', directoryPassword))).toBe(true);
  });
});

describe('guesses at a directory’s passwords', () => {
  let limited: TenantServer;
  const free = 2;

  beforeAll(async () => {
    limited = await createTenantServer({
      slugs: ['limited'],
      freeFailures: free,
      clock: testClock(Date.now()),
    });
    await addDirectory(limited.tenant);
  });
  afterAll(() => limited?.close());

  async function tryAs(
    email: string,
    given: string,
    { agent = limited.userAgent(), organization = 'default' } = {},
  ): Promise<number> {
    const page = await agent.open(
      authorizationRequest(limited.tenant, { organization, prompt: 'login' }).url,
    );
    return (await agent.submit(page, { email, password: given })).status;
  }

  it('are counted together, whichever application tenant they come by', async () => {
    const applicationTenants = applicationTenantsOf(limited.tenant);
    for (const slug of ['one', 'two', 'three']) await applicationTenants.create({ slug, name: slug });
    expect(await tryAs('ada@corp.example', 'wrong', { organization: 'one' })).toBe(401);
    // Somebody who administers another application tenant makes an account of their own there, under the same address.
    const two = await applicationTenants.find('two');
    const decoy = await limited.tenant.accounts.create({
      applicationTenantId: two?.id ?? '',
      email: 'ada@corp.example',
      name: 'Not Ada',
      roles: [],
    });
    await limited.tenant.accounts.setPassword(decoy.id, password);
    const knownThere = limited.userAgent();
    expect(await tryAs('ada@corp.example', password, { agent: knownThere, organization: 'two' })).toBe(200);
    for (const agent of [limited.userAgent(), knownThere]) {
      expect(await tryAs('ada@corp.example', directoryPassword, { agent, organization: 'three' })).toBe(429);
    }
    // Whoever knows the password of the account itself does not wait for the directory.
    expect(await tryAs('ada@corp.example', password, { organization: 'two' })).toBe(200);
    expect(await tryAs('bob@corp.example', 'wrong', { organization: 'one' })).toBe(401);
  });

  it('right ones make no account in an application tenant that the directory was not given to (E2)', async () => {
    const { id } = await applicationTenantsOf(limited.tenant).create({ slug: 'invited', name: 'Invited' });
    expect(await tryAs('star@corp.example', directoryPassword, { organization: 'invited' })).toBe(403);
    expect(await limited.tenant.accounts.findByEmail(id, 'star@corp.example')).toBeUndefined();
    expect(await tryAs('star@corp.example', directoryPassword)).toBe(200);
  });

  it('do not keep the owner out on a browser of theirs', async () => {
    const agent = limited.userAgent();
    expect(await tryAs('win@corp.example', directoryPassword, { agent })).toBe(200);
    for (let count = 0; count < free; count += 1) {
      expect(await tryAs('win@corp.example', 'wrong')).toBe(401);
    }
    expect(await tryAs('win@corp.example', directoryPassword)).toBe(429);
    expect(await tryAs('win@corp.example', directoryPassword, { agent })).toBe(200);
  });
});

describe('a directory that does not answer', () => {
  it('keeps nobody out whom it does not know, and says so to the others', async () => {
    const other = await createTenantServer({ slugs: ['down'] });
    try {
      const to = other.tenant;
      await addDirectory(to, {
        ldap: { url: 'ldaps://127.0.0.1:1', baseDn: 'dc=corp', readerDn: 'cn=reader,dc=corp' },
      });
      const { id } = await to.accounts.create({
        email: 'own@corp.example',
        name: 'Own',
        roles: [],
        emailVerified: true,
      });
      await to.accounts.setPassword(id, password);
      const as = (email: string, given: string) => signIn(email, given, { to, agent: other.userAgent() });
      expect(isIn(await as('own@corp.example', password))).toBe(true);
      for (const email of ['own@corp.example', 'nobody@corp.example']) {
        const page = await as(email, 'wrong');
        expect(page.status).toBe(503);
        expect(textOf(page)).toContain('does not answer');
      }
    } finally {
      await other.close();
    }
  });
});
