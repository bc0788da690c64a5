import type { TestProject } from 'vitest/node';
import { startRedisServer } from '../support/redis-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** With the administrator's credentials. */
    redisUrl: string;
  }
}

/** One real Redis server for the whole run. */
export default async function startRedis(project: TestProject): Promise<() => Promise<void>> {
  const server = await startRedisServer();
  if (server === undefined) {
    throw new Error('these tests need redis-server (Debian package redis-server)');
  }
  project.provide('redisUrl', server.url.reveal());
  return () => server.stop();
}
