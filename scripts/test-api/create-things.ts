import { setTimeout as delay } from 'node:timers/promises';

/** A tenant with one thing of each kind; returns what stands in the braces of paths. */
export async function createThings(
  { origin, token, patience }: { origin: string; token: string; patience: AbortSignal },
  slug: string,
): Promise<Record<string, string>> {
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${origin}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: patience,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    }
    return answer;
  };
  await call('POST', '/tenants', { name: slug, slug });
  while ((await call('GET', `/tenants/${slug}`)).status !== 'active') {
    await delay(200);
  }
  const at = `/tenants/${slug}`;
  const make = async (path: string, body: object, member = 'id') =>
    String((await call('POST', `${at}${path}`, body))[member]);
  const requester = { name: 'Rita', email: 'rita@example.com' };
  const indicator = `https://${slug}.example/api`;
  await make('/resources', {
    indicator,
    name: 'API',
    scopes: ['fly'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 600,
  });
  const user = { email: 'ada@example.com', name: 'Ada' };
  const { keys } = (await call('GET', `${at}/keys`)) as { keys: { kid: string }[] };
  return {
    slug,
    applicationTenantId: await make('/application-tenants', { name: 'Customer' }),
    clientId: await make('/clients', { name: 'Robot', type: 'm2m' }, 'clientId'),
    groupId: await make('/groups', { name: 'Pilots' }),
    id: await make('/users', { ...user, email: 'bob@example.com' }),
    indicator: encodeURIComponent(indicator),
    invitationId: await make('/invitations', { ...user, email: 'eve@example.com' }),
    keyId: await make('/api-keys', { name: 'Script', scopes: ['clients:read'] }),
    kid: keys[0]?.kid ?? '',
    language: 'en',
    orderId: String((await call('POST', '/registrations', { name: 'More', requester })).orderId),
    role: await make('/roles', { name: 'Pilot', scopes: ['fly'] }, 'name'),
    template: 'welcome',
    tokenId: await make('/initial-access-tokens', { name: 'Once' }),
    userId: await make('/users', user),
    webhookId: await make('/webhooks', { url: 'https://hooks.example/x', events: ['*'] }),
  };
}
