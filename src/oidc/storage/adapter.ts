/**
 * The provider's storage in one tenant's table. Every artifact is one item, found by its id with a strongly consistent read; `expiresAt` is
 * checked on read and otherwise only clean-up. Inside a token request `upsert` and `consume` are only noted down (`token-request-writes`),
 * elsewhere they happen at once; `destroy` and `revokeByGrantId` happen at once, because they take rights away even when the request itself
 * fails. What a browser needs to repeat an authorization request is consumed and removed last (`authorization-writes`). Owns nothing of clients:
 * they are read through `Clients`.
 *
 * Everything issued under a grant is found through the index, which lags. Nothing relies on that: a revoked grant is itself deleted by key,
 * and the provider refuses codes, refresh tokens and opaque access tokens whose grant is gone.
 */
import { type Adapter, type AdapterFactory, Provider } from 'oidc-provider';
import type { Clients } from '../../clients/clients.ts';
import { epochSeconds } from '../../kernel/clock.ts';
import type { SigningAlgorithm } from '../../kernel/tenant.ts';
import { toClientMetadata } from '../client-metadata.ts';
import { withoutActiveKey } from '../signing-keys.ts';
import { lifetimes } from '../token-lifetimes.ts';
import {
  artifactKey,
  fromArtifactItem,
  isArtifactId,
  isReference,
  referenceTo,
  toArtifactItem,
} from './artifact.ts';
import type { AuthorizationWrites } from './authorization-writes.ts';
import type { ConsumeOnceDependencies } from './consume-once.ts';
import { grantEntries } from './grant-entries.ts';
import { removeIssued } from './revoke-grant.ts';
import { createSessionStore, type SessionStoreDependencies } from './sessions.ts';
import type { TokenRequestWrites } from './token-request-writes.ts';
import { withUserCodes } from './user-codes.ts';

export interface AdapterDependencies extends ConsumeOnceDependencies {
  clients: Clients;
  /** Those that the tenant publishes keys of. */
  algorithms: readonly SigningAlgorithm[];
  writes: TokenRequestWrites;
  authorization: AuthorizationWrites;
  sessionStore: Pick<SessionStoreDependencies, 'records' | 'sessions' | 'describeOrigin'>;
}

/** What a browser refers to by its cookies. */
const browserState: readonly string[] = ['Interaction', 'Session'];

export function createAdapterFactory(dependencies: AdapterDependencies): AdapterFactory {
  return (model) => {
    const adapter = createArtifactAdapter(model, dependencies);
    switch (model) {
      case 'Client':
        return { ...adapter, find: (id) => findClient(dependencies, id) };
      case 'Session':
        return {
          ...adapter,
          ...createSessionStore({
            ...dependencies.sessionStore,
            clock: dependencies.clock,
            removeReplaced: adapter.destroy,
          }),
        };
      case 'Grant':
        return { ...adapter, ...withGrantEntries(adapter, dependencies) };
      case 'DeviceCode':
        return { ...adapter, ...withUserCodes(dependencies) };
      case 'Interaction':
        return { ...adapter, ...withReferences(adapter) };
      default:
        return adapter;
    }
  };
}

/** A grant is in its account's list from before it exists. */
function withGrantEntries(adapter: Adapter, { table, clock }: AdapterDependencies): Pick<Adapter, 'upsert'> {
  return {
    async upsert(id, payload, expiresIn = 0) {
      if (payload.accountId !== undefined) {
        const expiresAt = payload.exp ?? epochSeconds(clock) + expiresIn;
        await grantEntries.add(table, { accountId: payload.accountId, grantId: id, expiresAt });
      }
      await adapter.upsert(id, payload, expiresIn);
    },
  };
}

/** An interaction refers to the artifacts that it is about, and does not keep its session's cookie, which nobody reads from it. */
function withReferences(adapter: Adapter): Pick<Adapter, 'upsert'> {
  return {
    async upsert(id, payload, expiresIn) {
      const { session, deviceCode, parJti } = payload;
      await adapter.upsert(
        id,
        {
          ...payload,
          session: session && { ...session, cookie: undefined },
          deviceCode: deviceCode && referenceTo(deviceCode),
          parJti: parJti && referenceTo(parJti),
        },
        expiresIn,
      );
    },
  };
}

/** The provider takes a client whose algorithm nobody publishes a key of for one that is wrong. */
async function findClient({ clients, algorithms }: AdapterDependencies, id: string) {
  const found = await clients.getWithSecretHashes(id);
  if (found?.client.enabled !== true) return undefined;
  const { idTokenSignedResponseAlg: wanted } = found.client;
  if (wanted !== undefined && !algorithms.includes(wanted)) throw withoutActiveKey(wanted);
  return toClientMetadata(found.client, found.hashes);
}

function createArtifactAdapter(
  model: string,
  { writes, authorization, ...store }: AdapterDependencies,
): Adapter {
  const { table, clock } = store;
  return {
    async upsert(id, payload, expiresIn = 0) {
      const expiresAt = (payload.exp ?? epochSeconds(clock) + expiresIn) + keptLongerSeconds(model);
      const item = toArtifactItem(model, id, payload, expiresAt);
      const pending = writes.pending();
      if (pending) pending.artifacts.push(item);
      else await table.put(item);
    },

    async find(id) {
      return isAcceptable(model, id)
        ? fromArtifactItem(await table.get(artifactKey(model, id)), id, clock)
        : undefined;
    },

    async consume(id) {
      const pending = writes.pending() ?? authorization.pending();
      if (!pending) throw new Error(`${model} is consumed outside of token and authorization requests`);
      pending.consumptions.push(artifactKey(model, id));
    },

    async destroy(id) {
      if (!isArtifactId(id)) return;
      const key = artifactKey(model, id);
      const pending = browserState.includes(model) ? authorization.pending() : undefined;
      if (pending) pending.removals.push(key);
      else await table.delete(key);
    },

    revokeByGrantId: (grantId) => removeIssued(table, grantId, model),

    findByUid: () => Promise.reject(new Error(`${model} has no uid`)),
    findByUserCode: () => Promise.reject(new Error(`${model} has no user code`)),
  };
}

/** What interactions refer to, and the routes on which one of them, not the request, says which artifact is meant. */
const referredModels: readonly string[] = ['DeviceCode', 'PushedAuthorizationRequest'];
const resumingRoutes: readonly unknown[] = ['resume', 'device_resume'];

/** Elsewhere nobody gets at an artifact by what the table tells of it. */
function isAcceptable(model: string, id: string): boolean {
  return (
    isArtifactId(id) ||
    (isReference(id) && referredModels.includes(model) && resumingRoutes.includes(Provider.ctx?.oidc.route))
  );
}

/**
 * A pushed request is consumed when the user has signed in, long after it may be presented for the last time: it must still be there then, or
 * two sign-ins begun with it would both succeed. The provider checks `exp` in the payload.
 */
function keptLongerSeconds(model: string): number {
  return model === 'PushedAuthorizationRequest' ? lifetimes.interaction : 0;
}
