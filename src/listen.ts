import { once } from 'node:events';
import { createServer } from 'node:http';
import type Koa from 'koa';

/**
 * Serves `app`. Resolves once the port is open; throws when it is not available. `close` takes no new connections, lets the requests in
 * progress finish, and cuts off what is left after `drainMs`.
 */
export async function listen(
  app: Koa,
  { host, port, drainMs }: { host: string; port: number; drainMs: number },
): Promise<{ close(): Promise<void> }> {
  const server = createServer(app.callback());
  server.headersTimeout = 15_000;
  server.requestTimeout = 30_000;
  // Longer than the idle timeout of common load balancers, which would else reuse a connection just as it closes.
  server.keepAliveTimeout = 65_000;
  server.listen(port, host);
  await once(server, 'listening');
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      // A connection that was busy at first becomes idle, not closed, when its request is done.
      const closeIdle = setInterval(() => server.closeIdleConnections(), 50);
      const cutOff = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearInterval(closeIdle);
      clearTimeout(cutOff);
    },
  };
}
