import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RawResponse {
  status: number;
  /** By lower-case name. */
  headers: ReadonlyMap<string, string>;
  body: string;
}

/** Sends bytes as they are, which no HTTP client does, and reads the answer until the server closes. */
export async function sendRaw(port: number, lines: readonly string[], body = ''): Promise<RawResponse> {
  const socket = connect(port, '127.0.0.1');
  socket.write([...lines, 'Connection: close', '', body].join('\r\n'), 'latin1');
  const answer = await text(socket);
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [statusLine = '', ...headerLines] = head.split('\r\n');
  const headers = new Map(
    headerLines.map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}
