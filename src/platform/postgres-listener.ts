import { once } from 'node:events';
import pg from 'pg';
import type { Secret } from '../kernel/secret.ts';
import type { Log } from './log.ts';
import { repeat } from './repeat.ts';

export interface Listener {
  stop(): Promise<void>;
}

/**
 * Hears what is notified on a channel (PostgreSQL LISTEN), on a connection of its own that is made anew when it is lost. What is said meanwhile
 * is not heard, and behind a pooler that shares sessions nothing is: only for hints that make something happen earlier.
 */
export function startListener({
  connectionString,
  channel,
  onMessage,
  log,
  retryMs = 5_000,
}: {
  connectionString: Secret;
  /** A plain identifier. */
  channel: string;
  onMessage: (payload: string) => void;
  log: Log;
  retryMs?: number;
}): Listener {
  async function listen(signal: AbortSignal): Promise<void> {
    const client = new pg.Client({
      connectionString: connectionString.reveal(),
      application_name: 'tenantry-listener',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client.on('error', (error) => log.warn({ err: error, channel }, 'a listening connection was lost'));
    client.on('notification', ({ payload }) => onMessage(payload ?? ''));
    try {
      await client.connect();
      const ended = once(client, 'end', { signal });
      // It may be over before anybody waits for it.
      ended.catch(() => {});
      await client.query(`listen ${pg.escapeIdentifier(channel)}`);
      await ended;
    } finally {
      await client.end();
    }
  }

  const repetition = repeat(listen, { what: `listening to ${channel}`, everyMs: retryMs, log });
  return { stop: repetition.stop };
}
