import type { AdminScope } from '../../src/identity/admin-scopes.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { Api } from './api-fixture.ts';

/** A list of a tenant. One entry in `collections` or `records` is all that it needs to be tested for the conventions of docs/api.md. */
export interface Listed {
  /** Below `/api/tenants/{slug}/`, as the route table has it. */
  path: string;
  /** Makes what the path's parameters stand for. */
  below?(api: Api, slug: string): Promise<Readonly<Record<string, string>>>;
  /** Where an answer has the members under another name than the last part of the path. */
  listedAs?: string;
  /** What tells a member from the others: of a collection, what its address ends in. */
  idOf(member: Record<string, unknown>): string;
}

/** Something that is made, changed and deleted by this API. */
export interface Collection extends Listed {
  scopes: { read: AdminScope; write: AdminScope };
  /** A body that creates a member; another one for every number. */
  sample(number: number, api: Api, slug: string): Record<string, unknown> | Promise<Record<string, unknown>>;
  /** The members are read where they belong, not in a list of their own. */
  unlisted?: boolean;
  /** A member has no address to be read at. */
  unread?: boolean;
  /** A member has nothing that could be another one's change. */
  untagged?: boolean;
  /** A patch that changes a member; absent: members cannot be changed. */
  patch?: Record<string, unknown>;
  /** A member of the answer that is shown once. */
  secret?: string;
  /** Deletion is accepted, and a job carries it out. */
  removedLater?: boolean;
  /** How many there may be; absent: no matter. */
  most?: number;
}

/** Something that is written down as it happens, and only read by this API. */
export interface Records extends Listed {
  scope: AdminScope;
  /** One more of them; absent: `below` has made all that there will be. */
  add?(
    api: Api,
    at: { slug: string; number: number; ids: Readonly<Record<string, string>> },
  ): Promise<unknown>;
  /** How many lines a page has for each one of its limit. */
  linesPerOne?: number;
}

async function makeApplicationTenant(api: Api, slug: string) {
  const { applicationTenants } = await api.partsOf(slug);
  const { id } = await applicationTenants.create({ slug: `customer-${unique()}`, name: 'Customer' });
  return { applicationTenantId: id };
}

async function makeGroup(api: Api, slug: string) {
  const { groups } = await api.partsOf(slug);
  const { id } = await groups.create({ name: unique(), description: '', roles: [] });
  return { groupId: id };
}

const unique = () => systemRandom.bytes(6).toString('hex');

