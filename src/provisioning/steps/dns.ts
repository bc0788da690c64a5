import type { Dns } from '../../cloud/dns/port.ts';
import { type Hosting, hostOf, ownerOf } from '../infrastructure.ts';
import { driftOf, outOfReach, type Step, UnusableResult } from '../step.ts';

/** Leads the tenant's host to the balancer (D6) and waits until every name server says so. */
export function dns({ hosting, zone }: { hosting: Hosting; zone: Dns }): Step {
  return {
    name: 'dns',
    exclusive: ['host'],

    /** Only a new change can be waited for. */
    async check() {
      return undefined;
    },

    async act({ tenant }) {
      const host = hostOf(hosting, tenant);
      const change = await zone.create(ownerOf(tenant), host, await hosting.balancer.address());
      return { host, change, at: zone.at };
    },

    async confirm({ tenant, signal }, { change }) {
      if (!(await zone.untilInSync(String(change), signal))) {
        throw new UnusableResult('The name servers did not take the tenant’s host in time.');
      }
      const address = await hosting.balancer.address();
      if (!(await zone.pointsTo(ownerOf(tenant), hostOf(hosting, tenant), address))) {
        throw new UnusableResult('The tenant’s host does not lead to the load balancer.');
      }
    },

    place: ({ tenant }) => ({ host: hostOf(hosting, tenant), at: zone.at }),

    async inspect({ tenant }) {
      const host = hostOf(hosting, tenant);
      const leads = await zone.pointsTo(ownerOf(tenant), host, await hosting.balancer.address());
      return leads ? [] : driftOf([`${host} does not lead to the load balancer`]);
    },

    list: zone.list,

    async undo({ tenant }, output) {
      const host = output === undefined ? hostOf(hosting, tenant) : String(output.host);
      if (output?.at !== undefined && output.at !== zone.at) {
        throw outOfReach(`the record ${host} in the zone ${output.at}`);
      }
      await zone.remove(ownerOf(tenant), host);
    },
  };
}
