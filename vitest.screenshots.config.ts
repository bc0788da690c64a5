import { defineConfig } from 'vitest/config';
import browser from './vitest.browser.config.ts';

/** Takes the pictures in `docs/images/` anew: `npm run screenshots`. */
export default defineConfig({
  test: { ...browser.test, include: ['test/browser/screenshots.ts'] },
});
