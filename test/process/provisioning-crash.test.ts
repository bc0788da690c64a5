import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coreSteps as steps } from '../support/core-steps.ts';
import { readBootstrap } from '../support/server-process.ts';
import { type CrashLane, openCrashLane, printTable, untilSettled } from './crash-lane.ts';
import { call, keyIds, machineToken } from './server-calls.ts';
import { countBy, readStoredState, type StoredState } from './stored-state.ts';

const points = steps.flatMap((step) =>
  ['before-act', 'after-act', 'after-confirm', 'after-done'].map((phase) => `${step}/${phase}`),
);
const slugOf = (point: string) => point.replace('/', '-at-');

let lane: CrashLane;
/** The slugs of those that were brought to their end. */
const settled: string[] = [];
const outcomes: string[][] = [['killed at', 'the next start', 'ready', 'settled after']];

beforeAll(async () => {
  lane = await openCrashLane();
  await lane.server();
}, 120_000);
afterAll(() => lane.home.close());

describe('the whole process killed while it builds a tenant', () => {
  it.each(points)('at %s: the next start makes the tenant active', async (point) => {
    const slug = slugOf(point);
    const { order, code } = await lane.registerCrashing(slug, { crashAt: point });
    expect(code).toBe('SIGKILL');

    const startedAt = performance.now();
    const { origin } = await lane.server();
    const readyAt = performance.now();
    const state = await untilSettled(order);
    const settledAt = performance.now();

    settled.push(slug);
    expect(state).toBe('active');
    expect((await call(`${origin}/${slug}/.well-known/openid-configuration`)).status).toBe(200);
    expect(await keyIds(origin, slug)).not.toEqual([]);
    outcomes.push([point, state, ...[readyAt - startedAt, settledAt - readyAt].map(seconds)]);
  });

  it('told to stop instead, it stops in order, and the next start makes the tenant active', async () => {
    const plan = { crashAt: 'tenant-table/after-act', signal: 'SIGTERM' } as const;
    const { order, code } = await lane.registerCrashing('told-to-stop', plan);
    expect(code).toBe(0);

    await lane.server();
    expect(await untilSettled(order)).toBe('active');
    settled.push('told-to-stop');
  });

  describe('and then', () => {
    let stored: StoredState;
    beforeAll(async () => {
      await machineToken(await readBootstrap(lane.dataDir));
      expect(await (await lane.server()).stop()).toBe(0);
      stored = await readStoredState(lane.dataDir);
      printTable('SIGKILL of the server while it builds a tenant', outcomes);
    });

    it('every tenant is there once, complete, and nothing else is', () => {
      const slugs = ['platform', ...settled];
      expect(stored.tenants.map(({ slug, status, provisioning }) => [slug, status, provisioning])).toEqual(
        slugs.map((slug) => [slug, 'active', 'active']),
      );
      expect(stored.directory).toEqual(Object.fromEntries(slugs.map((slug) => [slug, 'active'])));
      expect(stored.slugs).toEqual(Object.fromEntries(slugs.map((slug) => [slug, 'taken'])));
      const ids = stored.tenants.map(({ id }) => id);
      expect(stored.tables.toSorted()).toEqual(ids.toSorted());
      expect(stored.keys.toSorted()).toEqual(stored.listedKeys.toSorted());
      expect(new Set(stored.keys.map((key) => key.split(' ')[0]))).toEqual(new Set(ids));
      expect(stored).toMatchObject({ openRuns: 0, leases: 0, unfinishedJobs: 0 });
    });

    it('each has one admin, one client, one invitation, and one of every event of its beginning', () => {
      for (const slug of settled) {
        expect(stored.contents[slug], slug).toMatchObject({ Account: 1, Login: 1, Client: 2, Link: 1 });
        const invitations = stored.mails.filter(({ text }) => text.includes(`/${slug}/invitation/`));
        expect(invitations.map(({ to }) => to)).toEqual([`ada@${slug}.example`]);
        expect(countBy(stored.audited[slug] ?? []), slug).toMatchObject({
          'tenant.registration.submitted': 1,
          'tenant.registration.taken': 1,
          'tenant.registration.approved': 1,
          'tenant.provisioning.started': 1,
          'tenant.created': 1,
          'tenant.activated': 1,
        });
      }
    });
  });
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
