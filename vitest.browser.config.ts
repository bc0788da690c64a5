import { defineConfig } from 'vitest/config';

/** The product in a real browser (Debian package chromium, or the one that `CHROMIUM` names): `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.spec.ts'],
    setupFiles: ['test/browser/setup.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
