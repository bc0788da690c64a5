import { defineConfig } from 'vitest/config';

/** Over a real Redis server, which the global set-up starts (Debian package redis-server): `npm run test:redis`. */
export default defineConfig({
  test: {
    include: ['test/redis/**/*.spec.ts'],
    globalSetup: ['test/redis/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 20_000,
  },
});
