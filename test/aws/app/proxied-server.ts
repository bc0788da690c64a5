import {
  type Fault,
  type FaultProxy,
  type PassingRequest,
  startFaultProxy,
} from '../../support/fault-proxy.ts';
import type { StartServerOptions } from '../../support/server.ts';
import { type ProductServer, startServer } from '../../support/server.ts';
import { testDynamodb, testServerEnv } from '../../support/services.ts';

/** What happens on the way to AWS. */
export const faults: readonly Fault[] = [
  { kind: 'throttle' },
  { kind: 'server-error' },
  { kind: 'reset' },
  { kind: 'delay', ms: 2_000 },
  { kind: 'lost-reply' },
];

export interface ProxiedServer {
  server: ProductServer;
  /** Between the server and its DynamoDB and KMS; the test's own stores do not pass it. */
  proxy: FaultProxy;
  close(): Promise<void>;
}

export async function startProxiedServer(options: StartServerOptions = {}): Promise<ProxiedServer> {
  const proxy = await startFaultProxy(testDynamodb().endpoint);
  const server = await startServer({
    ...options,
    dynamodb: { endpoint: proxy.endpoint },
    env: {
      // What is written down from time to time must not be taken for a part of what a request does.
      USAGE_FLUSH_SECONDS: '3600',
      ...options.env,
      ...(testServerEnv().KMS_ENDPOINT ? { KMS_ENDPOINT: proxy.endpoint } : {}),
    },
  });
  return {
    server,
    proxy,
    async close() {
      await server.close();
      await proxy.close();
    },
  };
}

/** Whether a request concerns the tenant: its table, its keys, its entry in the directory. */
export function concerns({ id, slug }: { id: string; slug: string }) {
  return ({ input }: PassingRequest): boolean => {
    const text = JSON.stringify(input);
    return text.includes(id) || text.includes(`"Tenant#${slug}"`);
  };
}
