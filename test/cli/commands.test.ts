import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onboardTenant, platformToken } from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { type CliUser, createCliUser } from './cli-fixture.ts';

let server: ProductServer;
let operator: CliUser;
let stranger: CliUser;

beforeAll(async () => {
  server = await startServer();
  await onboardTenant(server, { slug: 'acme' });
  operator = await createCliUser({
    server: server.origin,
    env: { TENANTRY_TOKEN: await platformToken(server), TENANTRY_TENANT: 'acme' },
  });
  stranger = await createCliUser({ server: server.origin });
});
afterAll(async () => {
  await operator?.close();
  await stranger?.close();
  await server?.close();
});

describe('commands', () => {
  it('carry a registration from its request to the decision', async () => {
    const asks = ['--requester-name', 'Rita', '--requester-email', 'rita@example.com', '--slug', 'rita'];
    const { orderId } = await stranger.json('registrations', 'submit', 'Rita’s', ...asks);
    await operator.json('registrations', 'list');
    const { registrations } = await operator.json('registrations', 'list', '--limit', '100');
    expect(registrations.map((one: { orderId: string }) => one.orderId)).toContain(orderId);
    await expect
      .poll(async () => (await stranger.json('registrations', 'get', orderId)).status, { timeout: 40_000 })
      .toBe('In-Process');
    const { status } = await operator.json('registrations', 'disapprove', orderId, '--reason', 'Not known.');
    expect(status).toBe('Disapproved');
    const again = await operator.run(['registrations', 'approve', orderId]);
    expect(again).toMatchObject({ code: 6, out: '' });
    expect(again.err).toContain('already_decided');
  });

  it('show tenants in words, or as the server answered', async () => {
    const { out } = await operator.run(['tenants', 'list']);
    expect(out.split('\n')[0]).toMatch(/^SLUG +NAME +STATUS +ONBOARDING +CREATED$/);
    expect(out).toMatch(/^acme +Tenant acme +active +active +20/m);
    const { tenants } = await operator.json('tenants', 'list', '--limit', '1');
    expect(tenants).toHaveLength(1);
    const first = await operator.run(['tenants', 'list', '--limit', '1']);
    const [, cursor = ''] = /--cursor (\S+)/.exec(first.err) ?? [];
    expect((await operator.run(['tenants', 'list', '--cursor', cursor])).code).toBe(0);
    expect((await operator.run(['tenants', 'get', 'acme'])).out).toContain('onboardingStatus: active');
  });

  it('suspend, resume, delete and restore a tenant', async () => {
    const { slug } = await operator.json('tenants', 'create', 'Short lived', '--slug', 'short-lived');
    await expect
      .poll(async () => (await operator.json('tenants', 'get', slug)).status, { timeout: 40_000 })
      .toBe('active');
    expect((await operator.json('tenants', 'suspend', slug, '--reason', 'Unpaid.')).status).toBe('suspended');
    expect((await operator.json('tenants', 'resume', slug)).status).toBe('active');
    expect((await operator.run(['tenants', 'delete', slug])).code).toBe(2);
    expect((await operator.json('tenants', 'delete', slug, '--yes')).status).toBe('deleting');
    expect((await operator.json('tenants', 'restore', slug)).status).toBe('active');
  });

  it('manage clients', async () => {
    const made = await operator.json(
      ...['clients', 'create', 'Portal', '--type', 'web', '--id', 'portal'],
      ...['--redirect-uri', 'https://a.example/cb', '--redirect-uri', 'https://b.example/cb'],
    );
    expect(made).toMatchObject({ clientId: 'portal', clientSecret: expect.any(String) });
    expect(made.redirectUris).toHaveLength(2);
    const patch = join(operator.home, 'patch.json');
    await writeFile(patch, '{"name": "Portal 2"}');
    expect((await operator.json('clients', 'change', 'portal', '--file', patch)).name).toBe('Portal 2');
    const stale = await operator.run(['clients', 'change', 'portal', '--file', patch, '--if-match', '"x"']);
    expect(stale.code).toBe(6);
    const rotated = await operator.json('clients', 'rotate-secret', 'portal', '--grace-seconds', '60');
    expect(rotated.clientSecret).not.toBe(made.clientSecret);
    const list = await operator.run(['clients', 'list', '--tenant', 'acme']);
    expect(list.out).toMatch(/^portal +Portal 2 +web +yes /m);
    expect((await operator.json('clients', 'delete', 'portal', '--yes')).removed).toBe(true);
    const gone = await operator.run(['clients', 'get', 'portal']);
    expect(gone).toMatchObject({ code: 5, out: '' });
  });

  it('manage users and application tenants', async () => {
    const customer = await operator.json('application-tenants', 'create', 'Customer', '--slug', 'customer');
    expect((await operator.run(['application-tenants', 'list'])).out).toMatch(/customer +Customer +active/);
    expect((await operator.json('application-tenants', 'get', 'customer')).id).toBe(customer.id);
    const { id } = await operator.json('users', 'create', 'ada@customer.example', 'Ada', '-a', 'customer');
    const found = await operator.run(['users', 'list', '-a', 'customer', '--search', 'ada']);
    expect(found.out).toContain('ada@customer.example');
    expect((await operator.json('users', 'disable', id)).disabled).toBe(true);
    expect((await operator.json('users', 'enable', id)).disabled).toBe(false);
    await operator.json('users', 'end-sessions', id);
    await operator.json('users', 'reset-factors', id, '--yes');
    const invited = await operator.json('users', 'invite', 'bob@acme.example', 'Bob', '--role', 'Member');
    expect(invited.email).toBe('bob@acme.example');

    const file = join(operator.home, 'people.csv');
    await writeFile(file, 'email,name\neve@acme.example,Eve\nnobody,Nobody\n');
    operator.whileWaiting = () => new Promise((resolve) => setTimeout(resolve, 50));
    const imported = await operator.run(['users', 'import', file]);
    expect(imported).toMatchObject({ code: 6 });
    expect(imported.out).toMatch(/created: 1\n/);
    expect(imported.err).toMatch(/line 2: email/);
    await writeFile(`${file}.ndjson`, '{"email":"joe@acme.example","name":"Joe"}\n');
    expect((await operator.run(['users', 'import', `${file}.ndjson`])).code).toBe(0);
    expect((await operator.run(['users', 'export'])).out).toContain('joe@acme.example');
    expect((await operator.run(['users', 'delete', id])).code).toBe(2);
    await operator.json('users', 'delete', id, '--yes');
    expect((await operator.run(['users', 'get', id])).code).toBe(5);
  });

  it('manage keys and resources', async () => {
    await operator.json('resources', 'create', 'https://api.example', '--name', 'API', '--scope', 'fly');
    expect((await operator.run(['resources', 'list'])).out).toContain('https://api.example');
    expect((await operator.run(['keys', 'list'])).out).toMatch(/ES256 +active/);
    const { keys } = await operator.json('keys', 'rotate');
    expect(keys.length).toBeGreaterThan(1);
    expect((await operator.run(['keys', 'revoke', 'x', '--reason', 'y', '--yes'])).code).toBe(5);
  });

  it('read, verify and export the audit log', async () => {
    const tenantsIn = async (...args: string[]) => {
      const { events } = await operator.json('audit', 'list', ...args);
      return new Set(events.map(({ tenantId }: { tenantId: string | null }) => tenantId));
    };
    expect((await operator.run(['audit', 'list', '--tenant', 'acme'])).out).toContain('tenant.created');
    expect((await tenantsIn()).size).toBe(1);
    expect(await tenantsIn('--tenant', 'acme')).toEqual(await tenantsIn());
    expect((await tenantsIn('--platform', '--limit', '100')).size).toBeGreaterThan(1);
    expect((await operator.run(['audit', 'list', '--platform', '--tenant', 'acme'])).code).toBe(2);
    const own = await operator.json('audit', 'verify');
    expect(own.intact).toBe(true);
    expect(await operator.json('audit', 'verify', '--tenant', 'acme')).toMatchObject({ chain: own.chain });
    const all = await operator.json('audit', 'verify', '--platform');
    expect(all.intact).toBe(true);
    expect(all.chain).not.toBe(own.chain);
    const file = join(operator.home, 'audit.ndjson');
    expect((await operator.run(['audit', 'export', '--output', file])).code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).trim().split('\n').at(-1)).toContain('"end"');
    expect((await operator.run(['audit', 'export', '--output', file])).code).toBe(1);
    expect((await operator.run(['tenants', 'export', 'acme'])).out).toContain('"type":"tenant"');
  });

  it('reach every operation by its name', async () => {
    const listed = await operator.run(['api']);
    expect(listed.out).toMatch(/^getReceipt +GET +\/api\/tenants\/\{slug\}\/receipt$/m);
    const receipt = await operator.json('api', 'getReceipt', '--set', 'slug=acme');
    expect(receipt.receipt.status).toBe('active');
    const page = await operator.json('api', 'listClients', '--set', 'slug=acme', '--set', 'limit=1');
    expect(page.clients).toHaveLength(1);
    const raw = await operator.run(['api', 'exportTenantAudit', '--set', 'slug=acme']);
    expect(raw.out).toContain('"header"');
    expect((await operator.run(['api', 'getReceipt'])).err).toContain('--set slug=');
    expect((await operator.run(['api', 'getReceipt', '--set', 'slug=acme', '--set', 'a=b'])).code).toBe(2);
    expect((await operator.run(['api', 'nothing'])).code).toBe(2);
  });
});

