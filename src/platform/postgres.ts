/** The control plane's PostgreSQL: one pool, parameterised queries, transactions. The data plane never imports this. */
import pg from 'pg';
import { AppError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Log } from './log.ts';
import { type Listener, startListener } from './postgres-listener.ts';

export interface Queryable {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
}

export interface Postgres extends Queryable {
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>;
  /** Hears what is notified on the channel until stopped; see `startListener`. */
  listen(channel: string, onMessage: (payload: string) => void): Listener;
  close(): Promise<void>;
}

export interface ConnectPostgresOptions {
  connectionString: Secret;
  /** Most connections held at once; default 10. */
  max?: number;
  log: Log;
}

/**
 * Opens the pool; the first connection is made by the first query. A server that cannot be reached surfaces as
 * `AppError('temporarily_unavailable')`, errors of a statement as they come from the driver. `bigint` columns arrive as strings.
 */
export function connectPostgres({ connectionString, max = 10, log }: ConnectPostgresOptions): Postgres {
  const pool = new pg.Pool({
    connectionString: connectionString.reveal(),
    max,
    application_name: 'tenantry',
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle PostgreSQL connection was lost'));

  return {
    async query(text, values) {
      return await runQuery(pool, text, values);
    },

    async transaction(work) {
      const client = await pool.connect().catch(translateConnectionError);
      const onError = (error: Error) => log.warn({ err: error }, 'a PostgreSQL connection was lost');
      client.on('error', onError);
      let broken = false;
      try {
        await runQuery(client, 'begin');
        const result = await work({ query: (text, values) => runQuery(client, text, values) });
        const { command } = await client.query('commit');
        // PostgreSQL answers a commit of a failed transaction with a silent rollback.
        if (command !== 'COMMIT') {
          throw new Error('the transaction had failed and was rolled back');
        }
        return result;
      } catch (error) {
        await client.query('rollback').catch(() => {
          broken = true;
        });
        return translateConnectionError(error);
      } finally {
        client.off('error', onError);
        client.release(broken);
      }
    },

    listen: (channel, onMessage) => startListener({ connectionString, channel, onMessage, log }),

    async close() {
      await pool.end();
    },
  };
}

async function runQuery<Row extends pg.QueryResultRow>(
  target: pg.Pool | pg.PoolClient,
  text: string,
  values?: readonly unknown[],
): Promise<{ rows: Row[]; rowCount: number }> {
  try {
    const { rows, rowCount } = await target.query<Row>(text, values as unknown[]);
    return { rows, rowCount: rowCount ?? 0 };
  } catch (error) {
    return translateConnectionError(error);
  }
}

/** Failures to reach the server, as opposed to failures of a statement: node's codes, SQLSTATE classes 08, 53 and 57P, and the driver's own texts. */
const connectionCodes = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|08|53|57P)/;
const connectionMessages =
  /^(Connection terminated|timeout (expired|exceeded)|Client has encountered a connection error)/;

function translateConnectionError(error: unknown): never {
  if (error instanceof Error && !(error instanceof AppError)) {
    const { code } = error as { code?: unknown };
    if ((typeof code === 'string' && connectionCodes.test(code)) || connectionMessages.test(error.message)) {
      throw new AppError('temporarily_unavailable', 'The control plane is not available at the moment.', {
        headers: { 'Retry-After': '5' },
        detail: 'PostgreSQL cannot be reached',
        cause: error,
      });
    }
  }
  throw error;
}
