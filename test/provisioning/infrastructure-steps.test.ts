import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresDatabases } from '../../src/cloud/databases/postgres.ts';
import { createDiskObjects } from '../../src/cloud/objects/disk.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { database } from '../../src/provisioning/steps/database.ts';
import { objects } from '../../src/provisioning/steps/objects.ts';
import { passwordIn } from '../../src/provisioning/tenant-secrets.ts';
import { createTestPostgres, silentLog, type TestPostgres } from '../support/services.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { carryOut, stepGround } from './step-context.ts';

let control: TestPostgres;
beforeAll(async () => {
  control = await createTestPostgres();
});
afterAll(async () => {
  const name = new URL(control.connectionString.reveal()).pathname.slice(1);
  await control.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await control.close();
});

describe.each(['schema', 'database'] as const)('step database (%s)', (kind) => {
  async function setUp() {
    const ground = await stepGround();
    const databases = createPostgresDatabases({
      kind,
      adminUrl: control.connectionString,
      connectionLimit: 5,
      random: systemRandom,
      log: silentLog,
    });
    return { ...ground, databases, step: database({ databases, secrets: ground.secrets }) };
  }

  it('makes a database whose URL is in the directory entry, sealed, and nowhere in the clear', async () => {
    const { step, context, secrets, directory } = await setUp();
    const asked = await context();
    const output = await carryOut(step, asked);
    expect(output).toMatchObject({ kind });
    const access = await secrets.read(asked.tenant, 'database');
    expect(access?.pool).toEqual({ max: 10, min: 2, idleMs: 10_000, acquireMs: 30_000 });
    const pool = new pg.Pool({ connectionString: access?.url.reveal() });
    const { rows } = await pool.query('select slug from tenant_identity');
    await pool.end();
    expect(rows).toEqual([{ slug: asked.tenant.slug }]);

    const record = await directory.get(asked.tenant.slug);
    expect(record?.sealedSecrets?.database).toMatch(/^v1\./);
    const password = access === undefined ? '' : passwordIn(access);
    expect(password).toHaveLength(32);
    expect(JSON.stringify({ output, record })).not.toContain(password);
    await step.undo(asked, output);
  });

  it('goes on with the same password after a try that was never recorded', async () => {
    const { step, context, secrets } = await setUp();
    const asked = await context();
    await step.act(asked);
    const before = await secrets.read(asked.tenant, 'database');
    await step.act(asked);
    const output = await carryOut(step, asked);
    const after = await secrets.read(asked.tenant, 'database');
    expect(after?.url.reveal()).toBe(before?.url.reveal());
    await step.undo(asked, output);
  });

  it('has the password on record before the role has it', async () => {
    const { step, context, secrets, databases } = await setUp();
    const asked = await context();
    const failing = database({
      databases: { ...databases, create: () => Promise.reject(new Error('killed')) },
      secrets,
    });
    await expect(failing.act(asked)).rejects.toThrow('killed');
    expect(await secrets.read(asked.tenant, 'database')).toBeDefined();
    await carryOut(step, asked);
    await step.undo(asked, undefined);
  });

  it('undoes what it has no output of, and what it did not do', async () => {
    const { step, context, secrets, databases } = await setUp();
    const asked = await context();
    const owner = { tenantId: asked.tenant.id, slug: asked.tenant.slug };
    await step.undo(asked, undefined);
    await step.act(asked);
    await step.undo(asked, undefined);
    await step.undo(asked, undefined);
    expect(await databases.find(owner)).toBeUndefined();
    expect(await secrets.read(asked.tenant, 'database')).toBeUndefined();
    const role = new URL(databases.accessFor(owner, 'x').url.reveal()).username;
    const { rows } = await control.postgres.query('select rolname from pg_roles where rolname = $1', [role]);
    expect(rows).toEqual([]);
  });

  it('is not confirmed when the role reaches more than its own, and does not tell requesters what', async () => {
    const { step, context } = await setUp();
    const asked = await context();
    const output = await step.act(asked);
    await control.postgres.query(`grant pg_read_all_data to ${String(output.role)}`);
    const failure = await step.confirm(asked, output).catch((error: Error) => error);
    expect(failure).toMatchObject({
      name: 'UnusableResult',
      message: 'The tenant’s database is not fit for use.',
      cause: new Error('the role is a member of pg_read_all_data'),
    });
    await step.undo(asked, output);
  });
});

describe('step objects', () => {
  it('makes a folder, finds it again, and removes it with everything', async () => {
    const { context } = await stepGround();
    const directory = await temporaryDirectory();
    const step = objects({ storage: createDiskObjects({ directory }) });
    const asked = await context();
    const output = await carryOut(step, asked);
    expect(await carryOut(step, asked)).toEqual(output);
    await writeFile(join(String(output.location), 'file'), 'content');
    await step.undo(asked, undefined);
    await step.undo(asked, output);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('secrets of a tenant', () => {
  it('are the same for workers that make them at once', async () => {
    const { context, secrets } = await stepGround();
    const writer = await context();
    const made = await Promise.all(
      [1, 2, 3].map(() =>
        secrets.ensure(writer, 'cache', (password) => ({
          url: new Secret(`redis://u:${password}@h`),
        })),
      ),
    );
    expect(new Set(made.map(({ url }) => url.reveal())).size).toBe(1);
  });

  it('of one name do not disturb those of another, and can be forgotten twice', async () => {
    const { context, secrets, directory } = await stepGround();
    const writer = await context();
    const { tenant } = writer;
    const compose = (password: string) => ({ url: new Secret(`redis://u:${password}@h`) });
    await secrets.ensure(writer, 'cache', compose);
    await secrets.ensure(writer, 'database', compose);
    await secrets.forget(writer, 'cache');
    await secrets.forget(writer, 'cache');
    expect(await secrets.read(tenant, 'cache')).toBeUndefined();
    expect(await secrets.read(tenant, 'database')).toBeDefined();
    await secrets.forget(writer, 'database');
    expect(await directory.get(tenant.slug)).not.toHaveProperty('sealedSecrets');
    await directory.remove(tenant.slug, tenant.id);
    await secrets.forget(writer, 'database');
  });

  it('cannot be opened as those of another tenant', async () => {
    const { context, secrets, directory } = await stepGround();
    const [one, two] = [await context(), await context()];
    const compose = (password: string) => ({ url: new Secret(`redis://u:${password}@h`) });
    await secrets.ensure(one, 'cache', compose);
    const stolen = (await directory.get(one.tenant.slug))?.sealedSecrets;
    await directory.update(two.tenant.slug, two.tenant.id, (record) => ({
      ...record,
      ...(stolen === undefined ? {} : { sealedSecrets: stolen }),
    }));
    await expect(secrets.read(two.tenant, 'cache')).rejects.toMatchObject({ code: 'server_error' });
  });
});
