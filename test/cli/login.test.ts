import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createInTenant, onboardTenant, platformToken } from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { createUserAgent } from '../support/user-agent.ts';
import { type CliUser, createCliUser } from './cli-fixture.ts';

let server: ProductServer;
let user: CliUser;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.close());
beforeEach(async () => {
  user = await createCliUser({ server: server.origin });
});
afterEach(() => user.close());

/** What the person with the browser does about the code that the terminal shows. */
async function confirm(shown: string, { email, password }: { email: string; password: string }) {
  const [, code = ''] = /^ {4}([A-Z]{4}-[A-Z]{4})$/m.exec(shown) ?? [];
  const [, address = ''] = /Open (\S+) in a browser/.exec(shown) ?? [];
  const browser = createUserAgent(server.origin);
  let page = await browser.submit(await browser.open(address), { user_code: code });
  page = await browser.submit(page, {}, 'confirm=yes');
  for (let pages = 0; pages < 3 && page.document.querySelector('form'); pages += 1) {
    const asks = page.document.querySelector('input[type=password]') !== null;
    page = await browser.submit(page, asks ? { email, password } : {});
  }
  return page;
}

const operatorOf = (role: string) => {
  const operator = server.bootstrap.operators.find(({ roles }) => roles.includes(role));
  if (operator === undefined) throw new Error(`nobody is ${role}`);
  return operator;
};

/** Confirms once, with the first pause of the command. */
function confirmedBy(person: { email: string; password: string }) {
  let done = false;
  return async (shown: string) => {
    if (!done) {
      done = true;
      await confirm(shown, person);
    }
  };
}

const stored = async () => JSON.parse(await readFile(join(user.configDirectory, 'credentials.json'), 'utf8'));

