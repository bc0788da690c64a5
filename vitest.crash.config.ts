import { defineConfig } from 'vitest/config';
import everyday from './vitest.config.ts';

/** SIGKILL at every point of provisioning, undo and first start: `npm run test:crash`. */
export default defineConfig({
  test: { ...everyday.test, include: ['test/**/*crash.test.ts'], exclude: [] },
});
