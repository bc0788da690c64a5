import { randomUUID } from 'node:crypto';
import type * as openid from 'openid-client';
import type { Table } from '../../../src/cloud/tables/port.ts';
import { createAccounts } from '../../../src/identity/accounts.ts';
import { createApplicationTenants } from '../../../src/identity/application-tenants.ts';
import { createLinks, type LinkPurpose } from '../../../src/identity/links.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { Slug } from '../../../src/kernel/ids.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { issueAccountLink } from '../../support/invitation.ts';
import {
  callApi,
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  tenantAdminToken,
} from '../../support/onboarding.ts';
import { authorize, discover } from '../../support/relying-party.ts';
import type { ProductServer } from '../../support/server.ts';
import { createUserAgent, type UserAgent } from '../../support/user-agent.ts';

/** A tenant with the clients `app` (web) and `robot` (m2m) and the resources below. */
export interface Party extends OnboardedTenant {
  origin: string;
  /** Of `app`. */
  application: openid.Configuration;
  appSecret: string;
  robotSecret: string;
  /** The admin is signed in here. */
  browser: UserAgent;
  /** Of the tenant's admin, for the admin API: everything that such a token may. */
  adminToken: string;
  table: Table;
  /** A fresh link to a person of its own, as a mail would bring it. */
  link(purpose: LinkPurpose): Promise<string>;
}

export const redirectUri = 'https://app.example/callback';
export const adminApiScopes = [
  'tenants:read audit:read clients:read clients:write resources:read resources:write api-keys:read api-keys:write',
  'users:read policy:read webhooks:read keys:read sign-in-sources:read application-tenants:read usage:read scim',
].join(' ');
export const ordersApi = {
  indicator: 'https://orders.example/',
  name: 'Orders',
  scopes: ['orders:read'],
  accessTokenFormat: 'jwt',
  accessTokenTtlSeconds: 300,
};
export const filesApi = {
  ...ordersApi,
  indicator: 'https://files.example/',
  name: 'Files',
  scopes: ['files:read'],
  accessTokenFormat: 'opaque',
};

const app = {
  clientId: 'app',
  name: 'App',
  type: 'web',
  redirectUris: [redirectUri],
  scopes: ['orders:read', ...adminApiScopes.split(' ')],
};
const television = { clientId: 'television', name: 'Television', type: 'device' };
const robot = { clientId: 'robot', name: 'Robot', type: 'm2m', scopes: ['files:read'] };

/** Onboards the tenant; everything that tenants choose themselves is the same at all of them. */
export async function createParty(server: ProductServer, slug: string): Promise<Party> {
  const tenant = await onboardTenant(server, { slug, email: 'ada@example.com' });
  const { issuer, admin } = tenant;
  const adminToken = await tenantAdminToken(server, tenant, adminApiScopes);
  const [, , { clientSecret: appSecret }, { clientSecret: robotSecret }] = await createInTenant(
    server,
    slug,
    adminToken,
    {
      resources: [ordersApi, { ...filesApi, introspectionClientIds: ['robot'] }],
      clients: [app, robot, television],
    },
  );
  const allowed = await callApi(server, 'PATCH', `/api/tenants/${slug}/client-registration`, {
    token: adminToken,
    headers: { 'if-match': '*' },
    body: { enabled: true },
  });
  if (allowed.status !== 200) throw new Error(`registration at ${slug}: ${allowed.text}`);
  const application = await discover(issuer, 'app', appSecret);
  const browser = createUserAgent(server.origin);
  await authorize(application, { redirectUri, user: admin, browser });
  const record = await server.directory.get(slug as Slug);
  const store = {
    table: server.tables.open(record?.tableName ?? ''),
    clock: systemClock,
    random: systemRandom,
  };
  const applicationTenants = createApplicationTenants(store);
  const own = await applicationTenants.get('default');
  if (own === undefined) throw new Error(`${slug} has no people of its own`);
  await applicationTenants.update('default', own.version, { settings: { ...own.settings, signUp: 'open' } });
  return {
    ...tenant,
    origin: server.origin,
    application,
    appSecret,
    robotSecret,
    browser,
    adminToken,
    table: store.table,
    async link(purpose) {
      const email = `${randomUUID()}@example.com`;
      if (purpose === 'sign-up') {
        const data = { organization: 'default' };
        return createLinks(store).issue({ purpose, subject: email, data, ttlSeconds: 600 });
      }
      const accounts = createAccounts(store);
      const guest = await accounts.create({ email, name: 'Guest', roles: ['Viewer'] });
      if (purpose !== 'invitation') await accounts.setPassword(guest.id, admin.password);
      const account = (await accounts.get(guest.id)) ?? guest;
      return issueAccountLink(store, account, { purpose, data: { to: `new-${email}`, locale: 'en' } });
    },
  };
}
