import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type CredentialStore, createCredentialStore } from './credentials.ts';
import { Failure } from './failure.ts';
import { type Columns, formatRecord, formatTable } from './print.ts';
import { parseServer } from './server-address.ts';
import { tokenFor } from './session.ts';
import type { Terminal } from './terminal.ts';

/** What commands work with. */
export interface Tools {
  terminal: Terminal;
  credentials: CredentialStore;
  /** The server that is meant. */
  server(): Promise<URL>;
  api(): Promise<ApiClient>;
  /** The tenant that is meant: the option `--tenant`, or `TENANTRY_TENANT`. */
  tenant(options: { tenant?: string }): string;
  isJson(): boolean;
  /** Prints one thing: for people, or with `--json` as it is. */
  show(answer: object): void;
  /** Prints a list; with `--json` what the server answered. */
  list<Row>(answer: object, rows: readonly Row[], columns: Columns<Row>): void;
  /** A JSON object from a file, or with `-` from the standard input. */
  readJson(path: string): Promise<Record<string, unknown>>;
  /** Sent with what must not happen twice. */
  idempotencyKey(): string;
}

const defaultServer = 'http://localhost:3000';

export function createTools(terminal: Terminal, program: Command): Tools {
  const credentials = createCredentialStore(terminal);
  const options = () => program.opts<{ server?: string; json?: boolean }>();
  const isJson = () => options().json === true;
  const printJson = (answer: object) => terminal.out(`${JSON.stringify(answer, null, 2)}\n`);

  async function server(): Promise<URL> {
    return parseServer(
      options().server ?? terminal.env.TENANTRY_SERVER ?? (await credentials.current()) ?? defaultServer,
    );
  }

  return {
    terminal,
    credentials,
    server,
    isJson,

    async api() {
      const address = await server();
      return createApiClient({
        server: address,
        token: () => tokenFor(terminal, credentials, address),
        fetch: terminal.fetch,
      });
    },

    tenant({ tenant = terminal.env.TENANTRY_TENANT }) {
      if (tenant === undefined || tenant === '') {
        throw new Failure('usage', 'Say which tenant: --tenant <slug>, or TENANTRY_TENANT.');
      }
      return tenant;
    },

    show(answer) {
      isJson() ? printJson(answer) : terminal.out(formatRecord(answer));
    },

    list(answer, rows, columns) {
      isJson() ? printJson(answer) : terminal.out(formatTable(rows, columns));
      const { cursor } = answer as { cursor?: string };
      if (!isJson() && cursor !== undefined) {
        terminal.err(`There is more: --cursor ${cursor}\n`);
      }
    },

    async readJson(path) {
      const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
      try {
        return JSON.parse(content) as Record<string, unknown>;
      } catch {
        throw new Failure('usage', `${path === '-' ? 'The input' : path} is not JSON.`);
      }
    },

    idempotencyKey: () => randomUUID(),
  };
}
