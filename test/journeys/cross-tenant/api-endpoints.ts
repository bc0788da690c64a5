import type { ArtifactName } from './artifacts.ts';
import { type Endpoint, okOutcome } from './outcome.ts';
import { bearer, send } from './requests.ts';

const credentials: readonly ArtifactName[] = ['access token for the admin API', 'API key'];

/** One of each kind that the admin API has below a tenant. */
const paths = [
  '',
  '/clients',
  '/clients/app',
  '/resources',
  '/audit',
  '/users',
  '/policy',
  '/webhooks',
  '/keys',
  '/api-keys',
  '/initial-access-tokens',
  '/sign-in-sources',
  '/application-tenants',
  '/usage',
  '/scim/default/v2/Users',
  '/scim/default/v2/Groups',
];

/** The admin API: of the tenant, of the platform, and of whoever holds an order's id. */
export const apiEndpoints: readonly Endpoint[] = [
  ...paths.map(
    (path): Endpoint => ({
      name: `GET /api/tenants/…${path}`,
      takes: credentials,
      present: async ({ origin, slug }, { value }) =>
        okOutcome(await send(`${origin}/api/tenants/${slug}${path}`, { headers: bearer(value) })),
    }),
  ),
  {
    name: 'POST /api/tenants/…/clients',
    takes: credentials,
    async present({ origin, slug }, { value }) {
      const json = { name: 'Planted', type: 'm2m' };
      return okOutcome(await send(`${origin}/api/tenants/${slug}/clients`, { headers: bearer(value), json }));
    },
  },
  {
    name: 'GET /api/tenants',
    takes: [],
    present: async ({ origin }, { value }) =>
      okOutcome(await send(`${origin}/api/tenants`, { headers: bearer(value) })),
  },
  {
    name: 'GET /api/registrations',
    takes: [],
    present: async ({ origin }, { value }) =>
      okOutcome(await send(`${origin}/api/registrations`, { headers: bearer(value) })),
  },
  {
    name: 'GET /api/registrations/…',
    takes: ['order id'],
    shared: true,
    present: async ({ origin }, { value }) =>
      okOutcome(await send(`${origin}/api/registrations/${encodeURIComponent(value)}`)),
  },
];
