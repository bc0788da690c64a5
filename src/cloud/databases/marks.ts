import type pg from 'pg';
import type { ResourceOwner } from '../resource-owner.ts';

/**
 * Whose the schemas of a database are, written down where only the administrator can write and read. A tenant's role owns what it makes in its
 * schema: reading anything there as the administrator would run the tenant's own functions with the administrator's rights.
 */
export const marks = {
  /** Idempotent. */
  async prepare(client: pg.Client): Promise<void> {
    await client.query(`
      create schema if not exists tenantry;
      create table if not exists tenantry.marks (
        schema_name text primary key,
        tenant_id text not null,
        slug text not null,
        -- The base migrations have been applied.
        complete boolean not null default false
      )`);
  },

  async put(client: pg.Client, schema: string, { tenantId, slug }: ResourceOwner): Promise<void> {
    await client.query(
      `insert into tenantry.marks (schema_name, tenant_id, slug) values ($1, $2, $3)
       on conflict (schema_name) do nothing`,
      [schema, tenantId, slug],
    );
  },

  async complete(client: pg.Client, schema: string): Promise<void> {
    await client.query('update tenantry.marks set complete = true where schema_name = $1', [schema]);
  },

  async remove(client: pg.Client, schema: string): Promise<void> {
    if (await isPrepared(client)) {
      await client.query('delete from tenantry.marks where schema_name = $1', [schema]);
    }
  },

  /** Of the schemas that exist. */
  async read(client: pg.Client): Promise<{ schema: string; owner: ResourceOwner; complete: boolean }[]> {
    if (!(await isPrepared(client))) {
      return [];
    }
    const { rows } = await client.query<{ schema: string; owner: ResourceOwner; complete: boolean }>(
      `select schema_name as schema, json_build_object('tenantId', tenant_id, 'slug', slug) as owner, complete
         from tenantry.marks join pg_namespace on nspname = schema_name`,
    );
    return rows;
  },
};

async function isPrepared(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('tenantry.marks') is not null as found`,
  );
  return rows[0]?.found === true;
}
