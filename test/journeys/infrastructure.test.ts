import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Slug } from '../../src/kernel/ids.ts';
import { callApi, platformToken, readOutbox } from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';

let server: ProductServer;
beforeAll(async () => {
  server = await startServer({ env: { TENANT_DATABASE: 'schema', OBJECTS: 'disk' } });
});
afterAll(async () => {
  const { rows } = await server.postgres.query<{ name: string }>('select current_database() as name');
  await server.postgres.query(`drop database if exists ${rows[0]?.name}_tenants with (force)`);
  await server.close();
});

const wish = { name: 'Payments', slug: 'payments', admin: { name: 'Ada', email: 'ada@payments.example' } };

it('a tenant that asks for files and a database has them, and nobody is told a secret', async () => {
  const token = await platformToken(server);
  const read = (path: string) => callApi(server, 'GET', path, { token });
  await callApi(server, 'POST', '/api/tenants', {
    token,
    body: { ...wish, features: { storage: ['s3', 'postgresql'] } },
  });
  await vi.waitFor(async () => expect((await read('/api/tenants/payments')).body.status).toBe('active'), {
    timeout: 40_000,
    interval: 50,
  });
  const tenant = await read('/api/tenants/payments');
  const done = tenant.body.provisioning.steps.map(({ name }: { name: string }) => name);
  expect(done).toEqual(expect.arrayContaining(['preconditions', 'database', 'objects']));
  expect(await readdir(join(server.dataDir, 'objects'))).toEqual([expect.stringMatching(/^payments-/)]);

  const record = await server.directory.get('payments' as Slug);
  expect(record?.sealedSecrets?.database).toBeDefined();
  const { rows } = await server.postgres.query<{ role: string }>(
    `select output ->> 'role' as role from provisioning_steps where name = 'database'`,
  );
  expect(rows).toHaveLength(1);
  const shown = JSON.stringify([
    tenant,
    await read('/api/audit'),
    await read('/api/tenants/payments/receipt'),
    await readOutbox(server),
  ]);
  expect(shown).toContain('payments');
  expect(shown).not.toMatch(/postgres(ql)?:\/\//);
  expect(shown).not.toContain(record?.sealedSecrets?.database);
});

it('a tenant that asks for nothing has nothing, and what cannot be had is refused at once', async () => {
  const token = await platformToken(server);
  const refused = await callApi(server, 'POST', '/api/tenants', {
    token,
    body: { ...wish, slug: 'cached', features: { storage: ['redis'] } },
  });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'features.storage' }] } });
  await callApi(server, 'POST', '/api/tenants', { token, body: { ...wish, slug: 'plain' } });
  const { body } = await vi.waitFor(
    async () => {
      const answer = await callApi(server, 'GET', '/api/tenants/plain', { token });
      expect(answer.body.status).toBe('active');
      return answer;
    },
    { timeout: 40_000, interval: 50 },
  );
  const steps = body.provisioning.steps.map(({ name }: { name: string }) => name);
  expect(steps).not.toContain('database');
  expect(steps).not.toContain('objects');
});
