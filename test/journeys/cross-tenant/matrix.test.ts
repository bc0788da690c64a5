import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ProductServer, startServer } from '../../support/server.ts';
import { type ArtifactName, artifacts } from './artifacts.ts';
import { endpoints } from './endpoints.ts';
import { createParty, type Party } from './party.ts';

let server: ProductServer;
let alpha: Party;
/** Its slug begins with the other's. */
let beta: Party;

beforeAll(async () => {
  // Its proxy says where people come from.
  server = await startServer({ env: { TRUST_PROXY: '1' } });
  alpha = await createParty(server, 'alpha');
  beta = await createParty(server, 'alpha-beta');
});
afterAll(() => server.close());

const names = Object.keys(artifacts) as ArtifactName[];

it('nothing that one tenant issued is worth anything at another, and it is not used up there', async () => {
  const rows: string[][] = [];
  const accepted: string[] = [];
  for (const name of names) {
    const artifact = await artifacts[name](alpha);
    const row: string[] = [name];
    for (const endpoint of endpoints.filter(({ shared }) => !shared)) {
      const outcome = await endpoint.present(beta, artifact, alpha);
      row.push(outcome.accepted ? `${outcome.status}!` : String(outcome.status));
      if (outcome.accepted || outcome.status >= 500) {
        accepted.push(`${name} at ${endpoint.name}: ${outcome.status}`);
      }
    }
    const home = endpoints.find(({ takes }) => takes.includes(name));
    const atHome = await home?.present(alpha, artifact, alpha);
    expect(atHome, `${name}, back home at ${home?.name}`).toMatchObject({ accepted: true });
    rows.push(row);
  }
  process.stdout.write(formatMatrix(rows));
  expect(accepted).toEqual([]);
}, 240_000);

it.each(
  endpoints.flatMap(({ name, takes, present }) => takes.map((artifact) => ({ name, artifact, present }))),
)('$artifact is accepted at home: $name', async ({ artifact, present }) => {
  expect(await present(alpha, await artifacts[artifact](alpha), alpha)).toMatchObject({ accepted: true });
});

it('nothing that a tenant has issued stands in its table as it would be presented', async () => {
  const issued = new Map<string, string>();
  for (const name of names) {
    const { value } = await artifacts[name](alpha);
    for (const [index, secret] of secretsIn(name, value).entries()) {
      expect(secret, name).toMatch(/^[\w.-]{8,}$/);
      issued.set(`${name} ${index}`, secret);
    }
  }
  const table = JSON.stringify(await Array.fromAsync(alpha.table.scan()));
  expect(table.length).toBeGreaterThan(10_000);
  expect([...issued].filter(([, secret]) => table.includes(secret)).map(([name]) => name)).toEqual([]);
});

/** What of an artifact whoever presents it must know: the rest is a name. */
function secretsIn(name: ArtifactName, value: string): string[] {
  if (name.endsWith('cookie')) {
    return value.split('; ').map((each) => each.slice(each.indexOf('=') + 1));
  }
  switch (name) {
    case 'user code':
      return [value.replace('-', '')];
    case 'API key':
      return [value.replace(/^tnk_[0-9a-f]+_/, '')];
    case 'initial access token':
      return [value.replace(/^iat_[\w-]+\./, '')];
    case 'pushed request_uri':
      return [value.replace(/^.*:/, '')];
    default:
      return [value];
  }
}

function formatMatrix(rows: string[][]): string {
  const columns = endpoints.filter(({ shared }) => !shared);
  const legend = columns.map(({ name }, index) => `  ${String(index + 1).padStart(2)}  ${name}`);
  const head = ['', ...columns.map((_, index) => String(index + 1))];
  const lines = [head, ...rows].map(([name = '', ...cells]) =>
    [name.padEnd(32), ...cells.map((cell) => cell.padStart(4))].join(' '),
  );
  return `\nStatus of what tenant alpha issued, presented to tenant alpha-beta (! = accepted):\n${[...legend, '', ...lines].join('\n')}\n\n`;
}
