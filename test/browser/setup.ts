import { basename } from 'node:path';
import { afterAll, afterEach, expect } from 'vitest';
import { expectSoundVisits } from './browser.ts';
import { seenViews } from './seen-views.ts';
import { specOfView } from './spec-of-view.ts';

// Every spec file begins with this (`setupFiles` of the configuration).

afterEach(expectSoundVisits);

afterAll(() => {
  const spec = basename(expect.getState().testPath ?? '');
  const missing = Object.entries(specOfView).filter(
    ([view, where]) => where === spec && !seenViews.has(view),
  );
  expect(missing.map(([view]) => view)).toEqual([]);
});
