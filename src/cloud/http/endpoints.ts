import { type LookupAddress, lookup } from 'node:dns';
import { AppError } from '../../kernel/errors.ts';
import { waitUntil } from '../wait-until.ts';
import { createOutbound } from './outbound.ts';

/** Looks whether a tenant's host answers (D7). */
export interface Endpoints {
  /**
   * Resolves to `undefined` once the host answers with anything but a failure of the server, and to what is wrong when time is up. The host is
   * one of ours, yet what its name leads to is DNS's word: only public addresses over TLS are asked, or the one that the operator named.
   */
  untilReachable(url: string, signal: AbortSignal): Promise<string | undefined>;
  /** The same, at once: `undefined`, or what is wrong now. */
  look(url: string, signal: AbortSignal): Promise<string | undefined>;
}

export interface EndpointsOptions {
  /** Where to connect to instead of what DNS says. A port here must be the URL's. */
  address?: { host: string };
  timings?: Partial<EndpointTimings>;
}

/** In milliseconds. */
export interface EndpointTimings {
  pollMs: number;
  /** Name servers may remember for a while that there was no such name. */
  reachableMs: number;
  /** One attempt. */
  attemptMs: number;
}

export function createEndpoints({ address, timings: changed }: EndpointsOptions): Endpoints {
  const timings = { pollMs: 5_000, reachableMs: 180_000, attemptMs: 10_000, ...changed };

  async function ask(url: string, signal: AbortSignal): Promise<string | undefined> {
    const outbound = createOutbound({
      timeoutMs: timings.attemptMs,
      ...(address === undefined
        ? { allowedHosts: [] }
        : { allowedHosts: [new URL(url).hostname], resolve: () => resolveAll(address.host) }),
    });
    try {
      const { status } = await outbound.request({ url, method: 'GET', signal });
      return status < 500 ? undefined : `it answers ${status}`;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError && error.code === 'temporarily_unavailable') {
        return error.message;
      }
      throw error;
    }
  }

  return {
    look: ask,

    async untilReachable(url, signal) {
      let problem: string | undefined;
      const reached = await waitUntil(
        async () => {
          problem = await ask(url, signal);
          return problem === undefined ? true : undefined;
        },
        { everyMs: timings.pollMs, withinMs: timings.reachableMs, signal },
      );
      return reached === true ? undefined : problem;
    },
  };
}

function resolveAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((settle, fail) => {
    lookup(host, { all: true }, (error, addresses) => (error ? fail(error) : settle(addresses)));
  });
}