describe('failures', () => {
  it('name every field that is wrong', async () => {
    const run = await operator.run([
      'clients',
      'create',
      'X',
      '--type',
      'web',
      '--id',
      '!',
      '--scope',
      'a b',
    ]);
    expect(run).toMatchObject({ code: 6, out: '' });
    expect(run.err).toMatch(/^Invalid input: .* \(validation_failed\)\n/);
    expect(run.err).toContain('  clientId: ');
    expect(run.err).toContain('  scopes.0: ');
    expect(run.err).toContain('  redirectUris: ');
  });

  it('have an exit code for each kind', async () => {
    expect((await stranger.run(['tenants', 'list'])).code).toBe(3);
    expect((await stranger.run(['tenants', 'list'])).err).toContain('tenantry login');
    const weak = await createCliUser({
      server: server.origin,
      env: { TENANTRY_TOKEN: await platformToken(server, 'tenants:read') },
    });
    expect((await weak.run(['audit', 'list'])).code).toBe(4);
    expect((await operator.run(['tenants', 'get', 'nobody'])).code).toBe(5);
    expect((await operator.run(['nothing'])).code).toBe(2);
    expect((await operator.run(['tenants', 'list', '--limit', 'many'])).code).toBe(2);
    expect((await weak.run(['clients', 'list'])).code).toBe(2);
    const nobody = await weak.run(['--server', 'http://127.0.0.1:1', 'tenants', 'list']);
    expect(nobody).toMatchObject({ code: 7, out: '' });
    expect(nobody.err).toContain('cannot be reached');
    await weak.close();
  });

  it('show no token, and send it nowhere but to the server', async () => {
    const token = operator.run(['--server', 'http://tenantry.example', 'tenants', 'list']);
    expect(await token).toMatchObject({ code: 2 });
    const sent: string[] = [];
    const spy: typeof fetch = async (input, init) => {
      sent.push(String(input));
      expect(init?.redirect).toBe('manual');
      return Response.redirect('https://evil.example/', 307);
    };
    const run = await operator.run(['tenants', 'list'], { fetch: spy });
    expect(run.code).toBe(7);
    expect(sent).toHaveLength(1);
    expect(run.err).not.toMatch(/eyJ/);
  });

  it('say that an answer is none of a Tenantry server', async () => {
    const other: typeof fetch = async () => new Response('<h1>hello</h1>', { status: 500 });
    const run = await operator.run(['tenants', 'list'], { fetch: other });
    expect(run).toMatchObject({ code: 7 });
    expect(run.err).toContain('not like a Tenantry server');
  });
});

