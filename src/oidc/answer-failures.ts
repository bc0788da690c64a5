import type { EventEmitter } from 'node:events';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { AppError } from '../kernel/errors.ts';
import type { Log } from '../platform/log.ts';
import type { ProviderHooks } from './tenant-pages.ts';

/** The provider reads no larger body; it would call one malformed. */
const bodyLimitBytes = 56 * 1024;

/**
 * The provider's error edge. The provider answers its own OAuth errors; this logs what it calls a server error, says 503 instead of 500 when
 * the store or the key store cannot answer right now, 413 to a body whose length is too much, and gives paths that do not exist an answer
 * in the style of the others.
 */
export function installFailureAnswers(
  provider: Provider,
  log: Log,
  { renderError, renderNotFound }: Pick<ProviderHooks, 'renderError' | 'renderNotFound'>,
): void {
  const failures = new WeakMap<object, unknown>();
  provider.on('server_error', (context, error) => {
    failures.set(context, error);
    log.error({ err: error, route: context.oidc?.route }, 'request to the provider failed');
  });
  // Without a listener Koa prints such errors itself.
  const emitter: EventEmitter = provider;
  emitter.on('error', (error) => {
    log.error({ err: error }, 'provider failed');
  });

  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    if ((context.request.length ?? 0) > bodyLimitBytes) {
      context.status = 413;
      context.body = { error: 'invalid_request', error_description: 'the request body is too large' };
      return;
    }
    let failure: unknown;
    try {
      await next();
      failure = failures.get(context);
    } catch (error) {
      log.error({ err: error }, 'request to the provider failed');
      failure = error;
      context.status = 500;
      const answer = { error: 'server_error', error_description: 'an unexpected error happened' };
      if (error instanceof Error && context.accepts('json', 'html') === 'html') {
        await renderError(context, answer, error as Parameters<typeof renderError>[2]);
      } else {
        context.body = answer;
      }
    }
    if (context.status === 500 && failure instanceof AppError && failure.code === 'temporarily_unavailable') {
      const { body } = context;
      context.status = failure.status;
      context.set({ 'Retry-After': '1', ...failure.headers });
      if (typeof body === 'object') {
        context.body = { error: failure.code, error_description: 'try again in a moment' };
      }
    }
    if (context.status >= 500) {
      // Of an answer that was given up. The browser stays where it is, and may ask again.
      context.remove('Location');
      context.remove('Set-Cookie');
    }
    if (context.status === 404 && !context.body) {
      if (context.accepts('json', 'html') === 'html') {
        renderNotFound(context);
      } else {
        context.body = { error: 'not_found', error_description: 'there is nothing at this address' };
        context.status = 404;
      }
    }
  });
}
