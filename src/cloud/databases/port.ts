/**
 * The databases port (B2, D3): a place of its own for a tenant's relational data, a schema of a shared database or a whole database, with a
 * role that can reach nothing else. Names are made from slug and tenant id by a digest: every role can read the names of roles, schemas and
 * databases in PostgreSQL's catalogs, and tenants do not learn of each other (E3).
 */
import type { Secret } from '../../kernel/secret.ts';
import type { ListOwned, ResourceOwner } from '../resource-owner.ts';

export interface TenantDatabase {
  kind: 'schema' | 'database';
  database: string;
  schema: string;
  role: string;
}

/** How the tenant's services pool their connections. */
export interface PoolSettings {
  max: number;
  min: number;
  idleMs: number;
  acquireMs: number;
}

/** What the tenant record keeps, sealed. */
export interface DatabaseAccess {
  /** `postgres://role:password@host/database`. */
  url: Secret;
  pool: PoolSettings;
}

export interface Databases {
  /** Which server it is: the same in two processes whose settings lead to the same one. */
  readonly at: string;
  /** Where the tenant's database is, or would be made. */
  placeOf(owner: ResourceOwner): TenantDatabase;
  find(owner: ResourceOwner): Promise<TenantDatabase | undefined>;
  /** Idempotent: role with this password, its rights, and the base migrations. */
  create(owner: ResourceOwner, password: string): Promise<TenantDatabase>;
  accessFor(owner: ResourceOwner, password: string): DatabaseAccess;
  /** Connects as the tenant and tries what must work and what must not. What is wrong; empty when nothing is. */
  inspect(owner: ResourceOwner, password: string): Promise<string[]>;
  /**
   * Idempotent: ends the role's connections, drops everything it owns, and the role. `made`: the database that was made, where it may be another
   * than `placeOf`.
   */
  remove(owner: ResourceOwner, made?: TenantDatabase): Promise<void>;
  /**
   * Roles, schemas and databases, also such as are not complete. Roles and databases of a server that several deployments share say nothing of
   * whose they are: of these only the names of `known` count. The schemas in the shared database are this deployment's.
   */
  list: ListOwned;
  /** What keeps databases from being made; empty when nothing does. */
  problems(): Promise<string[]>;
  /** How many tenants have a database. */
  used(): Promise<number>;
}
