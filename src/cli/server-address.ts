import { Failure } from './failure.ts';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The origin that an option, a variable or a file names. Tokens are sent there, so it is https, or on this machine. */
export function parseServer(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new Failure('usage', `${text} is not the address of a server.`);
  }
  if (url.protocol === 'http:' && !loopback.test(url.hostname)) {
    throw new Failure('usage', `${url.origin} is not https: nobody's token is sent there.`);
  }
  return new URL(url.origin);
}
