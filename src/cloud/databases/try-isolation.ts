import pg from 'pg';
import type { Logger } from 'pino';
import type { Secret } from '../../kernel/secret.ts';
import type { ResourceOwner } from '../resource-owner.ts';
import { isPassing, onDatabase, sqlState } from './on-database.ts';
import type { TenantDatabase } from './port.ts';

const { escapeIdentifier: quoted } = pg;
const insufficientPrivilege = '42501';
/** A wrong password, and a role that may not sign in. */
const refusedSignIn: ReadonlySet<string | undefined> = new Set(['28P01', '28000']);
/** What SET ROLE says of a role that was dropped a moment ago. */
const noSuchRole = '22023';

/** What the tenant's role must be refused, by SQLSTATE 42501. */
const forbidden = [
  'create table public.tenantry_probe ()',
  'create schema tenantry_probe',
  'create temporary table tenantry_probe ()',
  'create role tenantry_probe',
  'select rolpassword from pg_authid',
  'select passwd from pg_shadow',
  `select pg_read_file('PG_VERSION')`,
  `select pg_ls_dir('.')`,
  `select lo_import('/etc/hostname')`,
  `copy (select 1) to program 'true'`,
  `copy pg_description from '/etc/hostname'`,
];

/** Connects as the tenant and tries what must work and what must not. What is wrong; empty when nothing is. */
export async function tryIsolation(options: {
  url: Secret;
  place: TenantDatabase;
  owner: ResourceOwner;
  /** The administrator's database, which no tenant may enter. */
  home: string;
  log: Logger;
}): Promise<string[]> {
  const { url, place, owner, home, log } = options;
  try {
    return await onDatabase(url, log, async (client) => [
      ...(await findWrongPlace(client, place, owner)),
      ...(await findReach(client, place, home)),
      ...(await findUnrefused(client)),
    ]);
  } catch (error) {
    if (refusedSignIn.has(sqlState(error))) {
      return ['the tenant’s role cannot sign in'];
    }
    throw error;
  }
}

/** What the tenant has put in the place of the table answers with one row of little, or with an error: neither is more than a problem. */
async function findWrongPlace(
  client: pg.Client,
  { schema, role }: TenantDatabase,
  owner: ResourceOwner,
): Promise<string[]> {
  const wrong = ['the database is not marked as the tenant’s'];
  try {
    const { rows } = await client.query<{ role: string; schema: string; matches: boolean }>(
      `select current_user as role, current_schema() as schema, (tenant_id::text = $1) is true as matches
         from tenant_identity limit 1`,
      [owner.tenantId],
    );
    const [found] = rows;
    return found?.role === role && found.schema === schema && found.matches ? [] : wrong;
  } catch (error) {
    if (isPassing(error)) {
      throw error;
    }
    return wrong;
  }
}

/** What the catalogs say that the role may do, besides using its own schema. */
async function findReach(client: pg.Client, place: TenantDatabase, home: string): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `select 'may connect to the database ' || datname as problem from pg_database
      where datallowconn and datname <> $1 and (datname = $3 or datname ~ '(^tenant_[0-9a-f]{24}|_tenants)$')
        and has_database_privilege(oid, 'CONNECT')
     union all
     select 'may use the schema ' || nspname from pg_namespace
      where nspname <> $2 and nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)'
        and (has_schema_privilege(oid, 'USAGE') or has_schema_privilege(oid, 'CREATE'))
     union all
     select 'is a member of ' || rolname from pg_roles
      where rolname <> current_user and pg_has_role(oid, 'MEMBER')
     union all
     select 'has the attribute ' || attribute
       from pg_roles, lateral (values ('superuser', rolsuper), ('createrole', rolcreaterole), ('createdb', rolcreatedb),
              ('replication', rolreplication), ('bypassrls', rolbypassrls)) as attributes (attribute, held)
      where rolname = current_user and held
     union all
     select 'has no connection limit' from pg_roles where rolname = current_user and rolconnlimit < 0`,
    [place.database, place.schema, home],
  );
  return rows.map(({ problem }) => `the role ${problem}`);
}

async function findUnrefused(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ rolname: string }>(
    `select rolname from pg_roles where rolname <> current_user and rolname !~ '^pg_' order by rolsuper desc limit 3`,
  );
  const asOthers = rows.map(({ rolname }) => `set role ${quoted(rolname)}`);
  const problems: string[] = [];
  for (const statement of [...forbidden, ...asOthers]) {
    await client.query('begin');
    const state = await client.query(statement).then(() => 'done', sqlState);
    await client.query('rollback');
    if (state !== insufficientPrivilege && state !== noSuchRole) {
      problems.push(`not refused (${state}): ${statement.split(' ').slice(0, 3).join(' ')}`);
    }
  }
  return problems;
}
