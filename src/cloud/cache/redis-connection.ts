import type { Logger } from 'pino';
import { createClient, ErrorReply } from 'redis';
import type { Secret } from '../../kernel/secret.ts';

const connectMs = 3_000;
const silenceMs = 20_000;

/** One connection for one piece of work. */
export interface RedisConnection extends AsyncDisposable {
  /** Rejects with an error reply of the server as it is. */
  send(command: readonly string[]): Promise<unknown>;
}

/** Does not connect again by itself: whoever uses it tries the whole piece of work again. */
export async function connectRedis(url: Secret, log: Logger): Promise<RedisConnection> {
  const client = createClient({
    url: url.reveal(),
    RESP: 2,
    // The administrator may not have the right, and the name of the library is nobody's business.
    disableClientInfo: true,
    disableOfflineQueue: true,
    socket: { connectTimeout: connectMs, socketTimeout: silenceMs, reconnectStrategy: false },
  });
  // Without a listener the loss of the connection would end the process; the command in progress reports it.
  client.on('error', (error: Error) => log.debug({ err: error }, 'a connection to the cache was lost'));
  try {
    await client.connect();
  } catch (error) {
    client.destroy();
    throw error;
  }
  return {
    send: (command) => client.sendCommand([...command]),
    async [Symbol.asyncDispose]() {
      if (client.isOpen) {
        client.destroy();
      }
    },
  };
}

/** True for an error that the server itself answered, beginning with this word. */
export function isErrorReply(error: unknown, code = ''): boolean {
  return error instanceof ErrorReply && error.message.startsWith(code);
}
