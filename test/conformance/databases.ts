import pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { Databases } from '../../src/cloud/databases/port.ts';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import type { Secret } from '../../src/kernel/secret.ts';
import { freshOwner } from './owners.ts';

const password = 'a-generated-password';

async function asRole<T>(url: Secret, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url.reveal() });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** What every way of giving a tenant a database does. */
export function databasesConformance(implementation: string, setUp: () => Promise<Databases>): void {
  describe(`databases port: ${implementation}`, () => {
    async function made(databases: Databases): Promise<{ owner: ResourceOwner; url: Secret }> {
      const owner = freshOwner();
      await databases.create(owner, password);
      return { owner, url: databases.accessFor(owner, password).url };
    }

    it('makes a database that is found again, however often it is made', async () => {
      const databases = await setUp();
      const owner = freshOwner();
      expect(await databases.problems()).toEqual([]);
      expect(await databases.find(owner)).toBeUndefined();
      const place = await databases.create(owner, password);
      expect(await databases.create(owner, password)).toEqual(place);
      expect(await databases.find(owner)).toEqual(place);
      expect(JSON.stringify(place)).not.toContain(owner.slug);
      expect(await databases.inspect(owner, password)).toEqual([]);
    });

    it('has the base migrations applied, and lets the tenant go on from there', async () => {
      const databases = await setUp();
      const { owner, url } = await made(databases);
      await asRole(url, async (client) => {
        expect((await client.query('select tenant_id, slug from tenant_identity')).rows).toEqual([
          { tenant_id: owner.tenantId, slug: owner.slug },
        ]);
        await client.query('create table orders (id integer primary key)');
        await client.query('insert into orders values (1)');
      });
      await databases.create(owner, password);
      await asRole(url, async (client) => {
        expect((await client.query('select id from orders')).rows).toEqual([{ id: 1 }]);
      });
    });

    it('keeps two tenants apart', async () => {
      const databases = await setUp();
      const [one, two] = [await made(databases), await made(databases)];
      const twosPlace = await databases.find(two.owner);
      await asRole(two.url, (client) => client.query('create table secrets (value text)'));
      await asRole(one.url, async (client) => {
        const refusal = twosPlace?.kind === 'schema' ? '42501' : '42P01';
        for (const statement of [
          `select * from ${twosPlace?.schema}.secrets`,
          `create table ${twosPlace?.schema}.mine ()`,
          `drop schema ${twosPlace?.schema} cascade`,
        ]) {
          await expect(client.query(statement)).rejects.toMatchObject({
            code: expect.stringMatching(new RegExp(`^(${refusal}|3F000|42501)$`)),
          });
        }
        await expect(client.query(`set role ${twosPlace?.role}`)).rejects.toMatchObject({ code: '42501' });
        await expect(client.query(`alter role ${twosPlace?.role} password 'mine'`)).rejects.toMatchObject({
          code: '42501',
        });
      });
      if (twosPlace?.kind === 'database') {
        const elsewhere = one.url.reveal().replace(/\/[^/]*$/, `/${twosPlace.database}`);
        await expect(asRole({ reveal: () => elsewhere } as Secret, async () => {})).rejects.toMatchObject({
          code: '42501',
        });
      }
    });

    it('lets a role hold no more connections than its limit', async () => {
      const databases = await setUp();
      const { url } = await made(databases);
      const held = [1, 2, 3].map(() => new pg.Client({ connectionString: url.reveal() }));
      try {
        await held[0]?.connect();
        await held[1]?.connect();
        await expect(held[2]?.connect()).rejects.toMatchObject({ code: '53300' });
      } finally {
        await Promise.all(held.map((client) => client.end().catch(() => {})));
      }
    });

    it('notices a password that is not the role’s', async () => {
      const databases = await setUp();
      const { owner } = await made(databases);
      expect(await databases.inspect(owner, 'another-password')).toEqual([
        'the tenant’s role cannot sign in',
      ]);
    });

    it('removes a database that is in use, with everything, and nobody else’s', async () => {
      const databases = await setUp();
      const [one, two] = [await made(databases), await made(databases)];
      // Counted over the whole server, which other tests use at the same time.
      expect(await databases.used()).toBeGreaterThanOrEqual(2);
      await asRole(one.url, async (client) => {
        await client.query('create table large as select generate_series(1, 1000)');
        await client.query('select lo_create(0)');
        await databases.remove(one.owner);
        await expect(client.query('select 1')).rejects.toThrow();
      });
      await databases.remove(one.owner);
      expect(await databases.find(one.owner)).toBeUndefined();
      await expect(asRole(one.url, async () => {})).rejects.toMatchObject({
        code: expect.stringMatching(/^(28P01|3D000)$/),
      });
      expect(await databases.inspect(two.owner, password)).toEqual([]);
    });

    it('lists a database as its tenant’s until it is removed, and nothing that may be somebody else’s', async () => {
      const databases = await setUp();
      const [one, two] = [await made(databases), await made(databases)];
      const listed = async (known: readonly ResourceOwner[]) =>
        (await databases.list(known)).filter(({ owner }) => owner.tenantId === one.owner.tenantId);
      const place = await databases.find(one.owner);
      expect(await listed([one.owner])).toEqual([{ name: place?.role, owner: one.owner }]);
      // A schema says whose it is; of a database on a server that several deployments share nobody can tell.
      expect(await listed([two.owner])).toHaveLength(place?.kind === 'schema' ? 1 : 0);
      await databases.remove(one.owner);
      expect(await listed([one.owner])).toEqual([]);
    });

    it('puts back what the tenant dropped of the base, and removes the database without it', async () => {
      const databases = await setUp();
      const { owner, url } = await made(databases);
      await asRole(url, (client) => client.query('drop table tenant_identity, schema_migrations'));
      expect(await databases.inspect(owner, password)).toEqual([
        'the database is not marked as the tenant’s',
      ]);
      await databases.create(owner, password);
      expect(await databases.inspect(owner, password)).toEqual([]);
      await asRole(url, (client) => client.query('drop table tenant_identity'));
      await databases.remove(owner);
      await expect(asRole(url, async () => {})).rejects.toThrow();
      expect(await databases.find(owner)).toBeUndefined();
    });

    it('runs nothing of the tenant’s with the administrator’s rights', async () => {
      const databases = await setUp();
      const { owner, url } = await made(databases);
      const place = await databases.find(owner);
      // Whoever reads the view, or resolves one of these names, calls the function: it makes its caller's role a superuser if it may.
      await asRole(url, async (client) => {
        await client.query(`create function seize() returns text language plpgsql as $$
          begin
            execute 'alter role ${place?.role} superuser createrole';
            return '${owner.tenantId}';
          exception when insufficient_privilege then return '${owner.tenantId}';
          end $$`);
        await client.query('drop table tenant_identity, schema_migrations');
        await client.query(
          `create view tenant_identity as select true as only_row, seize() as tenant_id, seize() as slug`,
        );
        await client.query(
          `create view schema_migrations as select 1 as id, seize() as name, now() as run_on`,
        );
        for (const shadowed of ['marks', 'pg_database', 'pg_namespace', 'pg_roles']) {
          await client.query(
            `create view ${shadowed} as select seize() as datname, seize() as nspname, seize() as rolname`,
          );
        }
        await client.query(
          'create function to_regclass(text) returns text language sql as $$ select seize() $$',
        );
      });
      const isHarmless = () =>
        asRole(url, async (client) => {
          const { rows } = await client.query(
            'select rolsuper or rolcreaterole as seized from pg_catalog.pg_roles where rolname = current_user',
          );
          expect(rows).toEqual([{ seized: false }]);
        });
      expect(await databases.find(owner)).toEqual(place);
      await databases.list([owner]);
      await databases.used();
      await databases.inspect(owner, password);
      await isHarmless();
      await databases.create(owner, password).catch(() => {});
      await isHarmless();
      await databases.remove(owner);
      expect(await databases.find(owner)).toBeUndefined();
    });

    it('is made once by workers that make it at once', async () => {
      const databases = await setUp();
      const owner = freshOwner();
      const places = await Promise.allSettled([1, 2, 3].map(() => databases.create(owner, password)));
      expect(places.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
      await databases.create(owner, password);
      expect(await databases.inspect(owner, password)).toEqual([]);
    });
  });
}
