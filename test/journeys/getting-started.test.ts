import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  acceptInvitation,
  adminPassword,
  callApi,
  findInvitation,
  followOrder,
  isActive,
  platformToken,
} from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';

const run = promisify(execFile);
let server: ProductServer;
let directory: string;

beforeAll(async () => {
  server = await startServer();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-walk-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await server?.close();
});

/** The commands of the page, in order, without those that tell who and where. */
async function readCommands(): Promise<string[]> {
  const page = await readFile('docs/getting-started.md', 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands);
  const [settings = '', ...others] = blocks;
  expect(settings.match(/^export \w+=/gm)).toHaveLength(settings.trim().split('\n').length);
  return others;
}

/** A tenant that was asked for without redirect URIs, up to the page that shows its first client. */
async function becomeTenant() {
  const { body: order } = await callApi(server, 'POST', '/api/registrations', {
    body: { name: 'Payments', slug: 'payments', requester: { name: 'Pia', email: 'pia@payments.example' } },
  });
  await followOrder(server, order.orderId, ({ status }) => status === 'In-Process');
  const token = await platformToken(server, 'registrations:decide');
  await callApi(server, 'POST', `/api/registrations/${order.orderId}/approve`, { token, body: {} });
  const { firstClientId } = (await followOrder(server, order.orderId, isActive)).at(-1)?.body ?? {};
  const invitation = await findInvitation(server, 'payments', 'pia@payments.example');
  const { clientSecret } = await acceptInvitation(server, invitation, adminPassword);
  return { clientId: String(firstClientId), clientSecret: clientSecret ?? '' };
}

it('docs/getting-started.md leads a new admin from the invitation to a token, command by command', async () => {
  const { clientId, clientSecret } = await becomeTenant();
  const commands = await readCommands();
  expect(commands.length).toBeGreaterThan(8);
  const launcher = `"${process.execPath}" "${resolve('src/cli/launch.js')}"`;
  const script = ['set -euo pipefail', `npx() { shift; ${launcher} "$@"; }`, ...commands].join('\n');
  const { stdout } = await run('bash', ['-c', script], {
    cwd: directory,
    env: {
      PATH: [resolve('node_modules/.bin'), process.env.PATH].join(delimiter),
      HOME: directory,
      TENANTRY_SERVER: server.origin,
      TENANTRY_TENANT: 'payments',
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
    },
  });

  const { access_token: token } = JSON.parse(await readFile(join(directory, 'token.json'), 'utf8'));
  expect(stdout).toContain(token);
  const issuer = `${server.origin}/payments`;
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), {
    issuer,
    audience: 'https://api.payments.example',
  });
  expect(payload.scope).toBe('invoices:read');
  await findInvitation(server, 'payments', 'ada@northwind.example');
  expect(stdout).toContain('northwind');
}, 120_000);
