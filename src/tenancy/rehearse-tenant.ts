import { createServer, type IncomingMessage, request } from 'node:http';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import type { Clock } from '../kernel/clock.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import { createTenantHost } from './tenant-host.ts';
import { createTenantPool } from './tenant-pool.ts';
import type { BuildTenantRuntime } from './tenant-runtime.ts';

/** What a tenant would answer if it were active. */
export interface Rehearsal {
  /** GET of a path that begins with `/<slug>`. */
  get(path: string): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}

export type RehearseTenant = (record: TenantRecord) => Rehearsal;

/**
 * Brings a tenant to life for whoever validates it, while outsiders still see none. Pool, host and runtime are those that serve requests; only
 * the directory is one in which this tenant, and no other, is active. Requests are real HTTP over a pair of streams, so nothing can be reached
 * from outside.
 */
export function createRehearsal({
  build,
  publicUrl,
  clock,
  log,
}: {
  build: BuildTenantRuntime;
  publicUrl: URL;
  clock: Clock;
  log: Log;
}): RehearseTenant {
  return (record) => {
    const pool = createTenantPool({
      directory: {
        get: async (slug) => (slug === record.slug ? { ...record, status: 'active' } : undefined),
      },
      build,
      clock,
      log,
      max: 1,
      revalidateSeconds: 60,
      negativeSeconds: 60,
    });
    const app = new Koa();
    app.silent = true;
    app.use(createTenantHost({ pool }));
    const server = createServer(app.callback());

    return {
      async get(path) {
        const [near, far] = duplexPair();
        server.emit('connection', far);
        try {
          const response = await new Promise<IncomingMessage>((resolve, reject) => {
            request({
              createConnection: () => near,
              path,
              headers: { host: publicUrl.host, accept: 'application/json', connection: 'close' },
            })
              .on('response', resolve)
              .on('error', reject)
              .end();
          });
          return { status: response.statusCode ?? 0, body: await text(response) };
        } finally {
          near.destroy();
          far.destroy();
        }
      },
      close: () => pool.close(),
    };
  };
}
