import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Special-purpose IPv4 ranges (IANA registry, RFC 6890), multicast and the reserved rest: nothing of ours lives behind a public one. */
const refusedIpv4: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Of IPv6 only global unicast is public, without what embeds an IPv4 address or is for special purposes (RFC 4291, RFC 6890, RFC 9637). */
const refusedIpv6: readonly [network: string, prefix: number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const refused = new BlockList();
for (const [network, prefix] of refusedIpv4) {
  refused.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of refusedIpv6) {
  refused.addSubnet(network, prefix, 'ipv6');
}
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/**
 * True for an IP address that belongs to the public internet. Loopback, private, link-local (and with it the clouds' metadata services),
 * mapped, translated and every other special range is not public, and neither is what is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) {
    return !refused.check(address, 'ipv4');
  }
  return isIPv6(address) && globalUnicast.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}
