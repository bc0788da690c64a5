import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Clock } from '../kernel/clock.ts';
import type { ReadClientIp } from './client-ip.ts';
import { requestIdOf } from './request-id.ts';

interface RouteState {
  route?: string;
  tenant?: string;
}

/**
 * Names the route that a request took, as a pattern such as `/api/registrations/{orderId}`, and the tenant that it reached. Only these are
 * logged: order ids and link tokens in paths are capabilities, queries hold codes.
 */
export function nameRoute(context: Context, route: string, tenant?: string): void {
  const state: RouteState = context.state;
  state.route = route;
  if (tenant !== undefined) {
    state.tenant = tenant;
  }
}

/** Sees every request once it is answered; `route` is a pattern. */
export type OnAnswered = (request: {
  method: string;
  route: string;
  status: number;
  seconds: number;
}) => void;

/** Writes one line per request once it is answered. A request whose route nobody named is logged as `*`. */
export function logAccess({
  log,
  clock,
  readClientIp,
  onAnswered = () => {},
}: {
  log: Logger;
  clock: Clock;
  readClientIp: ReadClientIp;
  onAnswered?: OnAnswered;
}): Middleware {
  // Redaction costs more than all the rest of a line, and this is the line of every request: of its fields none can hold a secret.
  const lines = log.child({}, { redact: [] });
  return async (context, next) => {
    const startedAt = clock.now();
    // Read now: a socket that has closed no longer knows its peer.
    const clientIp = readClientIp(context.req);
    try {
      await next();
    } finally {
      const { route = '*', tenant }: RouteState = context.state;
      const ms = clock.now() - startedAt;
      onAnswered({ method: context.method, route, status: context.status, seconds: ms / 1_000 });
      lines.info(
        {
          requestId: requestIdOf(context),
          method: context.method,
          route,
          ...(tenant === undefined ? {} : { tenant }),
          status: context.status,
          ms,
          clientIp,
        },
        'request',
      );
    }
  };
}
