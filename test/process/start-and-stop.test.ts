import { stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { adminScopes } from '../../src/identity/admin-scopes.ts';
import {
  databaseProcesses,
  eventually,
  type ProcessIdentity,
  processTree,
  readBootstrap,
  type ServerOptions,
  type ServerProcess,
  signalled,
  stillRunning,
} from '../support/server-process.ts';
import {
  basic,
  beginRequest,
  call,
  keyIds,
  machineToken,
  refusesConnections,
  register,
  registrationOf,
  type SubmittedOrder,
  untilActive,
} from './server-calls.ts';
import { createServerHome, type ServerHome } from './server-home.ts';

/** A stop that takes longer than SHUTDOWN_GRACE_SECONDS is cut short and ends in another code. */
const exitWithinBound = 0;

let home: ServerHome;
let port: number;
/** What the first start left behind; every test begins with a copy. */
let prepared: string;
let first: {
  output: string;
  healthz: number;
  readyz: number;
  tree: ProcessIdentity[];
  exit: number | string;
};
let known: { bootstrap: BootstrapFile; order: SubmittedOrder; platformKeys: string[]; tenantKeys: string[] };

beforeAll(async () => {
  home = await createServerHome();
  port = await findFreePort();
  prepared = join(home.directory, 'prepared');
  const server = await start({ dataDir: prepared });
  const [healthz, readyz] = await Promise.all([
    call(`${server.origin}/healthz`),
    call(`${server.origin}/readyz`),
  ]);
  const order = await register(server.origin, 'acme');
  await untilActive(order);
  known = {
    bootstrap: await readBootstrap(prepared),
    order,
    platformKeys: await keyIds(server.origin, 'platform'),
    tenantKeys: await keyIds(server.origin, 'acme'),
  };
  const tree = await processTree(server.pid);
  const exit = await server.stop();
  first = { output: server.output(), healthz: healthz.status, readyz: readyz.status, tree, exit };
}, 120_000);
afterEach(() => home.endServers());
afterAll(() => home.close());

async function start({ env = {}, ...options }: Partial<ServerOptions> = {}): Promise<ServerProcess> {
  const server = await home.start({ port, ...options, env: { APPROVAL: 'automatic', ...env } });
  return await server.ready();
}

async function startOnCopy(env: Record<string, string> = {}): Promise<ServerProcess> {
  return await start({ dataDir: await home.copyOf(prepared), env });
}

/** Nothing that was there after the first start is missing or other. */
async function expectEverythingThere(server: ServerProcess, added: readonly string[] = []): Promise<void> {
  expect((await call(`${server.origin}/readyz`)).status).toBe(200);
  expect(await readBootstrap(server.dataDir)).toEqual(known.bootstrap);
  const token = await machineToken(known.bootstrap);
  const { body: tenants } = await call(`${known.bootstrap.adminApi}/tenants`, { token });
  expect(tenants.tenants.map(({ slug }: { slug: string }) => slug).toSorted()).toEqual([
    'acme',
    ...added,
    'platform',
  ]);
  expect(await keyIds(server.origin, 'platform')).toEqual(known.platformKeys);
  expect(await keyIds(server.origin, 'acme')).toEqual(known.tenantKeys);
  expect((await call(known.order.statusUrl)).body).toMatchObject({
    status: 'Approved',
    provisioning: { state: 'active' },
  });
}

describe('the first start', () => {
  it('says what it prepares, and then where everything is', () => {
    for (const what of ['Embedded PostgreSQL', 'Control plane schema', 'Job queue', 'Platform tenant']) {
      expect(first.output).toMatch(new RegExp(`  ✓ ${what}.* \\(\\d+\\.\\d\\d s\\)`));
    }
    expect(first.output).toMatch(/Tenantry is ready after \d+\.\d s/);
    for (const place of ['', '/platform', '/platform/.well-known/openid-configuration', '/api']) {
      expect(first.output).toContain(`  http://localhost:${port}${place}\n`);
    }
    expect(first.output).toContain(`  ${join(prepared, 'bootstrap.json')}\n`);
    expect(first).toMatchObject({ healthz: 200, readyz: 200 });
  });

  it('leaves the way in, readable by its owner alone, with exactly what is documented', async () => {
    expect((await stat(join(prepared, 'bootstrap.json'))).mode & 0o777).toBe(0o600);
    const origin = `http://localhost:${port}`;
    const operator = (name: string, role: string) => ({
      email: `${name}@operators.tenantry.example`,
      password: expect.stringMatching(/^[A-Z2-9]{5}(-[A-Z2-9]{5}){4}$/),
      roles: [role],
    });
    expect(known.bootstrap).toStrictEqual({
      issuer: `${origin}/platform`,
      adminApi: `${origin}/api`,
      resource: `${origin}/api`,
      client: {
        client_id: 'tenantry-bootstrap',
        client_secret: expect.stringMatching(/^[\w-]{43}$/),
        scopes: [...adminScopes],
      },
      operators: [
        operator('platform-admin', 'Platform Admin'),
        operator('oauth-team', 'OAuth Team'),
        operator('security-admin', 'Security Admin'),
        operator('compliance-officer', 'Compliance Officer'),
      ],
    });
  });

  it('prints no secret', () => {
    const { client, operators } = known.bootstrap;
    for (const secret of [client.client_secret, ...operators.map(({ password }) => password)]) {
      expect(first.output).not.toContain(secret);
    }
  });

  it('ends, when told to, with everything that it started', async () => {
    expect(first.exit).toBe(0);
    expect(first.tree.length).toBeGreaterThan(3);
    expect(await stillRunning(first.tree)).toEqual([]);
  });
});

describe('a later start', () => {
  it('finds everything as it was', async () => {
    const server = await startOnCopy();
    await expectEverythingThere(server);
    expect(await server.stop()).toBe(0);
  });

  it('finds everything after the process was killed, and leaves no orphan', async () => {
    const dataDir = await home.copyOf(prepared);
    // Named otherwise than by the next start.
    await symlink(dataDir, `${dataDir}-link`);
    const killed = await start({ dataDir: `${dataDir}-link` });
    const late = await register(killed.origin, 'late');
    await killed.kill();
    const orphans = await databaseProcesses(dataDir);
    expect(orphans.length).toBeGreaterThan(0);

    const next = await start({ dataDir });
    expect(await stillRunning(orphans)).toEqual([]);
    await untilActive(late);
    await expectEverythingThere(next, ['late']);
    const tree = await processTree(next.pid);
    // Sessions come and go between two looks; a database that is not the server's own stays.
    await eventually('no database but the server’s own', 40, async () => {
      const own = await processTree(next.pid);
      const databases = await databaseProcesses(dataDir);
      return databases.length > 0 && databases.every(({ pid }) => own.some((known) => known.pid === pid));
    });
    expect(await next.stop()).toBe(0);
    expect(await stillRunning(tree)).toEqual([]);
  });

  it('finds everything after the process and its database were killed', async () => {
    const killed = await startOnCopy();
    await killed.kill();
    const orphans = await databaseProcesses(killed.dataDir);
    for (const { pid } of orphans) {
      signalled(pid, 'SIGKILL');
    }
    await eventually('the end of the database', 40, async () => (await stillRunning(orphans)).length === 0);

    const next = await start({ dataDir: killed.dataDir });
    await expectEverythingThere(next);
    expect(await next.stop()).toBe(0);
    expect(await databaseProcesses(killed.dataDir)).toEqual([]);
  });

  it('waits for what a database that was killed alone has left', async () => {
    const killed = await startOnCopy();
    const [database, ...sessions] = await databaseProcesses(killed.dataDir);
    // Held, so that they live on for longer than the next start takes to meet them.
    const held = sessions.filter(({ pid }) => signalled(pid, 'SIGSTOP'));
    await killed.kill();
    process.kill(database?.pid ?? 0, 'SIGKILL');

    const next = await home.start({ port, dataDir: killed.dataDir });
    await next.printed('waiting for the last sessions of a killed PostgreSQL server to end');
    for (const { pid } of held) {
      signalled(pid, 'SIGCONT');
    }
    await next.ready();
    await expectEverythingThere(next);
    expect(await stillRunning(held)).toEqual([]);
    await next.stop();
  });
});

describe('a first start that was killed', () => {
  it('while it created the database leaves nothing in the way of the next', async () => {
    const dataDir = join(home.directory, 'cut-short');
    const killed = await home.start({ port, dataDir });
    const creation = await holdCreation(dataDir);
    await killed.kill();

    const next = await start({ dataDir });
    expect(await stillRunning(creation)).toEqual([]);
    await machineToken(await readBootstrap(dataDir));
    expect(await next.stop()).toBe(0);
  });
});

describe('the database killed under a running server', () => {
  it('stops onboarding and nothing else; the server still ends in order', async () => {
    const server = await startOnCopy();
    const [database] = await databaseProcesses(server.dataDir);
    process.kill(database?.pid ?? 0, 'SIGKILL');
    await server.printed('the embedded PostgreSQL ended');

    const { issuer, client } = known.bootstrap;
    const token = await call(`${issuer}/token`, {
      form: { grant_type: 'client_credentials' },
      headers: basic(client.client_id, client.client_secret),
    });
    expect(token.status).toBe(200);
    expect((await call(`${server.origin}/acme/.well-known/openid-configuration`)).status).toBe(200);
    const refused = await call(`${server.origin}/api/registrations`, { json: registrationOf('later') });
    expect(refused).toMatchObject({ status: 503, body: { code: 'temporarily_unavailable' } });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await server.stop()).toBe(0);
  });
});

