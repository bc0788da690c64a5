import type { FieldError } from '../kernel/errors.ts';
import { type ClientType, usesRedirects } from './client-type.ts';

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Visible ASCII without the characters that browsers and servers read differently (backslash) or that look like a pattern (asterisk). */
const plainCharacters = /^[\x21-\x29\x2b-\x5b\x5d-\x7e]+$/;

/**
 * What is wrong with the redirect URIs of a client of this type. They are compared character by character later (RFC 9700 §2.1), so only
 * absolute URIs without fragment and wildcard are of use. One problem per URI at most; `field` names the list.
 */
export function redirectUriProblems(
  type: ClientType,
  uris: readonly string[],
  field = 'redirectUris',
): FieldError[] {
  if (!usesRedirects(type)) {
    return uris.length === 0 ? [] : [{ field, message: withoutRedirects[type] }];
  }
  return uris.flatMap((uri, index) => {
    const message = uris.indexOf(uri) < index ? 'is given twice' : problemOf(type, uri);
    return message === undefined ? [] : [{ field: `${field}.${index}`, message }];
  });
}

const withoutRedirects = {
  m2m: 'an m2m client signs in no users, so it has no redirect URIs',
  device: 'no browser returns to a device, so it has no redirect URIs',
};

function problemOf(type: 'web' | 'spa' | 'native', uri: string): string | undefined {
  if (uri.includes('*')) {
    return 'must not contain a wildcard';
  }
  const url = plainCharacters.test(uri) ? URL.parse(uri) : null;
  if (url === null) {
    return 'must be an absolute URI of plain ASCII characters';
  }
  if (uri.includes('#')) {
    return 'must not have a fragment';
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not contain credentials';
  }
  return type === 'native' ? nativeProblem(url) : webProblem(url);
}

function webProblem(url: URL): string | undefined {
  return isWebOrLoopback(url) ? undefined : 'must use https, or http on a loopback address';
}

/** What a browser or a server may be sent to: https, and http where nobody can listen. */
export function isWebOrLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && loopbackHosts.has(hostname));
}

/** RFC 8252 §7: claimed https URIs, loopback interface, or a private-use scheme in reverse domain name form. */
function nativeProblem(url: URL): string | undefined {
  const loopback = loopbackHosts.has(url.hostname);
  if (url.protocol === 'http:') {
    return loopback ? undefined : 'must use http on a loopback address only';
  }
  if (url.protocol === 'https:') {
    return loopback ? 'must use http, not https, on a loopback address' : undefined;
  }
  return url.protocol.includes('.')
    ? undefined
    : 'must be an https URI, http on a loopback address, or a private scheme such as com.example.app:/callback';
}
