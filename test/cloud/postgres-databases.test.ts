import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresDatabases } from '../../src/cloud/databases/postgres.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { databasesConformance } from '../conformance/databases.ts';
import { freshOwner } from '../conformance/owners.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';

const password = 'a-generated-password';
let control: TestPostgres;

beforeAll(async () => {
  control = await createTestPostgres();
});
afterAll(async () => {
  const name = new URL(control.connectionString.reveal()).pathname.slice(1);
  await control.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await control.close();
});

function open(kind: 'schema' | 'database', adminUrl = control.connectionString) {
  return createPostgresDatabases({
    kind,
    adminUrl,
    connectionLimit: 2,
    random: systemRandom,
    log: silentLog,
  });
}

databasesConformance('a schema per tenant', async () => open('schema'));
databasesConformance('a database per tenant', async () => open('database'));

describe.each(['schema', 'database'] as const)('the role of a tenant with its own %s', (kind) => {
  async function connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const databases = open(kind);
    const owner = freshOwner();
    await databases.create(owner, password);
    const client = new pg.Client({
      connectionString: databases.accessFor(owner, password).url.reveal(),
    });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
      await databases.remove(owner);
    }
  }

  it.each([
    ['read files of the server', `select pg_read_file('postgresql.conf')`],
    ['read binary files of the server', `select pg_read_binary_file('PG_VERSION')`],
    ['list directories of the server', `select pg_ls_dir('.')`],
    ['list the log directory', 'select * from pg_ls_logdir()'],
    ['look at a file of the server', `select pg_stat_file('PG_VERSION')`],
    ['import a file', `select lo_import('/etc/passwd')`],
    ['export a file', `select lo_export(1, '/tmp/x')`],
    ['copy from a file', `copy pg_description from '/etc/passwd'`],
    ['run a program', `copy (select 1) to program 'id'`],
    ['read password hashes', 'select rolpassword from pg_authid'],
    ['read the hba rules', 'select * from pg_hba_file_rules'],
    ['read settings files', 'select * from pg_file_settings'],
    ['change the server', `alter system set log_statement = 'none'`],
    ['become the administrator', 'set role tenantry'],
    ['become a monitor', 'grant pg_monitor to current_user'],
    ['lift its own limit', 'alter role current_user connection limit -1'],
    ['make a role', 'create role mine'],
    ['make a database', 'create database mine'],
    ['make a schema', 'create schema mine'],
    ['make things in public', 'create table public.mine ()'],
    ['make temporary tables', 'create temporary table mine ()'],
    ['make a foreign server', 'create foreign data wrapper mine'],
    ['make an untrusted function', `create function mine() returns int language c as 'x'`],
    ['stop the server', 'select pg_reload_conf()'],
    [
      'end others’ connections',
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = $$tenantry$$',
    ],
    ['reset statistics', 'select pg_stat_reset()'],
    ['read the control plane by a cross-database name', 'select * from control.public.tenants'],
    ['listen to replication', `select pg_create_logical_replication_slot('x', 'pgoutput')`],
  ])('cannot %s', async (_what, statement) => {
    await connected(async (client) => {
      const outcome = await client.query(statement).then(
        ({ rows }) => rows,
        (error: pg.DatabaseError) => error.code,
      );
      // 42501: insufficient privilege; 0A000: no such feature; nothing to end: no row was the role's to see.
      expect(['42501', '0A000']).toContain(
        Array.isArray(outcome) && outcome.length === 0 ? '42501' : outcome,
      );
    });
  });

  it('cannot enter the control plane’s database', async () => {
    const databases = open(kind);
    const owner = freshOwner();
    await databases.create(owner, password);
    const url = new URL(databases.accessFor(owner, password).url.reveal());
    url.pathname = new URL(control.connectionString.reveal()).pathname;
    const client = new pg.Client({ connectionString: url.href });
    await expect(client.connect()).rejects.toMatchObject({ code: '42501' });
    await databases.remove(owner);
  });

  it('is reported when it can reach more than its own', async () => {
    const databases = open(kind);
    const owner = freshOwner();
    const { role } = await databases.create(owner, password);
    await control.postgres.query(`grant pg_read_all_data to ${role}`);
    await control.postgres.query(
      `grant connect on database ${new URL(control.connectionString.reveal()).pathname.slice(1)} to ${role}`,
    );
    expect(await databases.inspect(owner, password)).toEqual(
      expect.arrayContaining([
        'the role is a member of pg_read_all_data',
        expect.stringMatching(/^the role may connect to the database test_/),
      ]),
    );
    await databases.remove(owner);
  });
});

it('is not there before it is complete, and tells other tenants nothing about whose it is', async () => {
  const databases = open('schema');
  const [owner, other] = [freshOwner(), freshOwner()];
  const { database, schema } = await databases.create(owner, password);
  await databases.create(other, password);
  const url = new URL(control.connectionString.reveal());
  url.pathname = `/${database}`;
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query('update tenantry.marks set complete = false where schema_name = $1', [schema]);
  await admin.end();
  expect(await databases.find(owner)).toBeUndefined();
  // It is listed, so that what a worker left that ended there is found.
  expect(await databases.list([])).toContainEqual({ name: schema, owner });
  await databases.create(owner, password);
  expect(await databases.find(owner)).toMatchObject({ schema });

  const client = new pg.Client({ connectionString: databases.accessFor(other, password).url.reveal() });
  await client.connect();
  for (const statement of [
    'select * from tenantry.marks',
    `insert into tenantry.marks values ('x', 'y', 'z')`,
    'create table tenantry.mine ()',
  ]) {
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
  }
  await client.end();
  await databases.remove(owner);
  await databases.remove(other);
});

describe('an administrator who is no superuser', () => {
  it.each(['schema', 'database'] as const)('gives every tenant its own %s', async (kind) => {
    const admin = `admin_${randomBytes(6).toString('hex')}`;
    await control.postgres.query(`create role ${admin} login createrole createdb password 'x'`);
    await control.postgres.query(`create database ${admin} owner ${admin}`);
    const url = new URL(control.connectionString.reveal());
    Object.assign(url, { username: admin, password: 'x', pathname: `/${admin}` });
    const databases = open(kind, new Secret(url.href));
    const owner = freshOwner();
    expect(await databases.problems()).toEqual([]);
    await databases.create(owner, password);
    expect(await databases.inspect(owner, password)).toEqual([]);
    await databases.remove(owner);
    expect(await databases.find(owner)).toBeUndefined();
    await control.postgres.query(`drop database if exists ${admin}_tenants`);
    await control.postgres.query(`drop database ${admin}`);
    await control.postgres.query(`drop role ${admin}`);
  });
});

it('says when the administrator may not make roles', async () => {
  const weak = `weak_${randomBytes(6).toString('hex')}`;
  await control.postgres.query(`create role ${weak} login password 'x'`);
  const url = new URL(control.connectionString.reveal());
  Object.assign(url, { username: weak, password: 'x' });
  await control.postgres.query(`grant connect on database ${url.pathname.slice(1)} to ${weak}`);
  expect(await open('schema', new Secret(url.href)).problems()).toEqual([
    'the administrator of tenant databases may not create roles',
  ]);
  await control.postgres.query(`drop owned by ${weak}`);
  await control.postgres.query(`drop role ${weak}`);
});

it('is unavailable for now when the server does not answer', async () => {
  const databases = open('schema', new Secret('postgres://x:y@127.0.0.1:1/postgres'));
  await expect(databases.create(freshOwner(), password)).rejects.toMatchObject({
    code: 'temporarily_unavailable',
  });
});
