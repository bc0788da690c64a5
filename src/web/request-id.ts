import type { Context, Middleware } from 'koa';
import { type Random, randomId } from '../kernel/random.ts';

const requestIds = new WeakMap<object, string>();

/**
 * Gives every request an id of our own making, sent as `X-Request-Id` and written to every log line about the request. An id that the client
 * sends is not taken over: it could forge or confuse log lines.
 */
export function assignRequestId({ random }: { random: Random }): Middleware {
  return async (context, next) => {
    const requestId = randomId(random);
    requestIds.set(context.req, requestId);
    context.set('X-Request-Id', requestId);
    await next();
  };
}

/** The id of the request, or an empty text outside the host. */
export function requestIdOf({ req }: Pick<Context, 'req'>): string {
  return requestIds.get(req) ?? '';
}
