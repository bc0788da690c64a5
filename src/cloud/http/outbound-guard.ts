import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** Resolves a name to all its addresses. */
export type ResolveAll = (hostname: string) => Promise<readonly LookupAddress[]>;

/** A place on the network as a URL names it. */
export interface Place {
  /** A name or an address; IPv6 with or without brackets. */
  hostname: string;
  /** With the port where there is one. */
  host: string;
}

/**
 * Which places outside somebody's typed-in address may lead to (SSRF): public ones, and those that the deployment names. A name is resolved
 * once per connection, and the connection goes to one of the addresses that were looked at, so a name cannot change its mind in between.
 */
export interface OutboundGuard {
  /** Named by the deployment itself: may be private, and spoken to without TLS. */
  isNamed(place: Place): boolean;
  /** Why the place is refused whatever its name resolves to; completes the sentence "the address …". */
  problemOf(place: Place): string | undefined;
  /** For the socket: gives only addresses that have been looked at, or fails with `OutboundRefusal`. */
  lookupFor(place: Place): LookupFunction;
}

/** Why no connection was made; names only the kind of reason. */
export class OutboundRefusal extends Error {}

export function createOutboundGuard({
  allowedHosts,
  allowedRanges = [],
  resolve = resolveAll,
}: {
  /** `host` or `host:port` of the deployment's own. */
  allowedHosts: readonly string[];
  /** CIDR ranges of the deployment's own; TLS is not waived for them. */
  allowedRanges?: readonly string[];
  resolve?: ResolveAll;
}): OutboundGuard {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const ranges = new BlockList();
  for (const range of allowedRanges) {
    const [network = '', prefix = ''] = range.split('/');
    ranges.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }

  function isNamed({ hostname, host }: Place): boolean {
    return allowed.has(host.toLowerCase()) || allowed.has(hostname.toLowerCase());
  }

  function isReachable(address: string): boolean {
    return isPublicAddress(address) || ranges.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  return {
    isNamed,

    problemOf(place) {
      if (isNamed(place)) {
        return undefined;
      }
      const literal = place.hostname.replace(/^\[(.*)\]$/, '$1');
      // Where networks of the deployment's own may be reached, names that only these resolve lead there; the look-up decides.
      const fits =
        isIP(literal) === 0 ? allowedRanges.length > 0 || isPublicName(literal) : isReachable(literal);
      return fits ? undefined : 'must be reachable on the public internet';
    },

    lookupFor(place) {
      return (hostname, options, callback) => {
        resolve(hostname).then(
          (addresses) => {
            const [first] = addresses;
            if (first === undefined) {
              callback(new OutboundRefusal('the name has no address'), '', 0);
            } else if (!isNamed(place) && !addresses.every(({ address }) => isReachable(address))) {
              callback(new OutboundRefusal('the name leads to an address that is not public'), '', 0);
            } else if (options.all === true) {
              callback(null, [...addresses]);
            } else {
              callback(null, first.address, first.family);
            }
          },
          (error: Error) => callback(error, '', 0),
        );
      };
    },
  };
}

/** Names that only a network of one's own resolves never need to be asked for. */
function isPublicName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return name.includes('.') && !/(^|\.)(localhost|local|internal|home\.arpa|onion)$/.test(name);
}

const resolveAll: ResolveAll = (hostname) =>
  new Promise((settle, fail) => {
    systemLookup(hostname, { all: true, order: 'verbatim' }, (error, addresses) =>
      error ? fail(error) : settle(addresses),
    );
  });