describe('help', () => {
  it('is there for every command', async () => {
    const { createProgram } = await import('../../src/cli/run-cli.ts');
    const { systemTerminal } = await import('../../src/cli/terminal.ts');
    const program = createProgram(systemTerminal());
    for (const command of program.commands) {
      const paths = [[command.name()], ...command.commands.map((inner) => [command.name(), inner.name()])];
      for (const path of paths) {
        const run = await stranger.run([...path, '--help']);
        expect(run, path.join(' ')).toMatchObject({ code: 0, err: '' });
        expect(run.out).toContain(`Usage: tenantry ${path.join(' ')}`);
      }
    }
    expect((await stranger.run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('doctor', () => {
  it('finds everything well', async () => {
    const { findings } = await operator.json('doctor');
    expect(findings.map(({ check }: { check: string }) => check)).toEqual([
      'node',
      'server',
      'readiness',
      'clock',
      'discovery',
      'token',
      'versions',
    ]);
  });

  it('names a clock that is wrong, a token that is none, a server that is not there', async () => {
    operator.clockOffset = -3_600_000;
    const late = await operator.run(['doctor']);
    operator.clockOffset = 0;
    expect(late.code).toBe(1);
    expect(late.out).toMatch(/^clock +PROBLEM +this clock is 3600 s behind/m);
    const unsigned = await stranger.run(['doctor']);
    expect(unsigned.out).toMatch(/^token +PROBLEM +Invalid or missing access token/m);
    const alone = await stranger.run(['--server', 'http://127.0.0.1:1', 'doctor']);
    expect(alone.out).toMatch(/^server +PROBLEM +http:\/\/127\.0\.0\.1:1 cannot be reached/m);
    expect(alone.code).toBe(1);
  });
});
