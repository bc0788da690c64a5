import { afterAll, beforeAll, expect, it } from 'vitest';
import { coreSteps as steps } from '../support/core-steps.ts';
import { readBootstrap } from '../support/server-process.ts';
import { type CrashLane, openCrashLane, printTable } from './crash-lane.ts';
import { call, keyIds, machineToken } from './server-calls.ts';
import { readStoredState } from './stored-state.ts';

/** The platform has neither a first client nor an initial admin: what it has instead comes after its provisioning. */
const points = steps
  .filter((step) => step !== 'first-client' && step !== 'initial-admin')
  .flatMap((step) =>
    ['before-act', 'after-act', 'after-confirm', 'after-done'].map((phase) => `${step}/${phase}`),
  );

let lane: CrashLane;
beforeAll(async () => {
  lane = await openCrashLane();
});
afterAll(() => lane.home.close());

const outcomes: string[][] = [['killed at', 'the next start']];

it.each(points)('the first start, killed at %s, is not ready yet', async (point) => {
  const { code, output } = await lane.startCrashing({ crashAt: point });
  expect(code, output).toBe('SIGKILL');
  expect(output).not.toContain('"msg":"ready"');
  outcomes.push([point, point === points.at(-1) ? 'completed it' : 'went on to the next point']);
});

it('the last start completes what all of them began', async () => {
  const server = await lane.server();
  const bootstrap = await readBootstrap(lane.dataDir);
  await machineToken(bootstrap);
  expect(await keyIds(server.origin, 'platform')).not.toEqual([]);
  expect((await call(`${server.origin}/readyz`)).status).toBe(200);
  expect(await server.stop()).toBe(0);

  const stored = await readStoredState(lane.dataDir);
  expect(stored.tenants).toEqual([
    { id: expect.any(String), slug: 'platform', status: 'active', provisioning: 'active' },
  ]);
  const id = stored.tenants[0]?.id ?? '';
  expect(stored).toMatchObject({
    slugs: { platform: 'taken' },
    directory: { platform: 'active' },
    tables: [id],
    openRuns: 0,
    leases: 0,
    unfinishedJobs: 0,
    contents: { platform: { Account: 4, Login: 4, Client: 2 } },
    mails: [],
  });
  expect(stored.keys.toSorted()).toEqual(stored.listedKeys.toSorted());
  expect(new Set(stored.keys.map((key) => key.split(' ')[0]))).toEqual(new Set([id]));
  printTable('SIGKILL of the first start while it builds the platform tenant', outcomes);
});
