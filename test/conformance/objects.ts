import { describe, expect, it } from 'vitest';
import type { ObjectStorage } from '../../src/cloud/objects/port.ts';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import { freshOwner } from './owners.ts';

/** What the suite needs besides the port: to put something into a space, as the tenant's services do. */
export interface ObjectsUnderTest {
  storage: ObjectStorage;
  put(location: string, name: string, content: string): Promise<void>;
  /** Names in the space without Tenantry's own, also when the space is gone. */
  list(location: string): Promise<string[]>;
}

/** What every implementation of the objects port does. */
export function objectsConformance(implementation: string, setUp: () => Promise<ObjectsUnderTest>): void {
  describe(`objects port: ${implementation}`, () => {
    it('makes a space that is found again, however often it is made', async () => {
      const { storage } = await setUp();
      const owner = freshOwner();
      expect(await storage.problems()).toEqual([]);
      expect(await storage.find(owner)).toBeUndefined();
      const space = await storage.create(owner);
      expect(await storage.create(owner)).toEqual(space);
      expect(await storage.find(owner)).toEqual(space);
      expect(space.location).toContain(owner.slug);
    });

    it('finds nothing wrong with a new space, and something with one that is missing', async () => {
      const { storage } = await setUp();
      const owner = freshOwner();
      expect(await storage.inspect(owner)).not.toEqual([]);
      await storage.create(owner);
      expect(await storage.inspect(owner)).toEqual([]);
      expect(await storage.inspect(owner)).toEqual([]);
    });

    it('keeps what is in a space that is made again', async () => {
      const { storage, put, list } = await setUp();
      const owner = freshOwner();
      const { location } = await storage.create(owner);
      await put(location, 'report.txt', 'content');
      await storage.create(owner);
      expect(await list(location)).toEqual(['report.txt']);
    });

    it('removes a space with everything in it, and nobody else’s', async () => {
      const { storage, put, list } = await setUp();
      const [owner, other] = [freshOwner(), freshOwner()];
      const { location } = await storage.create(owner);
      const { location: otherLocation } = await storage.create(other);
      await put(location, 'a.txt', 'one');
      await put(location, 'a.txt', 'two');
      await put(location, 'b/c.txt', 'three');
      await put(otherLocation, 'mine.txt', 'kept');
      await storage.remove(owner);
      await storage.remove(owner);
      expect(await storage.find(owner)).toBeUndefined();
      expect(await list(location)).toEqual([]);
      expect(await list(otherLocation)).toEqual(['mine.txt']);
      expect(await storage.find(other)).toBeDefined();
    });

    it('lists a space as its tenant’s, by its mark or by its name, until it is removed', async () => {
      const { storage } = await setUp();
      const [owner, other] = [freshOwner(), freshOwner()];
      await storage.create(owner);
      await storage.create(other);
      const listed = async (known: readonly ResourceOwner[]) =>
        (await storage.list(known)).filter(({ owner: { tenantId } }) => tenantId === owner.tenantId);
      const { location } = (await storage.find(owner)) ?? {};
      expect(await listed([])).toEqual([{ name: location, owner }]);
      expect(await listed([owner, other])).toEqual([{ name: location, owner }]);
      await storage.remove(owner);
      expect(await listed([owner])).toEqual([]);
      expect((await storage.list([])).map((each) => each.owner.tenantId)).toContain(other.tenantId);
    });

    it('gives another tenant of the same slug a space of its own', async () => {
      const { storage } = await setUp();
      const owner = freshOwner();
      const successor = freshOwner(owner.slug);
      const space = await storage.create(owner);
      expect(await storage.find(successor)).toBeUndefined();
      expect(await storage.create(successor)).not.toEqual(space);
      await storage.remove(successor);
      expect(await storage.find(owner)).toEqual(space);
    });
  });
}
