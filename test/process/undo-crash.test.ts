import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coreSteps as steps } from '../support/core-steps.ts';
import { readMails } from '../support/outbox.ts';
import { eventually } from '../support/server-process.ts';
import { type CrashLane, openCrashLane, printTable, untilSettled } from './crash-lane.ts';
import { call, registrationOf, untilActive } from './server-calls.ts';
import { readStoredState, type StoredState } from './stored-state.ts';

const undone = (failAt: string, begun: readonly string[]) =>
  begun.flatMap((step) =>
    ['before-undo', 'after-undo'].map((phase) => ({ failAt, crashAt: `${step}/${phase}` })),
  );

/** A run that fails while it activates may have been seen by somebody; one that fails before was not. */
const late = undone('activate/before-act', steps);
const early = undone('defaults/before-act', ['tenant-table']);

const noticeOf = (slug: string) => `Tenant ${slug} could not be set up`;

let lane: CrashLane;
const settled: { slug: string; seen: boolean }[] = [];
const outcomes: string[][] = [['failed at', 'killed at', 'the next start', 'outsiders see', 'the slug']];

beforeAll(async () => {
  lane = await openCrashLane();
  await lane.server();
}, 120_000);
afterAll(() => lane.home.close());

describe('the whole process killed while it removes what it built', () => {
  it.each([...late, ...early])('at $crashAt after $failAt: the next start removes the rest', async (plan) => {
    const seen = plan.failAt.startsWith('activate');
    const slug = `${plan.crashAt.replace('/', '-')}${seen ? '' : '-early'}`;
    const { order, code } = await lane.registerCrashing(slug, plan);
    expect(code).toBe('SIGKILL');

    const { origin } = await lane.server();
    const state = await untilSettled(order);
    settled.push({ slug, seen });
    // The next server to be killed would keep what it was delivering for two minutes.
    await eventually(`the notices of ${slug} have left`, 40, async () => {
      const notices = (await readMails(join(lane.dataDir, 'outbox'))).filter(
        ({ subject }) => subject === noticeOf(slug),
      );
      return notices.length >= 2;
    });

    expect(state).toBe('rolled-back');
    expect((await call(order.statusUrl)).body.provisioning).toMatchObject({
      failedStep: plan.failAt.split('/')[0],
      error: 'The quota is used up.',
    });
    const { status } = await call(`${origin}/${slug}/.well-known/openid-configuration`);
    expect(status).toBe(404);
    const again = await call(`${origin}/api/registrations`, { json: registrationOf(slug) });
    expect(again.status).toBe(seen ? 409 : 202);
    if (!seen) {
      await untilActive(again.body);
    }
    outcomes.push([
      plan.failAt,
      plan.crashAt,
      state,
      String(status),
      seen ? 'is retired' : 'was given again',
    ]);
  });

  describe('and then', () => {
    let stored: StoredState;
    beforeAll(async () => {
      expect(await (await lane.server()).stop()).toBe(0);
      stored = await readStoredState(lane.dataDir);
      printTable('SIGKILL of the server while it undoes a tenant', outcomes);
    });

    it('nothing is left of any of them', () => {
      const living = ['platform', ...settled.filter(({ seen }) => !seen).map(({ slug }) => slug)];
      expect(stored.tenants.filter(({ status }) => status === 'active').map(({ slug }) => slug)).toEqual(
        living,
      );
      expect(stored.tenants.filter(({ status }) => status !== 'active')).toEqual(
        settled.map(({ slug }) =>
          expect.objectContaining({ slug, status: 'failed', provisioning: 'rolled-back' }),
        ),
      );
      expect(stored.directory).toEqual(Object.fromEntries(living.map((slug) => [slug, 'active'])));
      expect(stored.slugs).toEqual(
        Object.fromEntries([
          ...living.map((slug) => [slug, 'taken']),
          ...settled.filter(({ seen }) => seen).map(({ slug }) => [slug, 'retired']),
        ]),
      );
      const ids = stored.tenants.filter(({ status }) => status === 'active').map(({ id }) => id);
      expect(stored.tables.toSorted()).toEqual(ids.toSorted());
      expect(stored.keys.toSorted()).toEqual(stored.listedKeys.toSorted());
      expect(new Set(stored.keys.map((key) => key.split(' ')[0]))).toEqual(new Set(ids));
      expect(stored).toMatchObject({ openRuns: 0, leases: 0, unfinishedJobs: 0 });
    });

    it('each requester was told once, and so was the OAuth team', () => {
      for (const { slug } of settled) {
        const subject = noticeOf(slug);
        expect(
          stored.mails
            .filter((mail) => mail.subject === subject)
            .map(({ to }) => to)
            .toSorted(),
        ).toEqual([`ada@${slug}.example`, 'oauth-team@operators.tenantry.example']);
      }
    });
  });
});
