import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Item, ItemKey } from '../../cloud/tables/port.ts';
import type { Log } from '../../platform/log.ts';
import { type ConsumeOnceDependencies, consumeOnce, putOnce } from './consume-once.ts';

/** What one token request wants written: nothing of it is stored before the answer is known. */
export interface PendingWrites {
  /** Notes that assertions and proofs have been used, each with the answer to whoever was not the first. */
  firstUses: { item: Item; refusal: errors.OIDCProviderError }[];
  artifacts: Item[];
  consumptions: ItemKey[];
}

export interface TokenRequestWrites {
  /** The writes of the token request that is being handled, or `undefined` outside one. */
  pending(): PendingWrites | undefined;
  /** Middleware of the provider. */
  commit(context: KoaContextWithOIDC, next: () => Promise<void>): Promise<void>;
}

/**
 * Makes a token request's writes safe on a store without transactions. The provider notes the use of an assertion or a proof, and consumes a
 * code or a refresh token, before it signs, and it reads and writes in two steps; on its own that loses all of them when signing fails, and lets
 * parallel requests all win. Here the writes wait until the answer is none of a failure. Then, in this order:
 *
 * 1. the uses of assertion and proof, in the order in which the request presents them and each by a conditional write. Who loses one writes no
 *    more, so that of requests with the same two, one wins both. An answer of 4xx ends here, having stored these and nothing else,
 * 2. the new tokens,
 * 3. the conditional consumption. Who loses it gets `invalid_grant` and its tokens, which nobody has seen, are removed.
 *
 * So a consumed code always has its tokens stored, and no token is stored for an assertion that was used before. A store that fails after the first
 * step has spent assertion and proof, and no code: the client comes again with the same code and, as in every request, new ones of those.
 */
export function createTokenRequestWrites({
  log,
  ...store
}: ConsumeOnceDependencies & { log: Log }): TokenRequestWrites {
  const pendingByContext = new WeakMap<object, PendingWrites>();
  const { table } = store;

  function refuse(context: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
    context.status = error.statusCode;
    context.body = { error: error.error, error_description: error.error_description };
    context.oidc.provider.emit('grant.error', context, error);
  }

  async function removeTokens(tokens: readonly ItemKey[]): Promise<void> {
    try {
      await table.batchWrite(tokens.map(({ pk, sk }) => ({ delete: { pk, sk } })));
    } catch (cause) {
      log.warn({ err: cause }, 'tokens of a lost race stay until they expire');
    }
  }

  return {
    pending() {
      const context = Provider.ctx;
      if (context?.oidc.route !== 'token') return undefined;
      const pending = pendingByContext.get(context) ?? { firstUses: [], artifacts: [], consumptions: [] };
      pendingByContext.set(context, pending);
      return pending;
    },

    async commit(context, next) {
      await next();
      const pending = pendingByContext.get(context);
      if (!pending || context.status >= 500) return;
      for (const { item, refusal } of pending.firstUses) {
        if (await putOnce(table, item)) continue;
        if (context.status === 200) refuse(context, refusal);
        return;
      }
      if (context.status !== 200) return;
      await table.batchWrite(pending.artifacts.map((put) => ({ put })));
      for (const key of pending.consumptions) {
        if (await consumeOnce(store, key)) continue;
        refuse(context, new errors.InvalidGrant('lost the race for a code or refresh token'));
        await removeTokens(pending.artifacts);
        return;
      }
    },
  };
}
