/**
 * The databases port on PostgreSQL 15 or later (B2, D3): a schema per tenant in one shared database, or a database per tenant.
 *
 * Owns: the tenant's role, its schema or database, the rights between them (role-rights.ts), the note of whose they are (marks.ts), the base
 * migrations, and the look from the tenant's side (try-isolation.ts). Does not own: the server, and the tenants' own pools.
 *
 * The administrator looks at catalogs and at its own notes, and drops what a tenant made; it never reads, calls or changes it. What has to be
 * looked at from inside is looked at as the tenant's role.
 *
 * The shared database is never the control plane's: whoever may connect to a database can take its advisory locks and read its catalogs.
 * Schemas belong to the administrator, and the tenant's role owns nothing but what it makes inside. In both modes the role can connect to
 * exactly one database.
 */
import pg from 'pg';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { Secret } from '../../kernel/secret.ts';
import { ownerDigest, type ResourceOwner } from '../resource-owner.ts';
import { applyBaseMigrations } from './base-migrations.ts';
import { marks } from './marks.ts';
import { onDatabase, translateFault } from './on-database.ts';
import type { Databases, TenantDatabase } from './port.ts';
import { dropRole, ensureRole, grantSchema, refusePublic } from './role-rights.ts';
import { tryIsolation } from './try-isolation.ts';

export interface PostgresDatabasesOptions {
  kind: TenantDatabase['kind'];
  /** Of a role that may create roles and databases; its database is the control plane's, or any to begin from. */
  adminUrl: Secret;
  /** Most connections of one tenant's role. */
  connectionLimit: number;
  random: Random;
  log: Logger;
}

/** B2. Several processes of the tenant's services share the role's connection limit. */
export const poolSettings = { max: 10, min: 2, idleMs: 10_000, acquireMs: 30_000 };

/** Of roles, schemas and databases of tenants. */
const namePattern = '^tenant_[0-9a-f]{24}$';

