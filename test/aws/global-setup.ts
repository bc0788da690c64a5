import type { TestProject } from 'vitest/node';

/** Where the emulators are. Both were written by others; neither checks signatures or IAM policies, and neither throttles. */
export interface Emulators {
  ministack: string;
  moto: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    emulators: Emulators;
  }
}

export default function provideEmulators(project: TestProject): void {
  const { MINISTACK_ENDPOINT: ministack, MOTO_ENDPOINT: moto } = process.env;
  if (ministack === undefined || moto === undefined) {
    throw new Error('these tests need emulators: run them by `npm run test:aws`');
  }
  project.provide('emulators', { ministack, moto });
}
