import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/** Tells a request's client address: an IPv4 or IPv6 text, IPv4-mapped addresses as IPv4. */
export type ReadClientIp = (request: IncomingMessage) => string;

/**
 * `trustedProxyHops` is the number of reverse proxies in front of the server, each of which appends the address it was called from to
 * `X-Forwarded-For`. Only that many entries, counted from the right, were written by somebody we trust; everything further left is
 * whatever the client sent and is never looked at. With 0 the header is ignored.
 */
export function createClientIpReader({ trustedProxyHops }: { trustedProxyHops: number }): ReadClientIp {
  return (request) => {
    const peer = plainAddress(request.socket.remoteAddress ?? '') ?? unknownAddress;
    if (trustedProxyHops === 0) {
      return peer;
    }
    const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',');
    let client = peer;
    for (const entry of forwarded.reverse().slice(0, trustedProxyHops)) {
      const address = plainAddress(entry.trim());
      // A hop that is not an address breaks the chain of trust: the nearest proxy known is the best answer.
      if (address === undefined) {
        break;
      }
      client = address;
    }
    return client;
  };
}

/**
 * The key under which a client is counted: an IPv4 address itself, an IPv6 address's /64, because one subscriber is commonly given at
 * least that many addresses.
 */
export function networkOf(address: string): string {
  return isIPv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address;
}

/** What an address can be shortened to, so that it says where about somebody was and no longer who: the /24 of an IPv4, the /48 of an IPv6 address. */
export function shortAddress(address: string): string {
  return isIPv6(address)
    ? `${groupsOf(address).slice(0, 3).join(':')}::/48`
    : address.replace(/\.\d+$/, '.0/24');
}

/** The eight of an IPv6 address, each without leading zeros. */
function groupsOf(address: string): string[] {
  // The URL parser writes an address in its one canonical form, without embedded IPv4 notation.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<string>(zeros).fill('0'), ...right];
}

/** Stands for a peer whose socket has closed already; counted as one client. */
const unknownAddress = '0.0.0.0';

const mappedIpv4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function plainAddress(text: string): string | undefined {
  const withoutZone = text.replace(/%.*$/, '');
  const address = mappedIpv4.exec(withoutZone)?.[1] ?? withoutZone;
  return isIP(address) === 0 ? undefined : address;
}
