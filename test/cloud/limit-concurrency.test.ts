import { expect, it } from 'vitest';
import { limitConcurrency, limitConcurrencyByKey } from '../../src/cloud/tables/limit-concurrency.ts';

it('runs no more at once than allowed, all of it, in order, failures included', async () => {
  const limited = limitConcurrency(3);
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      limited(async () => {
        started.push(index);
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        if (index % 4 === 0) {
          throw new Error('no');
        }
        return index;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(started).toStrictEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(5);
});

it('keeps the keys apart, and lets who has waited long enough go', async () => {
  const limited = limitConcurrencyByKey(2);
  const never = () => new Promise<never>(() => {});
  const hanging = [1, 2].map(() => limited('sick', undefined, never));
  const gone = new AbortController();
  const impatient = limited('sick', gone.signal, async () => 'too late');
  const patient = limited('sick', undefined, async () => 'served');
  expect(await limited('well', undefined, async () => 'at once')).toBe('at once');
  gone.abort(new Error('out of time'));
  await expect(impatient).rejects.toThrow('out of time');
  const nothing = new Promise((resolve) => setImmediate(() => resolve('nothing')));
  expect(await Promise.race([patient, ...hanging, nothing])).toBe('nothing');
});

it('gives the place of whoever ends to the first who still waits', async () => {
  const limited = limitConcurrencyByKey(1);
  const order: string[] = [];
  let end = () => {};
  const first = limited('a', undefined, () => new Promise<void>((resolve) => (end = resolve)));
  const gone = new AbortController();
  const second = limited('a', gone.signal, async () => order.push('second'));
  const third = limited('a', undefined, async () => order.push('third'));
  gone.abort(new Error('out of time'));
  await expect(second).rejects.toThrow('out of time');
  end();
  await Promise.all([first, third]);
  await limited('a', undefined, async () => order.push('fourth'));
  expect(order).toStrictEqual(['third', 'fourth']);
});
