import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import type { Caches } from '../../src/cloud/cache/port.ts';
import type { Secret } from '../../src/kernel/secret.ts';
import { freshOwner } from './owners.ts';

const password = 'a-generated-password';

export async function connectedTo(url: Secret) {
  const client = createClient({ url: url.reveal(), socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** What every implementation of the cache port does. */
export function cachesConformance(implementation: string, setUp: () => Promise<Caches>): void {
  describe(`cache port: ${implementation}`, () => {
    it('makes a namespace that is found again, however often it is made', async () => {
      const caches = await setUp();
      const owner = freshOwner();
      expect(await caches.problems()).toEqual([]);
      expect(await caches.find(owner)).toBeUndefined();
      const space = await caches.create(owner, password);
      expect(space.keyPrefix).toBe(`tenant:${owner.slug}:`);
      expect(await caches.create(owner, password)).toEqual(space);
      expect(await caches.find(owner)).toEqual(space);
      expect(await caches.inspect(owner, password)).toEqual([]);
      await caches.remove(owner);
    });

    it('lets the tenant use its keys and channels by the URL alone', async () => {
      const caches = await setUp();
      const owner = freshOwner();
      const { keyPrefix } = await caches.create(owner, password);
      const client = await connectedTo(caches.urlFor(owner, password));
      const subscriber = await client.duplicate().connect();
      const message = new Promise((resolve) => subscriber.subscribe(`${keyPrefix}events`, resolve));
      await client.set(`${keyPrefix}a`, '1');
      await client.multi().incr(`${keyPrefix}a`).expire(`${keyPrefix}a`, 60).exec();
      await client.hSet(`${keyPrefix}h`, 'field', 'value');
      expect(await client.get(`${keyPrefix}a`)).toBe('2');
      await client.publish(`${keyPrefix}events`, 'hello');
      expect(await message).toBe('hello');
      subscriber.destroy();
      client.destroy();
      await caches.remove(owner);
    });

    it('keeps two tenants apart, also when the slug of one begins with the other’s', async () => {
      const caches = await setUp();
      const one = freshOwner();
      const two = freshOwner(`${one.slug}-x`);
      await caches.create(one, password);
      const { keyPrefix } = await caches.create(two, password);
      const owner = await connectedTo(caches.urlFor(two, password));
      await owner.set(`${keyPrefix}secret`, 'theirs');
      const client = await connectedTo(caches.urlFor(one, password));
      for (const attempt of [
        () => client.get(`${keyPrefix}secret`),
        () => client.set(`${keyPrefix}secret`, 'mine'),
        () => client.del(`${keyPrefix}secret`),
        () => client.publish(`${keyPrefix}events`, 'x'),
        () => client.copy(`${keyPrefix}secret`, `tenant:${one.slug}:copy`),
        () => client.rename(`${keyPrefix}secret`, `tenant:${one.slug}:copy`),
      ]) {
        await expect(attempt()).rejects.toThrow(/NOPERM/);
      }
      owner.destroy();
      client.destroy();
      await caches.remove(one);
      expect(await caches.inspect(two, password)).toEqual([]);
      await caches.remove(two);
    });

    it('lists its users until they are removed, and leaves the one of a slug’s next holder', async () => {
      const caches = await setUp();
      const owner = freshOwner();
      const successor = freshOwner(owner.slug);
      const listed = async () =>
        (await caches.list([]))
          .filter(({ owner: { slug } }) => slug === owner.slug)
          .map((each) => each.owner);
      await caches.create(owner, password);
      expect(await listed()).toEqual([owner]);
      await caches.create(successor, password);
      expect(await listed()).toEqual([successor]);
      await caches.remove(owner);
      expect(await caches.inspect(successor, password)).toEqual([]);
      await caches.remove(successor);
      expect(await listed()).toEqual([]);
    });

    it('notices a password that is not the tenant’s, and a user that is missing', async () => {
      const caches = await setUp();
      const owner = freshOwner();
      await caches.create(owner, password);
      expect(await caches.inspect(owner, 'another')).toEqual(['the tenant cannot sign in']);
      await caches.remove(owner);
      expect(await caches.inspect(owner, password)).toEqual(['the tenant cannot sign in']);
    });

    it('removes the user, its connections and its keys, and nobody else’s', async () => {
      const caches = await setUp();
      const [one, two] = [freshOwner(), freshOwner()];
      await caches.create(one, password);
      await caches.create(two, password);
      const client = await connectedTo(caches.urlFor(one, password));
      const other = await connectedTo(caches.urlFor(two, password));
      await Promise.all(
        Array.from({ length: 1_200 }, (_, index) => client.set(`tenant:${one.slug}:k${index}`, 'x')),
      );
      await other.set(`tenant:${two.slug}:kept`, 'yes');
      await caches.remove(one);
      await caches.remove(one);
      await expect(client.get(`tenant:${one.slug}:k1`)).rejects.toThrow();
      expect(await caches.find(one)).toBeUndefined();
      expect(await other.get(`tenant:${two.slug}:kept`)).toBe('yes');
      other.destroy();
      await caches.create(one, password);
      const again = await connectedTo(caches.urlFor(one, password));
      expect(await again.exists(`tenant:${one.slug}:k1`)).toBe(0);
      again.destroy();
      await caches.remove(one);
      await caches.remove(two);
    });

    it('gives a namespace to whoever has the slug next, empty and with a new password', async () => {
      const caches = await setUp();
      const first = freshOwner();
      await caches.create(first, 'the-first-password');
      const next = freshOwner(first.slug);
      await caches.create(next, password);
      expect(await caches.inspect(first, 'the-first-password')).toEqual(['the tenant cannot sign in']);
      expect(await caches.inspect(next, password)).toEqual([]);
      await caches.remove(next);
    });
  });
}
