import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ItemKey } from '../../cloud/tables/port.ts';
import type { Log } from '../../platform/log.ts';
import type { ProviderHooks } from '../tenant-pages.ts';
import { type ConsumeOnceDependencies, consumeOnce } from './consume-once.ts';

/** What one authorization request does last. */
export interface PendingAuthorization {
  /** A pushed request, when there is one (RFC 9126 §7.3). */
  consumptions: ItemKey[];
  removals: ItemKey[];
}

export interface AuthorizationWrites {
  /** The writes of the authorization request that is being handled, or `undefined` outside one. */
  pending(): PendingAuthorization | undefined;
  /** Middleware of the provider. */
  commit(context: KoaContextWithOIDC, next: () => Promise<void>): Promise<void>;
}

const routes: readonly unknown[] = ['authorization', 'resume'];

/**
 * Makes a browser's way through an authorization safe to repeat on a store that may fail half-way. The provider consumes a pushed request, and
 * removes the interaction and the session under its old id, before it has stored what follows from them; a reload would find none of them, and
 * somebody who has just signed in would have lost it. Here all that waits until the answer is none of a failure and everything else is stored.
 * An answer that fails changes no cookie (`answer-failures`), so the browser stands where it stood, and so does everything that it refers to.
 *
 * The pushed request is consumed by a conditional write. Whoever loses it is refused, and its code, which nobody has seen, is removed.
 */
export function createAuthorizationWrites({
  log,
  renderError,
  ...store
}: ConsumeOnceDependencies & Pick<ProviderHooks, 'renderError'> & { log: Log }): AuthorizationWrites {
  const pendingByContext = new WeakMap<object, PendingAuthorization>();
  const { table } = store;

  async function refuse(context: KoaContextWithOIDC): Promise<void> {
    const error = new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    const answer = { error: error.error, error_description: String(error.error_description) };
    context.status = error.statusCode;
    context.remove('Location');
    await renderError(context, answer, error);
    context.oidc.provider.emit('authorization.error', context, error);
    try {
      await context.oidc.entities.AuthorizationCode?.destroy();
    } catch (cause) {
      log.warn({ err: cause }, 'the code of a lost race stays until it expires');
    }
  }

  async function remove(keys: readonly ItemKey[]): Promise<void> {
    const results = await Promise.allSettled(keys.map((key) => table.delete(key)));
    for (const result of results) {
      if (result.status === 'rejected') {
        // What followed from it is stored, and the browser is about to forget it: taking the answer back would help nobody.
        log.warn(
          { err: result.reason },
          'an interaction or a session under its old id stays until it expires',
        );
      }
    }
  }

  return {
    pending() {
      const context = Provider.ctx;
      if (context === undefined || !routes.includes(context.oidc.route)) return undefined;
      const pending = pendingByContext.get(context) ?? { consumptions: [], removals: [] };
      pendingByContext.set(context, pending);
      return pending;
    },

    async commit(context, next) {
      await next();
      const pending = pendingByContext.get(context);
      if (!pending || context.status >= 500) return;
      for (const key of pending.consumptions) {
        if (!(await consumeOnce(store, key))) await refuse(context);
      }
      await remove(pending.removals);
    },
  };
}
