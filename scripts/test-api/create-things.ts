import { setTimeout as delay } from 'node:timers/promises';

/** What stands in the braces of paths. */
export type Things = Readonly<Record<string, string>>;

export interface ApiAccess {
  origin: string;
  token: string;
  patience: AbortSignal;
}

type Answer = Readonly<Record<string, unknown>>;

/** A tenant with one thing of each kind. */
export async function createThings(access: ApiAccess, slug: string): Promise<Things> {
  const call = caller(access);
  await call('POST', '/tenants', { name: slug, slug });
  while ((await call('GET', `/tenants/${slug}`)).status !== 'active') {
    await delay(200);
  }
  const at = `/tenants/${slug}`;
  const make = async (path: string, body: object, member = 'id') =>
    String((await call('POST', `${at}${path}`, body))[member]);
  const indicator = `https://${slug}.example/api`;
  await make('/resources', {
    indicator,
    name: 'API',
    scopes: ['fly'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 600,
  });
  // Not the address of the document's examples, which has to be free.
  const person = (email: string) => ({ email: `${email}@seed.example`, name: 'Ada' });
  const { keys } = (await call('GET', `${at}/keys`)) as { keys: { kid: string }[] };
  const applicationTenantId = await make('/application-tenants', { name: 'Customer' });
  const domain = `${slug}.example`;
  await make(`/application-tenants/${applicationTenantId}/domains`, { domain });
  const there = { applicationTenant: applicationTenantId };
  const groupId = await make('/groups', { name: 'Pilots' });
  const userId = await make('/users', person('ada'));
  await make(`/groups/${groupId}/members`, { userId });
  const role = { name: 'Pilot', scopes: ['fly'] };
  await make(`/application-tenants/${applicationTenantId}/roles`, { ...role, name: 'Steward' });
  const hook = { url: 'https://hooks.example/x', events: ['*'] };
  const webhookId = await make('/webhooks', hook);
  return {
    slug,
    // What takes these away leaves what is in the others.
    quietApplicationTenantId: await make('/application-tenants', { name: 'Quiet' }),
    spareApplicationTenantId: await make('/application-tenants', { name: 'Spare' }),
    spareGroupId: await make('/groups', { name: 'Spare' }),
    spareUserId: await make('/users', person('spare')),
    // Nothing waits there, so a ping may be sent.
    quietWebhookId: await make('/webhooks', hook),
    applicationTenantId,
    clientId: await make('/clients', { name: 'Robot', type: 'm2m' }, 'clientId'),
    deliveryId: await make(`/webhooks/${webhookId}/ping`, {}, 'deliveryId'),
    domain,
    groupId,
    importId: String(
      (await call('POST', `${at}/user-imports`, 'not an object\n', 'application/x-ndjson')).id,
    ),
    indicator: encodeURIComponent(indicator),
    invitationId: await make('/invitations', person('eve')),
    keyId: await make('/api-keys', { name: 'Script', scopes: ['clients:read'] }),
    kid: keys[0]?.kid ?? '',
    language: 'en',
    orderId: await requestTenant(access, `More of ${slug}`),
    role: await make('/roles', role, 'name'),
    // Of the application tenant, as are those by SCIM.
    ownRole: 'Steward',
    scimGroupId: await make('/groups', { name: 'Crew', ...there }),
    scimUserId: await make('/users', { ...person('bob'), ...there }),
    sourceId: await make('/sign-in-sources', {
      kind: 'openid',
      name: 'Company',
      openid: { issuer: 'https://login.example', clientId: 'tenantry' },
      secret: 'secret',
    }),
    template: 'welcome',
    tokenId: await make('/initial-access-tokens', { name: 'Once' }),
    userId,
    webhookId,
  };
}

/** An order that can be decided: of somebody who is not signed in, so that the token's holder has no part in it. */
async function requestTenant(access: ApiAccess, name: string): Promise<string> {
  const requester = { name: 'Rita', email: 'rita@example.com' };
  const response = await fetch(`${access.origin}/api/registrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, requester }),
    signal: access.patience,
  });
  const { orderId } = (await response.json()) as { orderId: string };
  while ((await caller(access)('GET', `/registrations/${orderId}`)).status === 'Submitted') {
    await delay(200);
  }
  return orderId;
}

/** What is above tenants. */
export async function createPlatformThings(access: ApiAccess): Promise<Things> {
  const call = caller(access);
  const hook = { url: 'https://hooks.example/y', events: ['*'] };
  const { id: spareWebhookId } = await call('POST', '/webhooks', hook);
  const { id: quietWebhookId } = await call('POST', '/webhooks', hook);
  const { id: webhookId } = await call('POST', '/webhooks', hook);
  const { deliveryId } = await call('POST', `/webhooks/${webhookId}/ping`, {});
  const { id: reconciliationId } = await call('POST', '/reconciliation', {});
  while ((await call('GET', `/reconciliation/${reconciliationId}`)).state !== 'done') {
    await delay(200);
  }
  return {
    webhookId: String(webhookId),
    spareWebhookId: String(spareWebhookId),
    quietWebhookId: String(quietWebhookId),
    deliveryId: String(deliveryId),
    reconciliationId: String(reconciliationId),
  };
}

function caller({ origin, token, patience }: ApiAccess) {
  return async (
    method: string,
    path: string,
    body?: object | string,
    mediaType = 'application/json',
  ): Promise<Answer> => {
    const response = await fetch(`${origin}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': mediaType },
      signal: patience,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Answer;
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    }
    return answer;
  };
}
