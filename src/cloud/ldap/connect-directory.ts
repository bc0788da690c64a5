import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'ldapts';
import { type OutboundGuard, OutboundRefusal } from '../http/outbound-guard.ts';
import { connectionFailure, UpstreamFailure } from '../upstream-failure.ts';
import type { LdapSource } from './port.ts';

export interface DirectoryConnection {
  client: Client;
  /** Ends the connection, whatever is still being waited for. */
  close(): void;
}

export interface ConnectOptions {
  guard: OutboundGuard;
  /** Whether a directory on this machine may be spoken to without TLS. */
  plainLoopback: boolean;
  /** Ends the connection when it aborts. */
  deadline: AbortSignal;
}

/** No answer to our questions needs as much. */
const maxReceivedBytes = 1024 * 1024;

/**
 * A client on a connection that is protected as the source wants it. Whatever arrived before TLS was up is dropped with the client that read it: a
 * man in the middle may have put the beginning of an answer there. Throws `UpstreamFailure`.
 */
export async function connectDirectory(
  source: Pick<LdapSource, 'url' | 'startTls' | 'certificateAuthority'>,
  { guard, plainLoopback, deadline }: ConnectOptions,
): Promise<DirectoryConnection> {
  const { url, hostname, port } = parse(source.url);
  const place = { hostname, host: `${url.hostname}:${port}` };
  const problem = guard.problemOf(place);
  if (problem !== undefined) {
    throw new UpstreamFailure('misconfigured', `The address of the directory ${problem}.`);
  }
  const encrypted = url.protocol === 'ldaps:' || source.startTls;
  if (!encrypted && !(plainLoopback && isLoopback(hostname))) {
    throw new UpstreamFailure('misconfigured', 'The directory must be reached by TLS: ldaps or StartTLS.');
  }

  let socket: Socket = connectTcp({ host: hostname, port, lookup: guard.lookupFor(place) });
  const abort = () => socket.destroy(new Error('deadline'));
  deadline.addEventListener('abort', abort, { once: true });
  try {
    await ready(socket, 'connect');
    if (encrypted) {
      if (source.startTls) {
        await requestTls(socket, url);
      }
      socket = connectTls({
        socket,
        host: hostname,
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(source.certificateAuthority === undefined ? {} : { ca: source.certificateAuthority }),
      });
      await ready(socket, 'secureConnect');
    }
  } catch (cause) {
    deadline.removeEventListener('abort', abort);
    socket.destroy();
    throw cause instanceof OutboundRefusal
      ? new UpstreamFailure('misconfigured', `The address of the directory is refused: ${cause.message}.`)
      : connectionFailure(cause, deadline.aborted);
  }
  limitReceived(socket);
  return {
    client: clientOn(socket, url),
    close() {
      deadline.removeEventListener('abort', abort);
      socket.destroy();
    },
  };
}

function parse(text: string): { url: URL; hostname: string; port: number } {
  const url = new URL(text);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { url, hostname, port: Number(url.port) || (url.protocol === 'ldaps:' ? 636 : 389) };
}

function isLoopback(hostname: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === '::1';
}

function ready(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((settle, fail) => {
    socket.once(event, settle);
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('closed')));
  });
}

/** RFC 4511 §4.14.1. */
async function requestTls(socket: Socket, url: URL): Promise<void> {
  try {
    await clientOn(socket, url).exop('1.3.6.1.4.1.1466.20037');
  } catch (cause) {
    throw socket.destroyed
      ? cause
      : new UpstreamFailure('misconfigured', 'The directory does not offer StartTLS.', cause);
  }
  for (const event of ['data', 'error', 'close', 'end', 'timeout']) {
    socket.removeAllListeners(event);
  }
}

/** The client takes the connection as it is, and never makes another: that one would be neither looked at nor encrypted. */
function clientOn(socket: Socket, url: URL): Client {
  let given = false;
  return new Client({
    url: `ldap://${url.host}`,
    connectTimeout: 1_000,
    createConnection: () => {
      if (given) {
        throw new Error('the connection is gone');
      }
      given = true;
      return socket;
    },
  });
}

function limitReceived(socket: Socket): void {
  let received = 0;
  socket.on('data', (data: Buffer) => {
    received += data.length;
    if (received > maxReceivedBytes) {
      socket.destroy(new UpstreamFailure('untrusted', 'The directory sends more than any should.'));
    }
  });
}
