import { expect, inject, test } from 'vitest';
import { Secret } from '../../src/kernel/secret.ts';
import { migrate } from '../../src/platform/migrations.ts';
import { connectPostgres } from '../../src/platform/postgres.ts';
import { silentLog } from '../support/services.ts';

test('several processes may migrate one database at once', async () => {
  const serverUrl = inject('postgresUrl');
  const admin = connectPostgres({ connectionString: new Secret(serverUrl), max: 1, log: silentLog });
  await admin.query('create database migrated_at_once');
  const connectionString = new Secret(serverUrl.replace(/postgres$/, 'migrated_at_once'));
  await Promise.all([1, 2, 3].map(() => migrate({ connectionString, log: silentLog })));
  const postgres = connectPostgres({ connectionString, max: 1, log: silentLog });
  const { rows } = await postgres.query<{ name: string }>('select name from schema_migrations order by id');
  expect(rows[0]?.name).toBe('0001_control-plane');
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  await postgres.query('select count(*) from orders');
  await postgres.close();
  await admin.query('drop database migrated_at_once with (force)');
  await admin.close();
});
