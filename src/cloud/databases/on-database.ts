import pg from 'pg';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import type { Secret } from '../../kernel/secret.ts';

const connectMs = 5_000;
const statementMs = 60_000;

/**
 * Runs `work` on one connection of its own. Faults on the way to the server become `AppError('temporarily_unavailable')`. The administrator gives
 * a `searchPath`, so that no name can be taken for something that a tenant made.
 */
export async function onDatabase<T>(
  url: Secret,
  log: Logger,
  work: (client: pg.Client) => Promise<T>,
  { searchPath }: { searchPath?: 'pg_catalog' } = {},
): Promise<T> {
  const client = new pg.Client({
    connectionString: url.reveal(),
    application_name: 'tenantry provisioning',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
  });
  // Without a listener the loss of the connection would end the process; the query in progress reports it.
  client.on('error', (error) => log.debug({ err: error }, 'a connection to a tenant database was lost'));
  try {
    await client.connect();
    if (searchPath !== undefined) {
      await client.query(`set search_path to ${searchPath}`);
    }
    return await work(client);
  } catch (error) {
    throw translateFault(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Node's codes, and the SQLSTATE classes of connections, resources, operators, and other transactions in the way. */
const passing = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|08|40|53|55|57P)/;
const passingMessages = /^(Connection terminated|timeout (expired|exceeded)|tuple concurrently updated)/;

/** A fault on the way to the server, or in the server's state, rather than in what was asked of it. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof Error && (passing.test(sqlState(error) ?? '') || passingMessages.test(error.message))
  );
}

export function translateFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) {
    return error;
  }
  const detail = sqlState(error) ?? '';
  return isPassing(error)
    ? new AppError('temporarily_unavailable', 'The server of tenant databases cannot answer at the moment.', {
        detail,
        cause: error,
      })
    : new AppError('server_error', 'The server of tenant databases refused an operation.', {
        detail,
        cause: error,
      });
}

/** The code of a driver's error, also of one that `translateFault` wrapped. */
export function sqlState(error: unknown): string | undefined {
  const cause = error instanceof AppError ? error.cause : error;
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