describe('SIGTERM', () => {
  it('lets the requests in progress finish, takes no new ones, and ends every child', async () => {
    const server = await startOnCopy();
    const request = await beginRequest(server.origin, '/api/registrations', registrationOf('drained'));
    const tree = await processTree(server.pid);
    server.signal('SIGTERM');
    await eventually('a closed port', 40, () => refusesConnections(server.origin));

    const answer = await request.finish();
    expect(answer).toContain('HTTP/1.1 202 Accepted');
    expect((await server.ended).code).toBe(exitWithinBound);
    expect(await stillRunning(tree)).toEqual([]);

    const next = await start({ dataDir: server.dataDir });
    const { statusUrl } = JSON.parse(
      answer.slice(answer.indexOf('{', answer.indexOf('202'))),
    ) as SubmittedOrder;
    expect((await call(statusUrl)).status).toBe(200);
    await next.stop();
  });

  it('cuts off a request that does not end, within the bound', async () => {
    const server = await startOnCopy({ SHUTDOWN_GRACE_SECONDS: '6' });
    const request = await beginRequest(server.origin, '/api/registrations', registrationOf('endless'));
    const tree = await processTree(server.pid);
    server.signal('SIGTERM');

    expect((await server.ended).code).toBe(exitWithinBound);
    expect(await request.closed).not.toContain('HTTP/1.1 2');
    expect(await stillRunning(tree)).toEqual([]);
  });

  it('sent again ends the process at once, and its children', async () => {
    const server = await startOnCopy({ SHUTDOWN_GRACE_SECONDS: '60' });
    await beginRequest(server.origin, '/api/registrations', registrationOf('endless'));
    const tree = await processTree(server.pid);
    server.signal('SIGTERM');
    await server.printed('"msg":"stopping"');

    let exit: number | string | undefined;
    server.ended.then(({ code }) => {
      exit = code;
    });
    await eventually('the end of the process', 40, async () => {
      server.signal('SIGTERM');
      return exit;
    });
    expect(exit).toBe(143);
    await eventually('the end of all children', 40, async () => (await stillRunning(tree)).length === 0);
  });

  it.each(['SIGINT', 'SIGHUP'] as const)(
    'has the same effect as %s, and one that arrives twice is one',
    async (name) => {
      const server = await startOnCopy();
      const request = await beginRequest(server.origin, '/api/registrations', registrationOf('drained'));
      const tree = await processTree(server.pid);
      server.signal(name);
      await server.printed('"msg":"stopping"');
      server.signal(name);

      expect(await request.finish()).toContain('HTTP/1.1 202 Accepted');
      expect((await server.ended).code).toBe(0);
      expect(await stillRunning(tree)).toEqual([]);
    },
  );

  it.each(['Embedded PostgreSQL', 'Job queue'])('ends a start that is at "%s"', async (step) => {
    const server = await home.start({ port, dataDir: await home.copyOf(prepared) });
    await server.printed(`… ${step}`);
    expect(await server.stop()).toBe(0);
    expect(await databaseProcesses(server.dataDir)).toEqual([]);
  });
});

