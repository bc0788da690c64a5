import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiResources, validateApiResource } from '../../src/clients/api-resources.ts';
import { toClientDocument } from '../../src/clients/client-item.ts';
import { isOneOfClientSecrets } from '../../src/clients/client-secret.ts';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, testTablePrefix } from '../support/services.ts';

const tables = createTestTables();
const clock = testClock();
let table: Table;
let clients: Clients;

beforeAll(async () => {
  const name = `${testTablePrefix()}-clients`;
  await tables.create(name);
  table = tables.open(name);
  clients = createClients({ table, clock, random: systemRandom });
});
afterAll(() => tables.delete(table.name));

async function accepts(clientId: string, secret: string): Promise<boolean> {
  return isOneOfClientSecrets(secret, (await clients.getWithSecretHashes(clientId))?.hashes ?? []);
}

describe('clients', () => {
  it('keeps no secret, only its hash, and shows it once', async () => {
    const { client, clientSecret } = await clients.create({
      name: 'Web',
      type: 'web',
      redirectUris: ['https://a.example/cb'],
      scopes: ['clients:read'],
    });

    expect(Buffer.from(String(clientSecret), 'base64url')).toHaveLength(32);
    const stored = await table.get({ pk: 'Client', sk: client.clientId });
    expect(JSON.stringify(stored)).not.toContain(clientSecret);
    expect(await accepts(client.clientId, String(clientSecret))).toBe(true);
    expect(await accepts(client.clientId, `${clientSecret}x`)).toBe(false);
    expect(await clients.get(client.clientId)).toEqual({
      clientId: client.clientId,
      name: 'Web',
      type: 'web',
      enabled: true,
      redirectUris: ['https://a.example/cb'],
      postLogoutRedirectUris: [],
      scopes: ['clients:read'],
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
    });
  });

  it.each(['spa', 'native', 'device'] as const)('gives a %s client no secret', async (type) => {
    const { client, clientSecret } = await clients.create({ name: 'Public', type });
    expect(clientSecret).toBeUndefined();
    expect((await clients.getWithSecretHashes(client.clientId))?.hashes).toEqual([]);
    await expect(clients.setNewSecret(client.clientId)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('refuses a taken id and leaves its holder alone', async () => {
    const first = await clients.create({ name: 'First', type: 'm2m', clientId: 'chosen-id' });
    await expect(
      clients.create({ name: 'Second', type: 'web', clientId: 'chosen-id' }),
    ).rejects.toMatchObject({
      code: 'conflict',
      fields: [{ field: 'clientId' }],
    });
    expect(await clients.get('chosen-id')).toEqual(first.client);
  });

  it('replaces a secret', async () => {
    const { client, clientSecret } = await clients.create({ name: 'Job', type: 'm2m' });
    clock.advance(1000);
    const { clientSecret: next } = await clients.setNewSecret(client.clientId);

    expect(await accepts(client.clientId, next)).toBe(true);
    expect(await accepts(client.clientId, String(clientSecret))).toBe(false);
    await expect(clients.setNewSecret('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('lets two secrets count for a while', async () => {
    const { client, clientSecret: first = '' } = await clients.create({ name: 'Job', type: 'm2m' });
    const second = await clients.setNewSecret(client.clientId, { graceSeconds: 60 });
    expect(second.client.formerSecretUntil).toBe(new Date(clock.now() + 60_000).toISOString());
    expect(await accepts(client.clientId, first)).toBe(true);
    expect(await accepts(client.clientId, second.clientSecret)).toBe(true);

    clock.advance(60_000);
    expect(await accepts(client.clientId, first)).toBe(false);
    expect(await accepts(client.clientId, second.clientSecret)).toBe(true);
    expect(await clients.get(client.clientId)).not.toHaveProperty('formerSecretUntil');

    const third = await clients.setNewSecret(client.clientId, { graceSeconds: 60 });
    expect(await clients.endFormerSecret(client.clientId)).not.toHaveProperty('formerSecretUntil');
    expect(await accepts(client.clientId, second.clientSecret)).toBe(false);
    expect(await accepts(client.clientId, third.clientSecret)).toBe(true);
  });

  it('loses its secrets with the wish for one, and gets a new one with it', async () => {
    const { client, clientSecret: first = '' } = await clients.create({ name: 'Job', type: 'm2m' });
    const { clientSecret: second } = await clients.setNewSecret(client.clientId, { graceSeconds: 60 });
    const keyed = await clients.change(client.clientId, (before) => ({
      ...toClientDocument(before),
      tokenEndpointAuthMethod: 'private_key_jwt',
    }));
    expect(keyed).not.toHaveProperty('clientSecret');
    expect((await clients.getWithSecretHashes(client.clientId))?.hashes).toEqual([]);
    await expect(clients.setNewSecret(client.clientId)).rejects.toMatchObject({ code: 'conflict' });

    const again = await clients.change(client.clientId, (before) => ({
      ...toClientDocument(before),
      tokenEndpointAuthMethod: 'client_secret_basic',
    }));
    expect(await accepts(client.clientId, again.clientSecret ?? '')).toBe(true);
    expect(await accepts(client.clientId, first)).toBe(false);
    expect(await accepts(client.clientId, second)).toBe(false);
  });

  it('keeps both of two changes made at once', async () => {
    const { client } = await clients.create({ name: 'Job', type: 'm2m', scopes: [] });
    await Promise.all(
      ['a', 'b', 'c'].map((scope) =>
        clients.change(client.clientId, (before) => ({
          ...toClientDocument(before),
          scopes: [...before.scopes, scope],
        })),
      ),
    );
    expect((await clients.get(client.clientId))?.scopes.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('finds who registered itself by its token alone', async () => {
    const made = await clients.register({ name: 'Self', type: 'm2m' });
    const { clientId } = made.client;
    expect(await clients.getByRegistrationToken(clientId, made.registrationToken)).toEqual(made.client);
    expect(await clients.getByRegistrationToken(clientId, `${made.registrationToken}x`)).toBeUndefined();
    expect(await clients.getByRegistrationToken('given-id', made.registrationToken)).toBeUndefined();
    const next = await clients.setNewRegistrationToken(clientId);
    expect(await clients.getByRegistrationToken(clientId, made.registrationToken)).toBeUndefined();
    expect(await clients.getByRegistrationToken(clientId, next)).toEqual(made.client);
  });

  it('can be made again with a given secret without another effect', async () => {
    const input = { clientId: 'given-id', name: 'Given', type: 'm2m', scopes: ['admin'] } as const;
    const first = await clients.createWithSecret({ ...input, scopes: ['admin'] }, 'given-secret');
    clock.advance(1000);
    const second = await clients.createWithSecret({ ...input, scopes: ['admin'] }, 'given-secret');

    expect(second.createdAt).toBe(first.createdAt);
    expect(await accepts('given-id', 'given-secret')).toBe(true);
  });

  it('lists in pages and removes', async () => {
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await clients.list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      for (const { clientId } of page.clients) ids.add(clientId);
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(ids).toContain('given-id');
    expect(ids).toContain('chosen-id');

    await clients.remove('given-id');
    await clients.remove('given-id');
    expect(await clients.get('given-id')).toBeUndefined();
  });

  it.each(['', '__proto__', 'a/b', 'x'.repeat(3000), 'a b'])('finds nothing under the id %o', async (id) => {
    expect(await clients.get(id)).toBeUndefined();
  });
});

describe('API resources', () => {
  it('are kept, replaced and listed', async () => {
    const resources = createApiResources({ table });
    const orders = {
      indicator: 'https://orders.example',
      name: 'Orders',
      scopes: ['orders:read'],
      accessTokenFormat: 'jwt' as const,
      accessTokenTtlSeconds: 300,
      introspectionClientIds: [],
    };
    await resources.put({ ...orders, name: 'Old' });
    await resources.put(orders);

    expect(await resources.get(orders.indicator)).toEqual(orders);
    expect(await resources.list()).toEqual([orders]);
    expect(await resources.get('https://other.example')).toBeUndefined();
    expect(await resources.get('ä'.repeat(2000))).toBeUndefined();
  });

  it.each(['orders', 'https://a.example/#x', 'https://a b', ''])(
    'may not be called %o (RFC 8707)',
    (indicator) => {
      expect(validateApiResource({ indicator })).toMatchObject([{ field: 'indicator' }]);
    },
  );
});
