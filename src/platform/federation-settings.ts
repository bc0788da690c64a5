import { oneOf, placeList, type Setting } from './setting-kinds.ts';

/** Where sign-in sources of tenants (D10) may be, beside the public internet. */
export interface FederationSettings {
  /** Lower-case `host`, `host:port` or address range. */
  readonly allowedPlaces: readonly string[];
  /** Whether LDAP on this machine may do without TLS. */
  readonly plainLdap: boolean;
}

export const federationSettings = {
  FEDERATION_ALLOWED_HOSTS: placeList({
    otherwise: 'only TLS to addresses on the public internet',
    description:
      'Hosts and address ranges of your own at which tenants may have OpenID providers and LDAP directories although they are private. Named hosts may do without `https`.',
  }),
  LDAP_PLAIN_LOOPBACK: oneOf(['off', 'on'], {
    fallback: 'off',
    description:
      'Whether an LDAP directory at a loopback address in `FEDERATION_ALLOWED_HOSTS` may be spoken to without TLS.',
  }),
} satisfies Record<string, Setting<unknown>>;

export function composeFederation(values: {
  FEDERATION_ALLOWED_HOSTS: readonly string[] | undefined;
  LDAP_PLAIN_LOOPBACK: 'off' | 'on';
}): FederationSettings {
  return {
    allowedPlaces: values.FEDERATION_ALLOWED_HOSTS ?? [],
    plainLdap: values.LDAP_PLAIN_LOOPBACK === 'on',
  };
}
