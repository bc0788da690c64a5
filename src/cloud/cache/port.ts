/**
 * The cache port (B6): a namespace of a shared cache whose server itself keeps tenants apart. A tenant's user can touch the keys and channels
 * that begin with `tenant:<slug>:` and cannot learn of any other.
 */
import type { Secret } from '../../kernel/secret.ts';
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

export interface CacheSpace {
  username: string;
  /** Begins every key and channel of the tenant. */
  keyPrefix: string;
}

export interface Caches {
  /** Which server it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  find(owner: ResourceOwner): Promise<CacheSpace | undefined>;
  /** Idempotent: afterwards the user has exactly these rights and this password. Keys that an earlier holder of the slug left are removed. */
  create(owner: ResourceOwner, password: string): Promise<CacheSpace>;
  /** Where the tenant's services find their namespace, credentials included. */
  urlFor(owner: ResourceOwner, password: string): Secret;
  /** Signs in as the tenant and tries what must work and what must not. What is wrong; empty when nothing is. */
  inspect(owner: ResourceOwner, password: string): Promise<string[]>;
  /** Users that this deployment made, by its own list of them: they have no tags. */
  list: ListOwned;
  /** Idempotent: the user, its connections, and every key of the namespace. Nothing when the slug has another holder by now. */
  remove(owner: ResourceOwner): Promise<void>;
  /** What keeps namespaces from being made; empty when nothing does. */
  problems(): Promise<string[]>;
}
