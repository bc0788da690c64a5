import { defineConfig } from 'vitest/config';

/** Over a real OpenLDAP server, which the tests start (Debian package slapd): `npm run test:ldap`. */
export default defineConfig({
  test: {
    include: ['test/ldap/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
