/**
 * `npm run reconcile [-- --repair] [--data-dir <directory>]`: lets the running server compare what is recorded with what exists, waits for its
 * report and prints it. With `--repair` the server also does away with what is safe to.
 *
 * It asks through the admin API, so it works wherever the server's stores are, and the audit log names who asked. It signs in with the client
 * of `<DATA_DIR>/bootstrap.json`, or with `TENANTRY_TOKEN`, an access token with the scopes `admin` and `tenants:read`, at `TENANTRY_API`.
 *
 * Exit codes: 0 when everything is as recorded; 1 when something differs, or could not be looked at; 2 when there is no report.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

interface Bootstrap {
  issuer: string;
  adminApi: string;
  resource: string;
  client: { client_id: string; client_secret: string };
}

interface Report {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  error?: string;
  tenants: number;
  discrepancies: {
    kind: string;
    what: string;
    name: string;
    slug?: string;
    problem: string;
    since: string;
    repair?: string;
  }[];
  unchecked: { what: string; slug?: string; reason: string }[];
}

const pollMs = 500;

try {
  process.exitCode = await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      repair: { type: 'boolean', default: false },
      'data-dir': { type: 'string', default: process.env.DATA_DIR ?? '.data' },
    },
  });
  const { api, token } = await signIn(values['data-dir']);
  const { id } = await ask<{ id: string }>(`${api}/reconciliation`, token, { repair: values.repair });
  for (;;) {
    const report = await ask<Report>(`${api}/reconciliation/${id}`, token);
    if (report.state === 'failed') {
      throw new Error(`The reconciliation failed: ${report.error}`);
    }
    if (report.state === 'done') {
      return print(report);
    }
    await delay(pollMs);
  }
}

async function signIn(dataDir: string): Promise<{ api: string; token: string }> {
  const { TENANTRY_API: api, TENANTRY_TOKEN: token } = process.env;
  if (api !== undefined && token !== undefined) {
    return { api, token };
  }
  const path = join(dataDir, 'bootstrap.json');
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Error(
      `There is no ${path}: name its directory with --data-dir, or set TENANTRY_API and TENANTRY_TOKEN.`,
    );
  });
  const { issuer, adminApi, resource, client } = JSON.parse(text) as Bootstrap;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource,
      scope: 'admin tenants:read',
    }),
  });
  if (!response.ok) {
    throw new Error(`The server gave no token: ${response.status}`);
  }
  return { api: adminApi, token: ((await response.json()) as { access_token: string }).access_token };
}

async function ask<T>(url: string, token: string, body?: object): Promise<T> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as T & { detail?: string };
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status}: ${answer.detail}`);
  }
  return answer;
}

function print({ tenants, discrepancies, unchecked }: Report): number {
  const rows = [
    ...discrepancies.map(({ kind, what, name, problem, since, repair = '' }) => [
      kind,
      what,
      name,
      problem,
      since,
      repair,
    ]),
    ...unchecked.map(({ what, slug = '', reason }) => ['unchecked', what, slug, reason, '', '']),
  ];
  if (rows.length > 0) {
    printTable([['kind', 'what', 'name', 'problem', 'since', 'repair'], ...rows]);
  }
  const left = discrepancies.filter(({ repair }) => repair !== 'done').length + unchecked.length;
  const repaired = discrepancies.length + unchecked.length - left;
  console.log(
    `${tenants} tenants: ${left === 0 ? 'everything is as recorded' : `${left} findings`}${repaired === 0 ? '' : `, ${repaired} repaired`}.`,
  );
  return left === 0 ? 0 : 1;
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