export const collections: readonly Collection[] = [
  {
    path: 'clients',
    scopes: { read: 'clients:read', write: 'clients:write' },
    sample: (number) => ({ name: `Job ${number}`, type: 'm2m' }),
    idOf: ({ clientId }) => String(clientId),
    patch: { name: 'Another name' },
    secret: 'clientSecret',
  },
  {
    path: 'resources',
    scopes: { read: 'resources:read', write: 'resources:write' },
    sample: (number) => ({
      indicator: `https://api.example/orders/${number}?x=1`,
      name: `Orders ${number}`,
      scopes: ['orders:read'],
      accessTokenFormat: 'jwt',
      accessTokenTtlSeconds: 300,
    }),
    idOf: ({ indicator }) => String(indicator),
    patch: { name: 'Another name', accessTokenTtlSeconds: 600, signingAlgorithm: 'ES256' },
  },
  {
    path: 'api-keys',
    listedAs: 'apiKeys',
    scopes: { read: 'api-keys:read', write: 'api-keys:write' },
    sample: (number) => ({ name: `Script ${number}`, scopes: ['api-keys:read'] }),
    idOf: ({ id }) => String(id),
    secret: 'secret',
  },
  {
    path: 'webhooks',
    scopes: { read: 'webhooks:read', write: 'webhooks:write' },
    sample: (number) => ({ url: `https://hooks.example.com/${number}`, events: ['client.*'] }),
    idOf: ({ id }) => String(id),
    patch: { events: ['user.*'], enabled: false, description: 'Chat' },
    secret: 'secret',
    most: 20,
  },
  {
    path: 'initial-access-tokens',
    listedAs: 'initialAccessTokens',
    scopes: { read: 'clients:read', write: 'clients:write' },
    sample: (number) => ({ name: `Rollout ${number}`, uses: number }),
    idOf: ({ id }) => String(id),
    secret: 'token',
  },
  {
    path: 'users',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ email: `user${number}@example.com`, name: `User ${number}` }),
    idOf: ({ id }) => String(id),
    patch: { name: 'Another name', disabled: true },
  },
  {
    path: 'groups',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ name: `Group ${number}`, roles: ['Member'] }),
    idOf: ({ id }) => String(id),
    patch: { description: 'Another description' },
  },
  {
    path: 'application-tenants',
    listedAs: 'applicationTenants',
    scopes: { read: 'application-tenants:read', write: 'application-tenants:write' },
    sample: (number) => ({ name: `Customer ${number}` }),
    idOf: ({ id }) => String(id),
    patch: { signUp: 'open' },
    removedLater: true,
  },
  {
    path: 'roles',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ name: `Role ${number}`, scopes: ['orders:read'] }),
    idOf: ({ name }) => String(name),
    patch: { description: 'Another description', scopes: [] },
  },
  {
    path: 'application-tenants/{applicationTenantId}/roles',
    below: makeApplicationTenant,
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ name: `Role ${number}`, scopes: ['orders:read'] }),
    idOf: ({ name }) => String(name),
    patch: { description: 'Another description', scopes: [] },
  },
  {
    path: 'application-tenants/{applicationTenantId}/domains',
    below: makeApplicationTenant,
    scopes: { read: 'application-tenants:read', write: 'application-tenants:write' },
    sample: (number) => ({ domain: `customer${number}.example` }),
    idOf: ({ domains }) => String((domains as { domain: string }[]).at(-1)?.domain),
    unlisted: true,
    unread: true,
    most: 50,
  },
  {
    path: 'groups/{groupId}/members',
    below: makeGroup,
    scopes: { read: 'users:read', write: 'users:write' },
    sample: async (number, api, slug) => {
      const { accounts } = await api.partsOf(slug);
      const name = `Member ${number}`;
      const { id } = await accounts.create({ email: `member${number}@example.com`, name, roles: [] });
      return { userId: id };
    },
    idOf: ({ userId }) => String(userId),
    unread: true,
    untagged: true,
  },
  {
    path: 'invitations',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ email: `guest${number}@example.com`, name: `Guest ${number}` }),
    idOf: ({ id }) => String(id),
  },
  {
    path: 'sign-in-sources',
    listedAs: 'signInSources',
    scopes: { read: 'sign-in-sources:read', write: 'sign-in-sources:write' },
    sample: (number) => ({
      kind: 'openid',
      name: `Company ${number}`,
      openid: { issuer: `https://login${number}.example.com`, clientId: 'tenantry' },
      secret: 'of the source',
    }),
    idOf: ({ id }) => String(id),
    patch: { name: 'Another name', enabled: false },
    most: 50,
  },
];

export const records: readonly Records[] = [
  {
    path: 'audit',
    listedAs: 'events',
    scope: 'audit:read',
    idOf: ({ id }) => String(id),
    async add(api, { slug, number }) {
      const robot = await api.robot(slug, ['users:write']);
      await api
        .post(`/api/tenants/${slug}/roles`, { name: `Noted ${number}`, scopes: [] }, robot)
        .expect(201);
    },
  },
  {
    path: 'activity',
    listedAs: 'activities',
    scope: 'activity:read',
    idOf: ({ id }) => String(id),
    add: (api, { slug, number }) =>
      api.noteActivity(slug, { kind: 'client-registered', clientId: `client-${number}` }),
  },
  {
    path: 'webhooks/{webhookId}/deliveries',
    scope: 'webhooks:read',
    idOf: ({ id }) => String(id),
    async below(api, slug) {
      const robot = await api.robot(slug, ['webhooks:write']);
      const hook = { url: 'https://hooks.example.com/', events: ['client.*'] };
      const { body } = await api.post(`/api/tenants/${slug}/webhooks`, hook, robot).expect(201);
      return { webhookId: body.id };
    },
    async add(api, { slug, ids: { webhookId } }) {
      const robot = await api.robot(slug, ['webhooks:write']);
      await api.post(`/api/tenants/${slug}/webhooks/${webhookId}/ping`, {}, robot).expect(202);
      // Of one webhook one ping at most waits.
      await api.postgres.query(`update outbox set state = 'dead' where webhook_id = $1`, [webhookId]);
    },
  },
  {
    path: 'user-imports/{importId}/errors',
    scope: 'users:read',
    idOf: ({ line }) => String(line),
    linesPerOne: 100,
    async below(api, slug) {
      const { body } = await api.http
        .post(`/api/tenants/${slug}/user-imports`)
        .auth(await api.robot(slug, ['users:write']), { type: 'bearer' })
        .set('Content-Type', 'application/x-ndjson')
        .send('{}\n'.repeat(450))
        .expect(202);
      await api.runImport(body, { slug });
      return { importId: body.id };
    },
  },
];