describe('signing in', () => {
  it('leads over a code to a token that only its owner can read, and that allows what the roles do', async () => {
    user.whileWaiting = confirmedBy(operatorOf('Platform Admin'));
    const login = await user.run(['login']);
    expect(login).toMatchObject({ code: 0, out: '' });
    const file = join(user.configDirectory, 'credentials.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(user.configDirectory)).mode & 0o777).toBe(0o700);
    expect(login.err).not.toContain((await stored()).servers[server.origin].accessToken);
    expect((await user.run(['tenants', 'list'])).code).toBe(0);
    expect((await user.run(['registrations', 'approve', 'x'])).code).toBe(4);
    // The server of the sign-in is meant from now on.
    expect((await user.run(['tenants', 'list'], { env: {} })).code).toBe(0);
    expect((await user.run(['doctor'])).code).toBe(0);
  });

  it('ends when the person refuses, or the code expires', async () => {
    user.whileWaiting = async (shown) => {
      const [, address = ''] = /or open (\S+) and/.exec(shown) ?? [];
      const browser = createUserAgent(server.origin);
      const page = await browser.open(address);
      await browser.submit(await browser.submit(page), {}, 'abort=yes');
    };
    const refused = await user.run(['login']);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toContain('The sign-in was refused.');
    user.whileWaiting = async () => {
      user.clockOffset += 3_600_000;
    };
    expect(await user.run(['login'])).toMatchObject({ code: 3 });
    await expect(stored()).rejects.toThrow();
  });

  it('goes on waiting while the server cannot be reached, and asks less often when told to', async () => {
    const waits: number[] = [];
    const person = confirmedBy(operatorOf('Platform Admin'));
    const troubles = [
      () => Promise.reject(new TypeError('fetch failed')),
      async () => Response.json({ error: 'slow_down' }, { status: 400 }),
      async () => new Response('', { status: 503 }),
    ];
    const troubled: typeof fetch = async (input, init) =>
      String(input).endsWith('/token') && troubles.length > 0
        ? ((await troubles.shift()?.()) as Response)
        : fetch(input, init);
    let shown = '';
    const run = await user.run(['login'], {
      fetch: troubled,
      err: (text) => {
        shown += text;
      },
      sleep: async (ms) => {
        waits.push(ms);
        if (waits.length === 4) await person(shown);
      },
    });
    expect(run.code).toBe(0);
    expect(waits).toEqual([5_000, 10_000, 15_000, 30_000]);
  });

  it("gives a tenant's first admin a way in, also to a client whose secret nobody holds", async () => {
    const tenant = await onboardTenant(server, { slug: 'globex' });
    user.whileWaiting = confirmedBy(tenant.admin);
    expect(await user.run(['login', '-t', 'globex'])).toMatchObject({ code: 0 });
    const rotated = await user.run(['--json', 'clients', 'rotate-secret', tenant.clientId, '-t', 'globex']);
    expect(rotated.code).toBe(0);
    expect(JSON.parse(rotated.out).clientSecret).not.toBe(tenant.clientSecret);
    expect((await user.run(['clients', 'list', '-t', 'platform'])).code).toBe(5);
    expect((await user.run(['registrations', 'list'])).code).toBe(4);
  });

  it('at a tenant, by a client of its own', async () => {
    const tenant = await onboardTenant(server, { slug: 'acme' });
    const cli = { clientId: 'acme-cli', name: 'Acme CLI', type: 'device', scopes: ['clients:read'] };
    await createInTenant(server, 'acme', await platformToken(server), { clients: [cli] });
    user.whileWaiting = confirmedBy(tenant.admin);
    const run = await user.run(['login', '-t', 'acme', '--client', 'acme-cli', '--scope', 'clients:read']);
    expect(run.code).toBe(0);
    expect((await user.run(['clients', 'list', '-t', 'acme'])).code).toBe(0);
    expect((await user.run(['clients', 'list', '-t', 'platform'])).code).toBe(5);
  });

  it('says what is wrong with the address or the client', async () => {
    expect(await user.run(['login', '-t', 'nobody'])).toMatchObject({ code: 5 });
    const unknown = await user.run(['login', '--client', 'nobody']);
    expect(unknown).toMatchObject({ code: 3 });
    expect(unknown.err).toContain('invalid_client');
    const elsewhere: typeof fetch = async () =>
      Response.json({
        issuer: `${server.origin}/platform`,
        token_endpoint: 'https://evil.example/token',
        jwks_uri: `${server.origin}/platform/jwks`,
      });
    const run = await user.run(['login'], { fetch: elsewhere });
    expect(run.err).toContain('token_endpoint of');
  });
});

describe('a sign-in', () => {
  beforeEach(async () => {
    user.whileWaiting = confirmedBy(operatorOf('Platform Admin'));
    await user.run(['login']);
    user.whileWaiting = () => new Promise((resolve) => setTimeout(resolve, 5));
  });

  /** As if the access token were about to end. */
  async function age(): Promise<void> {
    const file = join(user.configDirectory, 'credentials.json');
    const content = await stored();
    content.servers[server.origin].expiresAt = Date.now();
    await writeFile(file, JSON.stringify(content));
  }

  it('is renewed when its token ends, once for all who use it at the same time', async () => {
    const before = (await stored()).servers[server.origin];
    await age();
    const runs = await Promise.all(Array.from({ length: 5 }, () => user.run(['tenants', 'list'])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    const after = (await stored()).servers[server.origin];
    expect(after.refreshToken).not.toBe(before.refreshToken);
    await age();
    expect((await user.run(['tenants', 'list'])).code).toBe(0);
  });

  it('is renewed before others stop believing that somebody does, or stays as it is', async () => {
    const before = (await stored()).servers[server.origin];
    await age();
    for (const silentAt of ['/.well-known/openid-configuration', '/token']) {
      const limits: number[] = [];
      const limit = new AbortController();
      const run = await user.run(['tenants', 'list'], {
        timeLimit: (ms) => {
          limits.push(ms);
          return limit.signal;
        },
        fetch: async (address, init) => {
          if (!String(address).endsWith(silentAt)) {
            return fetch(address, init);
          }
          // The head of an answer, and then nothing until the time is over.
          const body = new ReadableStream({
            start: (stream) =>
              init?.signal?.addEventListener('abort', () => stream.error(limit.signal.reason)),
          });
          queueMicrotask(() => limit.abort(new DOMException('too late', 'TimeoutError')));
          return new Response(body);
        },
      });
      expect(run.code).toBe(7);
      expect(limits).toEqual([20_000]);
    }
    expect((await stored()).servers[server.origin]).toMatchObject({ refreshToken: before.refreshToken });
    expect((await user.run(['tenants', 'list'])).code).toBe(0);
  });

  it('is over when it cannot be renewed', async () => {
    const file = join(user.configDirectory, 'credentials.json');
    const content = await stored();
    Object.assign(content.servers[server.origin], { expiresAt: 0, refreshToken: 'x' });
    await writeFile(file, JSON.stringify(content));
    const run = await user.run(['tenants', 'list']);
    expect(run).toMatchObject({ code: 3, out: '' });
    expect(run.err).toContain('tenantry login');
  });

  it('ends on the server, too', async () => {
    const { refreshToken } = (await stored()).servers[server.origin];
    expect(await user.run(['logout'])).toMatchObject({ code: 0 });
    expect((await stored()).servers).toEqual({});
    const again = await fetch(`${server.origin}/platform/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'tenantry-cli',
        refresh_token: refreshToken,
      }),
    });
    expect(again.status).toBe(400);
    expect((await user.run(['logout'])).err).toContain('Nobody is signed in');
    expect((await user.run(['tenants', 'list'])).code).toBe(3);
  });

  it('is forgotten here even when the server cannot be told', async () => {
    const run = await user.run(['logout'], { fetch: () => Promise.reject(new TypeError('fetch failed')) });
    expect(run.code).toBe(7);
    expect((await stored()).servers).toEqual({});
  });

  it('is kept from others whatever mode its file had', async () => {
    const file = join(user.configDirectory, 'credentials.json');
    await chmod(file, 0o644);
    await age();
    await user.run(['tenants', 'list']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});
