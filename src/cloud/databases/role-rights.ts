import pg from 'pg';
import type { Random } from '../../kernel/random.ts';
import { sqlState } from './on-database.ts';
import { scramVerifier } from './scram-verifier.ts';

const { escapeIdentifier: quoted, escapeLiteral: literal } = pg;
const undefinedObject = '42704';

/** A role that can sign in and nothing else, with this password and limit also when it exists already. */
export async function ensureRole(
  client: pg.Client,
  wanted: { role: string; password: string; connectionLimit: number; random: Random },
): Promise<void> {
  const { role, password, connectionLimit, random } = wanted;
  const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) {
    await client.query(`create role ${quoted(role)}`);
    // Who created the role may give it away, and only a member may end its connections and drop what it owns.
    await client.query(`grant ${quoted(role)} to current_user`);
  }
  await client.query(
    `alter role ${quoted(role)} login nocreatedb nocreaterole noinherit
       connection limit ${connectionLimit} password ${literal(scramVerifier(password, random))}`,
  );
}

/** Leaves a database to those who were granted something in it; its owner and superusers are not concerned. */
export async function refusePublic(client: pg.Client, database: string): Promise<void> {
  await client.query(`revoke all on database ${quoted(database)} from public`);
}

/** The schema is the administrator's; the role may use it and make things in it. */
export async function grantSchema(
  client: pg.Client,
  { schema, role }: { schema: string; role: string },
): Promise<void> {
  await client.query('revoke all on schema public from public');
  await client.query(`create schema if not exists ${quoted(schema)}`);
  await client.query(`grant usage, create on schema ${quoted(schema)} to ${quoted(role)}`);
}

/** The parts of removing a role; each does nothing when there is none. */
export const dropRole = {
  async stopSignIn(client: pg.Client, role: string): Promise<void> {
    await ifThere(client.query(`alter role ${quoted(role)} nologin`));
  },

  async endConnections(client: pg.Client, role: string): Promise<void> {
    await client.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1', [
      role,
    ]);
  },

  /** Objects in this database, and the role's rights on it and on databases. */
  async dropOwned(client: pg.Client, role: string): Promise<void> {
    await ifThere(client.query(`drop owned by ${quoted(role)} cascade`));
  },
};

async function ifThere(statement: Promise<unknown>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    if (sqlState(error) !== undefinedObject) {
      throw error;
    }
  }
}
