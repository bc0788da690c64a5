import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConditionFailed, type Item, type Table, type Tables } from '../../src/cloud/tables/port.ts';

/** What every implementation of the tables port does. `prefix` begins the names of all tables that the suite makes. */
export function tablesConformance(
  implementation: string,
  setUp: () => Promise<{ tables: Tables; prefix: string }>,
): void {
  describe(`tables port: ${implementation}`, () => {
    let tables: Tables;
    let prefix: string;
    let table: Table;
    let partitions = 0;

    beforeAll(async () => {
      ({ tables, prefix } = await setUp());
      await tables.create(`${prefix}-data`);
      table = tables.open(`${prefix}-data`);
    });
    afterAll(async () => {
      await tables.delete(`${prefix}-data`);
    });

    /** A partition key that no other test uses. */
    function freshPartition(): string {
      partitions += 1;
      return `P#${partitions}`;
    }

    describe('items', () => {
      it('keeps strings, numbers and booleans, and no undefined attributes', async () => {
        const item = {
          pk: freshPartition(),
          sk: 'a',
          text: 'Grüße "quoted" \n',
          empty: '',
          whole: 1_900_000_000_123,
          fraction: -0.5,
          zero: 0,
          yes: true,
          no: false,
        };
        await table.put({ ...item, nothing: undefined });
        expect(await table.get({ pk: item.pk, sk: 'a' })).toStrictEqual(item);
      });

      it('finds nothing where nothing is', async () => {
        expect(await table.get({ pk: freshPartition(), sk: 'a' })).toBeUndefined();
      });

      it('ignores other attributes of a value given as a key', async () => {
        const item = { pk: freshPartition(), sk: 'a', extra: 1 };
        await table.put(item);
        expect(await table.get(item)).toStrictEqual(item);
        await table.delete(item);
        expect(await table.get(item)).toBeUndefined();
      });

      it('replaces a whole item', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', old: 1 });
        await table.put({ pk, sk: 'a', new: 2 });
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({ pk, sk: 'a', new: 2 });
      });

      it('updates named attributes, whatever their names, and returns the result', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', status: 'old', name: 'kept', 'odd#:name': 1 });
        const updated = await table.update(
          { pk, sk: 'a' },
          { set: { status: 'new', size: 2 }, remove: ['odd#:name'] },
        );
        expect(updated).toStrictEqual({ pk, sk: 'a', status: 'new', name: 'kept', size: 2 });
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual(updated);
      });

      it('increments, from nothing too, and loses none of many simultaneous increments', async () => {
        const pk = freshPartition();
        const results = await Promise.all(
          Array.from({ length: 20 }, () =>
            table.update({ pk, sk: 'a' }, { add: { count: 1, 'odd#:name': -2 }, set: { at: 'now' } }),
          ),
        );
        const counts = results.map(({ count }) => Number(count)).sort((a, b) => a - b);
        expect(counts).toStrictEqual(Array.from({ length: 20 }, (_, index) => index + 1));
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({
          pk,
          sk: 'a',
          count: 20,
          'odd#:name': -40,
          at: 'now',
        });
      });

      it('increments under a condition exactly once', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', count: 4 });
        const outcomes = await Promise.allSettled(
          Array.from({ length: 10 }, () =>
            table.update({ pk, sk: 'a' }, { add: { count: 1 } }, [{ attribute: 'count', equals: 4 }]),
          ),
        );
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({ pk, sk: 'a', count: 5 });
      });

      it('creates by an unconditional update', async () => {
        const pk = freshPartition();
        expect(await table.update({ pk, sk: 'a' }, { set: { count: 1 } })).toStrictEqual({
          pk,
          sk: 'a',
          count: 1,
        });
        expect(await table.update({ pk, sk: 'b' }, {})).toStrictEqual({ pk, sk: 'b' });
      });

      it('deletes once and again', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a' });
        await table.delete({ pk, sk: 'a' });
        await table.delete({ pk, sk: 'a' });
        expect(await table.get({ pk, sk: 'a' })).toBeUndefined();
      });

      it('writes any number of items in one go, the last write of a key deciding', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'gone' });
        const puts = Array.from({ length: 60 }, (_, index) => ({
          put: { pk, sk: `n${String(index).padStart(2, '0')}`, index },
        }));
        await table.batchWrite([
          ...puts,
          { delete: { pk, sk: 'gone' } },
          { put: { pk, sk: 'n00', index: 1000 } },
          { delete: { pk, sk: 'n01' } },
        ]);
        const { items } = await table.query({ pk });
        expect(items).toHaveLength(59);
        expect(items[0]).toStrictEqual({ pk, sk: 'n00', index: 1000 });
        expect(items.map((item) => item.sk)).not.toContain('gone');
        await table.batchWrite([]);
      });

      it('reads everything that there is, over pages of the store, and none of another table', async () => {
        const pk = freshPartition();
        // More than the megabyte that one page of a scan holds.
        const text = 'x'.repeat(30_000);
        const puts = Array.from({ length: 60 }, (_, index) => ({ put: { pk, sk: `n${index}`, text } }));
        await table.batchWrite(puts);
        const found: string[] = [];
        for await (const item of table.scan()) {
          if (item.pk === pk) {
            expect(item).toStrictEqual({ pk, sk: item.sk, text });
            found.push(item.sk);
          }
        }
        expect(found.toSorted()).toEqual(puts.map(({ put }) => put.sk).toSorted());
        const unknown = tables.open(`${prefix}-none`).scan();
        await expect(Array.fromAsync(unknown)).rejects.toThrow();
      });
    });

    describe('conditions', () => {
      it('puts only what is absent', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', owner: 'first' }, [{ exists: false }]);
        await expect(table.put({ pk, sk: 'a', owner: 'second' }, [{ exists: false }])).rejects.toBeInstanceOf(
          ConditionFailed,
        );
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({ pk, sk: 'a', owner: 'first' });
      });

      it('lets exactly one of many simultaneous puts win', async () => {
        const pk = freshPartition();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 20 }, (_, owner) => table.put({ pk, sk: 'a', owner }, [{ exists: false }])),
        );
        const winners = outcomes.flatMap(({ status }, owner) => (status === 'fulfilled' ? [owner] : []));
        expect(winners).toHaveLength(1);
        expect(await table.get({ pk, sk: 'a' })).toMatchObject({ owner: winners[0] });
        expect(
          outcomes.every(
            (outcome) => outcome.status === 'fulfilled' || outcome.reason instanceof ConditionFailed,
          ),
        ).toBe(true);
      });

      it('lets exactly one of many simultaneous updates consume', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', payload: 'kept' });
        const outcomes = await Promise.allSettled(
          Array.from({ length: 20 }, (_, by) =>
            table.update({ pk, sk: 'a' }, { set: { consumed: by } }, [
              { exists: true },
              { attribute: 'consumed', absent: true },
            ]),
          ),
        );
        const winners = outcomes.flatMap((outcome) =>
          outcome.status === 'fulfilled' ? [outcome.value] : [],
        );
        expect(winners).toHaveLength(1);
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual(winners[0]);
        expect(Object.keys(winners[0] ?? {}).sort()).toStrictEqual(['consumed', 'payload', 'pk', 'sk']);
      });

      it('never creates an item by a condition on an existing one', async () => {
        const pk = freshPartition();
        await expect(
          table.update({ pk, sk: 'a' }, { set: { consumed: 1 } }, [
            { exists: true },
            { attribute: 'consumed', absent: true },
          ]),
        ).rejects.toBeInstanceOf(ConditionFailed);
        expect(await table.get({ pk, sk: 'a' })).toBeUndefined();
      });

      it('compares attributes by type and value', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', version: 3 });
        const next = (equals: string | number) =>
          table.update({ pk, sk: 'a' }, { set: { version: 4 } }, [{ attribute: 'version', equals }]);
        await expect(next('3')).rejects.toBeInstanceOf(ConditionFailed);
        await expect(next(2)).rejects.toBeInstanceOf(ConditionFailed);
        expect(await next(3)).toStrictEqual({ pk, sk: 'a', version: 4 });
      });

      it('counts up to a bound, however many come at once', async () => {
        const pk = freshPartition();
        const take = () =>
          table.update({ pk, sk: 'a' }, { add: { taken: 1 } }, [{ attribute: 'taken', below: 3 }]);
        await expect(take()).rejects.toBeInstanceOf(ConditionFailed);
        await table.put({ pk, sk: 'a', taken: 'none' });
        await expect(take()).rejects.toBeInstanceOf(ConditionFailed);
        await table.put({ pk, sk: 'a', taken: 0 });
        const takes = await Promise.allSettled(Array.from({ length: 6 }, take));
        expect(takes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({ pk, sk: 'a', taken: 3 });
      });

      it('deletes only under its condition, and says when there is nothing to delete', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'a', owner: 'me' });
        await expect(
          table.delete({ pk, sk: 'a' }, [{ attribute: 'owner', equals: 'you' }]),
        ).rejects.toBeInstanceOf(ConditionFailed);
        await table.delete({ pk, sk: 'a' }, [{ attribute: 'owner', equals: 'me' }]);
        await expect(table.delete({ pk, sk: 'a' }, [{ exists: true }])).rejects.toBeInstanceOf(
          ConditionFailed,
        );
      });

      it('does not show a failed condition of another table', async () => {
        const other = tables.open(`${prefix}-other`);
        await tables.create(`${prefix}-other`);
        const pk = freshPartition();
        await other.put({ pk, sk: 'a' });
        await table.put({ pk, sk: 'a' }, [{ exists: false }]);
        await tables.delete(`${prefix}-other`);
        expect(await table.get({ pk, sk: 'a' })).toStrictEqual({ pk, sk: 'a' });
      });
    });

    describe('queries', () => {
      async function seed(count: number): Promise<string> {
        const pk = freshPartition();
        const items: Item[] = Array.from({ length: count }, (_, index) => ({
          pk,
          sk: `k${index}`,
          gsi1pk: `G#${pk}`,
          gsi1sk: `g${count - index}`,
        }));
        await table.batchWrite(items.map((put) => ({ put })));
        return pk;
      }

      it('reads a partition in order, forwards and backwards', async () => {
        const pk = await seed(5);
        const ascending = (await table.query({ pk })).items.map((item) => item.sk);
        expect(ascending).toStrictEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
        const descending = (await table.query({ pk, order: 'descending' })).items.map((item) => item.sk);
        expect(descending).toStrictEqual([...ascending].reverse());
      });

      it('keeps to a sort key prefix', async () => {
        const pk = freshPartition();
        await table.batchWrite(['a#1', 'a#2', 'b#1'].map((sk) => ({ put: { pk, sk } })));
        expect((await table.query({ pk, skPrefix: 'a#' })).items.map((item) => item.sk)).toStrictEqual([
          'a#1',
          'a#2',
        ]);
      });

      it.each([undefined, 'gsi1'] as const)('keeps below a sort key in %s', async (index) => {
        const pk = await seed(5);
        const query = index === undefined ? { pk, skBelow: 'k2' } : { index, pk: `G#${pk}`, skBelow: 'g3' };
        const { items } = await table.query({ ...query, order: 'descending' });
        expect(items.map((item) => item.sk)).toStrictEqual(index === undefined ? ['k1', 'k0'] : ['k3', 'k4']);
      });

      it.each([undefined, 'gsi1'] as const)('pages through %s without loss or repetition', async (index) => {
        const pk = await seed(7);
        const query = index === undefined ? { pk } : { index, pk: `G#${pk}` };
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await table.query({ ...query, limit: 3, ...(cursor === undefined ? {} : { cursor }) });
          expect(page.items.length).toBeLessThanOrEqual(3);
          seen.push(...page.items.map((item) => item.sk));
          cursor = page.cursor;
        } while (cursor !== undefined);
        const expected = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
        expect(seen).toStrictEqual(index === undefined ? expected : expected.reverse());
      });

      it('shows in the index only items that have its attributes', async () => {
        const pk = freshPartition();
        await table.put({ pk, sk: 'in', gsi1pk: `S#${pk}`, gsi1sk: 'x', note: 'projected' }, [
          { exists: false },
        ]);
        await table.put({ pk, sk: 'out' });
        const { items } = await table.query({ index: 'gsi1', pk: `S#${pk}` });
        expect(items).toStrictEqual([{ pk, sk: 'in', gsi1pk: `S#${pk}`, gsi1sk: 'x', note: 'projected' }]);
      });

      it.each([
        ['no base64', '!!!'],
        ['no JSON', Buffer.from('nonsense').toString('base64url')],
        ['another shape', Buffer.from('{"pk":"x","sk":"y"}').toString('base64url')],
        ['too many parts', Buffer.from('["a","b"]').toString('base64url')],
        ['no text', Buffer.from('[1]').toString('base64url')],
        ['an empty key', Buffer.from('[""]').toString('base64url')],
        ['a key beyond the bound', Buffer.from(JSON.stringify(['x'.repeat(1025)])).toString('base64url')],
        ['a position outside the prefix', Buffer.from('["b#1"]').toString('base64url')],
        ['nothing', ''],
      ])('refuses a cursor that is %s', async (_what, cursor) => {
        await expect(table.query({ pk: freshPartition(), skPrefix: 'a#', cursor })).rejects.toMatchObject({
          name: 'AppError',
          code: 'invalid_request',
          fields: [{ field: 'cursor' }],
        });
      });

      it('cannot leave its partition by the cursor of another', async () => {
        const first = await seed(4);
        const second = await seed(4);
        const { cursor } = await table.query({ pk: first, limit: 2 });
        const { items } = await table.query({ pk: second, cursor: cursor as string });
        expect(items.map((item) => item.pk)).toStrictEqual([second, second]);
      });
    });

    describe('tables', () => {
      it('creates, describes, lists and deletes, each of them again without harm', async () => {
        const name = `${prefix}-life`;
        expect(await tables.describe(name)).toBeUndefined();
        await tables.create(name, { tenant: 'ten_x' });
        await tables.open(name).put({ pk: 'a', sk: 'a' });
        await tables.create(name, { tenant: 'ten_x' });
        expect(await tables.open(name).get({ pk: 'a', sk: 'a' })).toBeDefined();
        expect(await tables.describe(name)).toStrictEqual({ name, status: 'active' });
        expect(await tables.list(`${prefix}-l`)).toStrictEqual([name]);
        await tables.delete(name);
        expect(await tables.describe(name)).toBeUndefined();
        await tables.delete(name);
        expect(await tables.list(`${prefix}-l`)).toStrictEqual([]);
      });

      it('takes two creations of one table at once', async () => {
        const name = `${prefix}-twice`;
        await Promise.all([tables.create(name), tables.create(name)]);
        expect(await tables.describe(name)).toMatchObject({ status: 'active' });
        await Promise.all([tables.delete(name), tables.delete(name)]);
        expect(await tables.describe(name)).toBeUndefined();
      });

      it('keeps the items of two tables apart', async () => {
        const names = [`${prefix}-a`, `${prefix}-b`] as const;
        await Promise.all(names.map((name) => tables.create(name)));
        const [a, b] = [tables.open(names[0]), tables.open(names[1])];
        await a.put({ pk: 'same', sk: 'same', of: 'a' });
        expect(await b.get({ pk: 'same', sk: 'same' })).toBeUndefined();
        expect((await b.query({ pk: 'same' })).items).toStrictEqual([]);
        await Promise.all(names.map((name) => tables.delete(name)));
      });

      it('answers an operation on a table that does not exist with an error, not with nothing', async () => {
        const absent = tables.open(`${prefix}-absent`);
        await expect(absent.get({ pk: 'a', sk: 'a' })).rejects.toMatchObject({ code: 'server_error' });
      });
    });
  });
}
