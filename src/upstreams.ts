import { createOutboundGuard } from './cloud/http/outbound-guard.ts';
import { createLdapConnector } from './cloud/ldap/ldapts.ts';
import { createOpenidConnector } from './cloud/openid/openid-client.ts';
import type { ConnectUpstreams } from './identity/upstream-connections.ts';
import type { Clock } from './kernel/clock.ts';
import type { Settings } from './platform/settings.ts';

export interface Upstreams extends ConnectUpstreams {
  /** Why an administrator's URL is refused whatever its name resolves to. */
  addressProblem(url: URL): string | undefined;
}

/** The way to other systems that know a tenant's people (D10), as far as the deployment lets it reach. */
export function openUpstreams({
  settings: { federation },
  clock,
}: {
  settings: Pick<Settings, 'federation'>;
  clock: Clock;
}): Upstreams {
  const guard = createOutboundGuard({
    allowedHosts: federation.allowedPlaces.filter((place) => !place.includes('/')),
    allowedRanges: federation.allowedPlaces.filter((place) => place.includes('/')),
  });
  return {
    connectOpenid: createOpenidConnector({ guard, clock }),
    connectLdap: createLdapConnector({ guard, plainLoopback: federation.plainLdap }),
    addressProblem(url) {
      if (url.protocol === 'http:' && !guard.isNamed(url)) {
        return 'must be an https URL';
      }
      return guard.problemOf(url);
    },
  };
}