export function createPostgresDatabases(options: PostgresDatabasesOptions): Databases {
  const { kind, adminUrl, connectionLimit, random, log } = options;
  const home = databaseIn(adminUrl);
  const shared = `${home.slice(0, 40)}_tenants`;

  function placeOf(owner: ResourceOwner): TenantDatabase {
    const name = `tenant_${ownerDigest(owner, 24)}`;
    return { kind, database: kind === 'database' ? name : shared, schema: name, role: name };
  }

  function urlFor(owner: ResourceOwner, password: string): Secret {
    const { database, role } = placeOf(owner);
    const url = new URL(adminUrl.reveal());
    url.username = role;
    url.password = password;
    url.pathname = `/${database}`;
    return new Secret(url.href);
  }

  const asAdministrator = <T>(url: Secret, work: (client: pg.Client) => Promise<T>) =>
    onDatabase(url, log, work, { searchPath: 'pg_catalog' });
  const onHome = <T>(work: (client: pg.Client) => Promise<T>) => asAdministrator(adminUrl, work);
  const onPlace = <T>(database: string, work: (client: pg.Client) => Promise<T>) =>
    asAdministrator(withDatabase(adminUrl, database), work);

  /** PostgreSQL refuses two changes of one catalog row at once, such as grants by two workers. */
  async function alone<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    return await onHome(async (client) => {
      await client.query(`select pg_advisory_lock(hashtextextended('tenantry:tenant-databases', 0))`);
      return await work(client);
    });
  }

  async function databaseExists(client: pg.Client, database: string): Promise<boolean> {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    return rowCount === 1;
  }

  async function isMarked(owner: ResourceOwner): Promise<boolean> {
    const { database, schema } = placeOf(owner);
    if (!(await onHome((client) => databaseExists(client, database)))) {
      return false;
    }
    const marked = await onPlace(database, marks.read);
    return marked.some(
      (mark) => mark.schema === schema && mark.complete && mark.owner.tenantId === owner.tenantId,
    );
  }

  /** Whose the schemas of the shared database are. */
  async function ownersInShared(): Promise<Map<string, ResourceOwner>> {
    if (kind !== 'schema' || !(await onHome((client) => databaseExists(client, shared)))) {
      return new Map();
    }
    const marked = await onPlace(shared, marks.read);
    return new Map(marked.map(({ schema, owner }) => [schema, owner]));
  }

  return {
    at: new URL(adminUrl.reveal()).host,
    placeOf,
    find: async (owner) => ((await isMarked(owner)) ? placeOf(owner) : undefined),

    async create(owner, password) {
      const place = placeOf(owner);
      const { database, schema, role } = place;
      await alone(async (client) => {
        await ensureRole(client, { role, password, connectionLimit, random });
        await refusePublic(client, home);
        const quoted = pg.escapeIdentifier(database);
        if (!(await databaseExists(client, database))) {
          // Closed until it is nobody's but the role's.
          await client.query(`create database ${quoted} template template0 allow_connections false`);
        }
        await refusePublic(client, database);
        await client.query(`alter database ${quoted} allow_connections true`);
        await client.query(`grant connect on database ${quoted} to ${pg.escapeIdentifier(role)}`);
        await client.query(
          `alter role ${pg.escapeIdentifier(role)} in database ${quoted}
             set search_path to ${pg.escapeIdentifier(schema)}`,
        );
        await onPlace(database, async (inside) => {
          await marks.prepare(inside);
          await marks.put(inside, schema, owner);
          await grantSchema(inside, { schema, role });
        });
      });
      await applyBaseMigrations({ url: urlFor(owner, password), schema, owner, log });
      await onPlace(database, (inside) => marks.complete(inside, schema));
      return place;
    },

    accessFor: (owner, password) => ({ url: urlFor(owner, password), pool: poolSettings }),

    async inspect(owner, password) {
      return await tryIsolation({ url: urlFor(owner, password), place: placeOf(owner), owner, home, log });
    },

    async remove(owner, made = placeOf(owner)) {
      const { database, schema, role } = made;
      await alone(async (client) => {
        const exists = await databaseExists(client, database);
        await dropRole.stopSignIn(client, role);
        if (made.kind === 'database' && exists) {
          await client.query(`drop database ${pg.escapeIdentifier(database)} with (force)`);
        } else if (exists) {
          await onPlace(database, async (inside) => {
            await dropRole.endConnections(inside, role);
            await inside.query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`);
            await dropRole.dropOwned(inside, role);
            await marks.remove(inside, schema);
          });
        }
        await dropRole.dropOwned(client, role);
        await client.query(`drop role if exists ${pg.escapeIdentifier(role)}`);
      });
    },

    async list(known) {
      const byName = new Map(known.map((owner) => [placeOf(owner).role, owner]));
      const { rows } = await onHome((client) =>
        client.query<{ name: string }>(
          `select rolname as name from pg_roles where rolname ~ $1
           union select datname from pg_database where datname ~ $1`,
          [namePattern],
        ),
      );
      const owners = await ownersInShared();
      for (const { name } of rows) {
        const owner = byName.get(name);
        if (owner !== undefined) {
          owners.set(name, owner);
        }
      }
      return [...owners].map(([name, owner]) => ({ name, owner }));
    },

    async problems() {
      try {
        const { rows } = await onHome((client) =>
          client.query<{ fit: boolean; version: number }>(
            `select rolsuper or (rolcreaterole and rolcreatedb) as fit,
                    current_setting('server_version_num')::integer as version
               from pg_roles where rolname = current_user`,
          ),
        );
        return [
          ...(rows[0]?.fit === true ? [] : ['the administrator of tenant databases may not create roles']),
          ...((rows[0]?.version ?? 0) >= 150_000 ? [] : ['tenant databases need PostgreSQL 15 or later']),
        ];
      } catch (error) {
        throw translateFault(error);
      }
    },

    async used() {
      const { rows } = await onHome((client) =>
        client.query<{ count: number }>(
          `select count(*)::integer as count from pg_roles where rolname ~ $1`,
          [namePattern],
        ),
      );
      return rows[0]?.count ?? 0;
    },
  };
}

function databaseIn(url: Secret): string {
  const name = decodeURIComponent(new URL(url.reveal()).pathname.slice(1));
  if (name === '') {
    throw new AppError('server_error', 'The URL of the administrator of tenant databases names no database.');
  }
  return name;
}

function withDatabase(url: Secret, database: string): Secret {
  const changed = new URL(url.reveal());
  changed.pathname = `/${database}`;
  return new Secret(changed.href);
}
