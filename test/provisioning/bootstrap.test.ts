import { mkdtemp, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootstrapPlatform } from '../../src/bootstrap.ts';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import { toClientDocument } from '../../src/clients/client-item.ts';
import { hashClientSecret } from '../../src/clients/client-secret.ts';
import { createClients } from '../../src/clients/clients.ts';
import { createAccounts } from '../../src/identity/accounts.ts';
import {
  adminScopes,
  adminScopesOfRoles,
  operatorRoles,
  tenantScopes,
} from '../../src/identity/admin-scopes.ts';
import { createRoles } from '../../src/identity/roles.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { platformSlug } from '../../src/kernel/slug.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { type ControlPlane, publicUrl, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
let dataDirectory: string;
beforeEach(async () => {
  plane = await startControlPlane();
  dataDirectory = await mkdtemp(join(tmpdir(), 'tenantry-data-'));
});
afterEach(async () => {
  await plane.close();
  await rm(dataDirectory, { recursive: true });
});

const file = () => join(dataDirectory, 'bootstrap.json');

function bootstrap(overrides: Partial<Parameters<typeof bootstrapPlatform>[0]> = {}): Promise<void> {
  const { postgres, directory, tables, clock } = plane;
  return bootstrapPlatform({
    postgres,
    directory,
    tables,
    clock,
    random: systemRandom,
    queue: { send: async () => {} },
    provisioning: plane.provisioning({ validation: 'manual', compliance: 'manual' }),
    publicUrl,
    dataDirectory,
    ...overrides,
  });
}

async function readFileContent(): Promise<BootstrapFile> {
  return JSON.parse(await readFile(file(), 'utf8')) as BootstrapFile;
}

async function platformStores() {
  const record = await plane.directory.get(platformSlug);
  const table = plane.tables.open(record?.tableName ?? '');
  const stores = { table, clock: plane.clock, random: systemRandom };
  return { accounts: createAccounts(stores), clients: createClients(stores), roles: createRoles(stores) };
}

/** Every secret of the file opens what it says it opens. */
async function expectUsable({ client, operators }: BootstrapFile): Promise<void> {
  const { accounts, clients } = await platformStores();
  const stored = await clients.getWithSecretHashes(client.client_id);
  expect(stored?.hashes).toEqual([hashClientSecret(client.client_secret)]);
  for (const { email, password, roles } of operators) {
    expect(await accounts.verifyPassword(email, password)).toMatchObject({ email, roles });
  }
}

describe('the first start', () => {
  it('provisions the platform tenant and writes the way in, whatever the gates say', async () => {
    await bootstrap();
    expect(await plane.directory.get(platformSlug)).toMatchObject({ kind: 'platform', status: 'active' });
    const content = await readFileContent();
    expect(content).toMatchObject({
      issuer: 'http://localhost:3000/platform',
      adminApi: 'http://localhost:3000/api',
      resource: 'http://localhost:3000/api',
      client: { client_id: 'tenantry-bootstrap', scopes: [...adminScopes] },
    });
    expect(Object.keys(content)).toEqual(['issuer', 'adminApi', 'resource', 'client', 'operators']);
    expect(content.operators.map(({ email, roles }) => [email, roles])).toEqual([
      ['platform-admin@operators.tenantry.example', ['Platform Admin']],
      ['oauth-team@operators.tenantry.example', ['OAuth Team']],
      ['security-admin@operators.tenantry.example', ['Security Admin']],
      ['compliance-officer@operators.tenantry.example', ['Compliance Officer']],
    ]);
    await expectUsable(content);
    const { clients, roles } = await platformStores();
    expect(await clients.get('tenantry-cli')).toMatchObject({ type: 'native' });
    // No single person may both create tenants and decide registrations (C1).
    const adminsScopes = adminScopesOfRoles('platform', await roles.scopesOf(['Platform Admin']));
    expect(adminsScopes).toContain('admin');
    expect(adminsScopes).not.toContain('registrations:decide');
  });

  it('lets only its owner read the file, and leaves no draft', async () => {
    await bootstrap();
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDirectory)).toEqual(['bootstrap.json']);
  });

  it('happens once when several processes start together', async () => {
    await Promise.all([bootstrap(), bootstrap(), bootstrap()]);
    await expectUsable(await readFileContent());
    const { rows } = await plane.postgres.query(
      `select (select count(*)::integer from tenants) as tenants, (select count(*)::integer from orders) as orders`,
    );
    expect(rows).toEqual([{ tenants: 1, orders: 1 }]);
  });

  it('is completed by the next one when the file could not be written', async () => {
    const notYet = join(dataDirectory, 'missing');
    await expect(bootstrap({ dataDirectory: notYet })).rejects.toThrow('ENOENT');
    await bootstrap();
    await expectUsable(await readFileContent());
  });

  it('can be repeated after a failed provisioning, under the same slug', async () => {
    const failing = plane.provisioning({
      onPoint: async ({ step, phase }) => {
        if (step === 'activate' && phase === 'after-act') {
          throw new UnusableResult('The quota is used up.');
        }
      },
    });
    await expect(bootstrap({ provisioning: failing })).rejects.toThrow(
      'The platform tenant is rolled-back: step activate failed. The quota is used up.',
    );
    await bootstrap();
    expect((await plane.directory.get(platformSlug))?.status).toBe('active');
  });
});

