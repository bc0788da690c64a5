import { setTimeout as delay } from 'node:timers/promises';
import type { Outbound } from '../../cloud/http/outbound.ts';
import type { Log } from '../../platform/log.ts';

/** Where a logout token goes. */
export interface LogoutMessage {
  url: string;
  makeToken(): Promise<string>;
}

/** Delivers logout tokens in the background, a few times each. One for all tenants of a process. */
export interface LogoutDelivery {
  /** `prepare` finds out whether there is anybody to tell. Failures are logged. */
  run(log: Log, prepare: () => Promise<LogoutMessage | undefined>): void;
  /** Begins no further attempt; resolves when those under way have ended. */
  stop(): Promise<void>;
}

/** More than this at once means that receivers hang, and waiting longer would help nobody. */
const maxUnderWay = 500;

/**
 * Whoever ends a session waits for none of it. A client that cannot be reached is told again a little later, and then no more: its own session
 * ends with its tokens, which the provider refuses from now on. Tokens go through the guard that keeps requests out of our own network.
 */
export function createLogoutDelivery({
  outbound,
  waitsMs = [1_000, 5_000, 30_000],
}: {
  outbound: Pick<Outbound, 'request'>;
  /** Between attempts. */
  waitsMs?: readonly number[];
}): LogoutDelivery {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  /** True when the client has answered for good. */
  async function attempt({ url, makeToken }: LogoutMessage, log: Log): Promise<boolean> {
    try {
      const { status } = await outbound.request({
        url,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'cache-control': 'no-store' },
        body: new URLSearchParams({ logout_token: await makeToken() }).toString(),
      });
      if (status === 200 || status === 204) return true;
      log.warn({ status }, 'a client did not take a logout token');
      // §2.8: the request was wrong, and would be again.
      return status === 400;
    } catch (error) {
      log.warn({ err: error }, 'a client could not be told of a logout');
      return false;
    }
  }

  async function deliver(log: Log, prepare: () => Promise<LogoutMessage | undefined>): Promise<void> {
    try {
      const message = await prepare();
      if (!message) return;
      for (const waitMs of [...waitsMs, undefined]) {
        if ((await attempt(message, log)) || waitMs === undefined || stopping.signal.aborted) return;
        await delay(waitMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
        if (stopping.signal.aborted) return;
      }
    } catch (error) {
      log.warn({ err: error }, 'a client could not be told of a logout');
    }
  }

  return {
    run(log, prepare) {
      if (underWay.size >= maxUnderWay) {
        log.warn('too many logouts are under way: a client is not told of one');
        return;
      }
      const running = deliver(log, prepare).finally(() => underWay.delete(running));
      underWay.add(running);
    },
    async stop() {
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}
