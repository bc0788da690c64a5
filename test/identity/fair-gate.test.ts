import { describe, expect, it } from 'vitest';
import { createFairGate } from '../../src/identity/fair-gate.ts';

/** Work that ends when told to, and a record of what has begun. */
function worker() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    end: async (name: string) => {
      ends.get(name)?.();
      await new Promise(setImmediate);
    },
    work: (name: string) => () => {
      begun.push(name);
      const { promise, resolve } = Promise.withResolvers<string>();
      ends.set(name, () => resolve(name));
      return promise;
    },
  };
}

describe('a fair gate', () => {
  it('lets so many through, and whoever waits in turn by owner', async () => {
    const { begun, end, work } = worker();
    const gate = createFairGate({ atOnce: 2, maxWaiting: 8 });
    const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'c1', 'b2'].map((name) =>
      gate(name.slice(0, 1), work(name)),
    );
    await new Promise(setImmediate);
    expect(begun).toEqual(['a1', 'a2']);
    for (const name of ['a1', 'a2', 'a3', 'b1']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'a4']);
    for (const name of ['c1', 'a4', 'b2', 'a5']) await end(name);
    expect(await Promise.all(all)).toHaveLength(8);
  });

  it('refuses an owner who has too many waiting, and nobody else', async () => {
    const { begun, end, work } = worker();
    const gate = createFairGate({ atOnce: 1, maxWaiting: 2 });
    const taken = [gate('a', work('a1')), gate('a', work('a2')), gate('a', work('a3'))];
    await expect(gate('a', work('a4'))).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      headers: { 'Retry-After': '5' },
    });
    const other = gate('b', work('b1'));
    for (const name of ['a1', 'a2', 'b1', 'a3']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
    await Promise.all([...taken, other]);
  });

  it('goes on after work that fails', async () => {
    const gate = createFairGate({ atOnce: 1, maxWaiting: 2 });
    const results = await Promise.allSettled([
      gate('a', () => Promise.reject(new Error('no'))),
      gate('a', async () => 'yes'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