describe('a later start', () => {
  it('changes nothing', async () => {
    await bootstrap();
    const [content, record] = [await readFile(file(), 'utf8'), await plane.directory.get(platformSlug)];
    await bootstrap();
    expect(await readFile(file(), 'utf8')).toBe(content);
    expect(await plane.directory.get(platformSlug)).toEqual(record);
  });

  it('does not bring back a file that an operator deleted', async () => {
    await bootstrap();
    const { operators } = await readFileContent();
    await unlink(file());
    await bootstrap();
    expect(await readdir(dataDirectory)).toEqual([]);
    const { accounts } = await platformStores();
    const [first] = operators;
    expect(await accounts.verifyPassword(first?.email ?? '', first?.password ?? '')).toBeDefined();
  });

  it('follows a new public URL and keeps the secrets and the mode', async () => {
    await bootstrap();
    const before = await readFileContent();
    await bootstrap({ publicUrl: new URL('https://id.example') });
    expect(await readFileContent()).toEqual({
      ...before,
      issuer: 'https://id.example/platform',
      adminApi: 'https://id.example/api',
      resource: 'https://id.example/api',
    });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('brings roles and scopes of an earlier version up to date, and gives nothing back that somebody took away', async () => {
    await bootstrap();
    const { clients, roles } = await platformStores();
    const record = await plane.directory.get(platformSlug);
    const setScopes = (clientId: string, scopes: string[]) =>
      clients.change(clientId, (client) => ({ ...toClientDocument(client), scopes }));
    const former = adminScopes.filter((scope) => scope !== 'tenants:validate');
    await plane.tables.open(record?.tableName ?? '').delete({ pk: 'Bootstrap', sk: 'scopes' });
    await roles.put({ name: 'Security Admin', description: 'Old', scopes: ['tenants:read'] });
    await setScopes('tenantry-cli', former);
    await setScopes('tenantry-bootstrap', ['tenants:read']);

    await bootstrap();
    expect(await roles.get('Security Admin')).toEqual(
      operatorRoles.find(({ name }) => name === 'Security Admin'),
    );
    expect((await clients.get('tenantry-cli'))?.scopes.toSorted()).toEqual([...adminScopes].toSorted());
    expect((await clients.get('tenantry-bootstrap'))?.scopes).toEqual(['tenants:read']);
    const updated = await plane.directory.get(platformSlug);
    expect(updated?.configVersion).toBeGreaterThan(record?.configVersion ?? 0);

    await setScopes('tenantry-cli', ['tenants:read']);
    await bootstrap();
    expect((await clients.get('tenantry-cli'))?.scopes).toEqual(['tenants:read']);
    expect(await plane.directory.get(platformSlug)).toEqual(updated);
  });

  it('gives new tenant scopes to first clients and the command line where they had all former ones, and to no other client', async () => {
    await bootstrap();
    const platform = await plane.directory.get(platformSlug);
    const former = tenantScopes.filter((scope) => !scope.startsWith('keys:'));
    const noteFormer = () =>
      plane.tables.open(platform?.tableName ?? '').put({
        pk: 'Bootstrap',
        sk: 'scopes',
        scopes: JSON.stringify(adminScopes.filter((scope) => !scope.startsWith('keys:'))),
      });
    async function tenantWith(scopes: readonly string[]) {
      const { tenantId, slug } = await plane.order();
      await plane.provisioning().run(tenantId);
      const table = plane.tables.open(`${plane.tablePrefix}-tenant-${tenantId}`);
      const clients = createClients({ ...plane.options, table });
      const first = `${slug}-web`;
      await clients.change(first, (client) => ({ ...toClientDocument(client), scopes: [...scopes] }));
      await clients.change('tenantry-cli', (client) => ({
        ...toClientDocument(client),
        scopes: [...scopes],
      }));
      await clients.create({ clientId: 'robot', name: 'Robot', type: 'm2m', scopes: [...scopes] });
      const scopesOf = async (clientId: string) => (await clients.get(clientId))?.scopes.toSorted();
      return {
        first: () => scopesOf(first),
        commandLine: () => scopesOf('tenantry-cli'),
        robot: () => scopesOf('robot'),
      };
    }
    const complete = await tenantWith(former);
    const curtailed = await tenantWith(former.slice(1));
    await noteFormer();
    await bootstrap();
    expect(await complete.first()).toEqual([...tenantScopes].toSorted());
    expect(await complete.commandLine()).toEqual([...tenantScopes].toSorted());
    expect(await complete.robot()).toEqual([...former].toSorted());
    expect(await curtailed.first()).toEqual(former.slice(1).toSorted());
    expect(await curtailed.commandLine()).toEqual(former.slice(1).toSorted());
  });
});
