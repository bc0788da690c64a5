import type { Things } from './create-things.ts';
import type { Operation } from './operations.ts';

/** Requests that end a tenant, or close it to others. */
const endsTenant = [
  'decideComplianceReview',
  'deleteTenant',
  'restoreTenant',
  'resumeTenant',
  'rollbackProvisioning',
  'suspendTenant',
];

/** Requests that take away something else; besides them all that delete. */
const takesAway = [
  'disapproveRegistration',
  'resumeApplicationTenant',
  'revokeCookieKeys',
  'revokeKey',
  'suspendApplicationTenant',
];

/** Where a request needs another thing than most, so that each finds what it is for: what stands in the path, by its name among the things. */
const spares: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  deleteApplicationTenant: { applicationTenantId: 'spareApplicationTenantId' },
  resumeApplicationTenant: { applicationTenantId: 'quietApplicationTenantId' },
  suspendApplicationTenant: { applicationTenantId: 'quietApplicationTenantId' },
  deleteGroup: { groupId: 'spareGroupId' },
  deleteUser: { userId: 'spareUserId' },
  pingTenantWebhook: { webhookId: 'quietWebhookId' },
  pingWebhook: { webhookId: 'quietWebhookId' },
  removeWebhook: { webhookId: 'spareWebhookId' },
};

export interface Places {
  /** For most requests. */
  kept: Things;
  /** What one request takes away, others must find: requests that do so go to things of their own. */
  doomed: Things;
  ended: Things;
  /** Above tenants. */
  platform: Things;
}

/** A configuration that fills what stands in the braces of paths. */
export function configure(operations: readonly Operation[], places: Places): string {
  return [
    'continue-on-failure = true',
    'request-timeout = 20.0',
    '[generation]\ndeterministic = true',
    ...operations.map(
      (operation) =>
        `[[operations]]\ninclude-operation-id = ${JSON.stringify(operation.id)}\n${parameters(valuesFor(operation, places))}`,
    ),
    '',
  ].join('\n');
}

function parameters(values: Things): string {
  const entries = Object.entries(values).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
  return `parameters = { ${entries.join(', ')} }`;
}

function valuesFor({ id, method, path }: Operation, { kept, doomed, ended, platform }: Places): Things {
  const things = endsTenant.includes(id)
    ? ended
    : method === 'DELETE' || takesAway.includes(id)
      ? doomed
      : kept;
  const values = path.startsWith('/api/tenants/') ? things : { ...things, ...platform };
  const present = { ...values, ...special(path, things) };
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return Object.fromEntries(
    named.map((name) => {
      const spare = spares[id]?.[name];
      return [name, (spare === undefined ? present[name] : values[spare]) ?? ''];
    }),
  );
}

/** What is called otherwise in the things than in the path. */
function special(path: string, { scimGroupId = '', scimUserId = '', ownRole = '' }: Things): Things {
  if (path.includes('/application-tenants/')) {
    return { role: ownRole };
  }
  const [, kind] = /\/v2\/(\w+)\/\{id\}$/.exec(path) ?? [];
  switch (kind) {
    case 'Users':
      return { id: scimUserId };
    case 'Groups':
      return { id: scimGroupId };
    case 'ResourceTypes':
      return { id: 'User' };
    case 'Schemas':
      return { id: 'urn:ietf:params:scim:schemas:core:2.0:User' };
    default:
      return {};
  }
}
