import { BlockList, isIP, isIPv6 } from 'node:net';

/** Whether a policy lets somebody come from `address` (B4): it lies in no refused range, and in an allowed one when there are any. */
export function admitsAddress(
  { ipRestrictions, ipDenyList }: { ipRestrictions: readonly string[]; ipDenyList: readonly string[] },
  address: string,
): boolean {
  return !isAddressIn(ipDenyList, address) && isAddressAllowed(ipRestrictions, address);
}

/**
 * Whether `address` lies in one of `ranges` (B4). No ranges: everywhere. An address that does not parse is refused. IPv4 written as
 * `::ffff:192.0.2.1`, as dual-stack sockets report it, counts as the IPv4 address.
 */
export function isAddressAllowed(ranges: readonly string[], address: string): boolean {
  return ranges.length === 0 || isAddressIn(ranges, address);
}

function isAddressIn(ranges: readonly string[], address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  if (isIP(plain) === 0) {
    return false;
  }
  const list = new BlockList();
  for (const range of ranges) {
    const parsed = parseRange(range);
    if (parsed) {
      list.addSubnet(parsed.address, parsed.prefix, parsed.family);
    }
  }
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}

/** True for an IP address and for a CIDR range. */
export function isIpRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

function parseRange(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefixText, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) {
    return undefined;
  }
  const bits = version === 6 ? 128 : 32;
  if (prefixText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefixText)) {
    return undefined;
  }
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  return prefix > bits ? undefined : { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' };
}

/** Whether every address of `range` lies in one and the same of `ranges`. No ranges: everywhere. */
export function isRangeWithin(range: string, ranges: readonly string[]): boolean {
  const inner = parseRange(range);
  return (
    ranges.length === 0 ||
    (inner !== undefined &&
      ranges.some((text) => {
        const outer = parseRange(text);
        return (
          outer?.family === inner.family &&
          outer.prefix <= inner.prefix &&
          isAddressAllowed([text], inner.address)
        );
      }))
  );
}