describe('a start that cannot be', () => {
  it('on a directory that is in use says who uses it, and does not wait for its end', async () => {
    const holder = await startOnCopy();
    const second = await home.start({ dataDir: holder.dataDir });
    const { code, output } = await second.ended;

    expect(code).toBe(1);
    expect(output).toContain(`${holder.dataDir} is in use by process ${holder.pid} on `);
    await expectEverythingThere(holder);
    await holder.stop();
  });

  it('on a port that is in use says so, and leaves nothing running', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void other.close());
    const dataDir = await home.copyOf(prepared);
    const refused = await home.start({ port, dataDir });
    const { code, output } = await refused.ended;
    expect(code).toBe(1);
    expect(output).toContain('Tenantry does not start:\n  PORT is in use by another program on this HOST\n');
    expect(await databaseProcesses(dataDir)).toEqual([]);

    other.close();
    const next = await start({ dataDir });
    await expectEverythingThere(next);
    await next.stop();
  });

  it('with settings that are wrong lists all of them by name, and touches nothing', async () => {
    const file = join(home.directory, 'settings.json');
    await writeFile(file, JSON.stringify({ TABLE_PREFIX: 'a b', COLOUR: 'blue', PORT: 'overridden' }));
    const dataDir = join(home.directory, 'never');
    const refused = await home.start({
      dataDir,
      env: {
        CONFIG_FILE: file,
        APPROVAL: 'never',
        DATABASE_URL: 'mysql://db.example/x',
        MASTER_KEY: 'short-and-secret',
        PUBLIC_URL: 'https://id.example/path',
        SHUTDOWN_GRACE_SECONDS: '0',
      },
    });
    const { code, output } = await refused.ended;
    expect(code).toBe(78);
    const named = [...output.matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual([
      'APPROVAL',
      'COLOUR',
      'DATABASE_URL',
      'MASTER_KEY',
      'PUBLIC_URL',
      'SHUTDOWN_GRACE_SECONDS',
      'TABLE_PREFIX',
    ]);
    expect(output).not.toContain('short-and-secret');
    await expect(stat(dataDir)).rejects.toThrow('ENOENT');
  });
});

/**
 * Stops initdb while it has work under way, and that work with it, so that what is left behind lives on for longer than any start takes.
 * What initdb does by child processes takes milliseconds each: it is stopped first, so that none begins while they are counted.
 */
async function holdCreation(dataDir: string): Promise<ProcessIdentity[]> {
  return eventually('the creation of the database', 40, async () => {
    const [initdb] = await databaseProcesses(dataDir);
    if (!initdb || !signalled(initdb.pid, 'SIGSTOP')) {
      return undefined;
    }
    const begun = (await databaseProcesses(dataDir)).filter(({ pid }) => pid !== initdb.pid);
    const held = await stillRunning(begun.filter(({ pid }) => signalled(pid, 'SIGSTOP')));
    if (held.length > 0) {
      return [initdb, ...held];
    }
    signalled(initdb.pid, 'SIGCONT');
    return undefined;
  });
}
