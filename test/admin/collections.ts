import type { AdminScope } from '../../src/identity/admin-scopes.ts';

/**
 * A collection of a tenant under `/api/tenants/{slug}/…` that keeps the conventions of docs/api.md. One entry here is all that a collection needs to
 * be tested for them.
 */
export interface Collection {
  /** Last part of the collection's path, and the member of a list's answer. */
  name: string;
  /** Where the list has the members under another name. */
  listedAs?: string;
  scopes: { read: AdminScope; write: AdminScope };
  /** A body that creates a member; another one for every number. */
  sample(number: number): Record<string, unknown>;
  /** What its address ends in, from the answer to its creation. */
  idOf(member: Record<string, unknown>): string;
  /** A patch that changes a member; absent: members cannot be changed. */
  patch?: Record<string, unknown>;
  /** A member of the answer that is shown once. */
  secret?: string;
  /** Deletion is accepted, and a job carries it out. */
  removedLater?: boolean;
  /** How many a tenant may have; absent: no matter. */
  most?: number;
}

export const collections: readonly Collection[] = [
  {
    name: 'clients',
    scopes: { read: 'clients:read', write: 'clients:write' },
    sample: (number) => ({ name: `Job ${number}`, type: 'm2m' }),
    idOf: ({ clientId }) => String(clientId),
    patch: { name: 'Another name' },
    secret: 'clientSecret',
  },
  {
    name: 'resources',
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
    name: 'api-keys',
    listedAs: 'apiKeys',
    scopes: { read: 'api-keys:read', write: 'api-keys:write' },
    sample: (number) => ({ name: `Script ${number}`, scopes: ['api-keys:read'] }),
    idOf: ({ id }) => String(id),
    secret: 'secret',
  },
  {
    name: 'webhooks',
    scopes: { read: 'webhooks:read', write: 'webhooks:write' },
    sample: (number) => ({ url: `https://hooks.example.com/${number}`, events: ['client.*'] }),
    idOf: ({ id }) => String(id),
    patch: { events: ['user.*'], enabled: false, description: 'Chat' },
    secret: 'secret',
    most: 20,
  },
  {
    name: 'initial-access-tokens',
    listedAs: 'initialAccessTokens',
    scopes: { read: 'clients:read', write: 'clients:write' },
    sample: (number) => ({ name: `Rollout ${number}`, uses: number }),
    idOf: ({ id }) => String(id),
    secret: 'token',
  },
  {
    name: 'users',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ email: `user${number}@example.com`, name: `User ${number}` }),
    idOf: ({ id }) => String(id),
    patch: { name: 'Another name', disabled: true },
  },
  {
    name: 'groups',
    scopes: { read: 'users:read', write: 'users:write' },
    sample: (number) => ({ name: `Group ${number}`, roles: ['Member'] }),
    idOf: ({ id }) => String(id),
    patch: { description: 'Another description' },
  },
  {
    name: 'application-tenants',
    listedAs: 'applicationTenants',
    scopes: { read: 'application-tenants:read', write: 'application-tenants:write' },
    sample: (number) => ({ name: `Customer ${number}` }),
    idOf: ({ id }) => String(id),
    patch: { signUp: 'open' },
    removedLater: true,
  },
];
