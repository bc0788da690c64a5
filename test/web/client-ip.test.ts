import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createClientIpReader, networkOf, shortAddress } from '../../src/web/client-ip.ts';

function request(remoteAddress: string | undefined, forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe('the client address', () => {
  test.each([
    ['without proxies the header is ignored', 0, '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['one proxy: the last entry', 1, '10.0.0.1', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    ['two proxies: the last but one', 2, '10.0.0.1', 'forged, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['fewer entries than proxies: the leftmost', 3, '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['no header: the peer', 1, '10.0.0.1', undefined, '10.0.0.1'],
    ['an entry that is no address: the nearest known hop', 2, '10.0.0.1', 'x, 198.51.100.7', '198.51.100.7'],
    ['an empty header: the peer', 1, '10.0.0.1', '', '10.0.0.1'],
    ['an IPv4-mapped peer as IPv4', 0, '::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['an IPv6 entry', 1, '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['a link-local zone is dropped', 0, 'fe80::1%eth0', undefined, 'fe80::1'],
    ['a closed socket', 0, undefined, undefined, '0.0.0.0'],
  ])('%s', (_name, trustedProxyHops, peer, header, expected) => {
    expect(createClientIpReader({ trustedProxyHops })(request(peer, header))).toBe(expected);
  });
});

describe('the network that is counted', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the short form of an address', () => {
  test.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['2001:0DB8:0001:2:3:4:5:6', '2001:db8:1::/48'],
    ['::1', '0:0:0::/48'],
  ])('of %s is %s', (address, short) => {
    expect(shortAddress(address)).toBe(short);
  });
});
