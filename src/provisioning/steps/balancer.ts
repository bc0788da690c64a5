import type { RouteInput } from '../../cloud/balancer/port.ts';
import { type Hosting, hostingUrl, hostOf, ownerOf } from '../infrastructure.ts';
import { driftOf, outOfReach, type ProvisionedTenant, type Step, UnusableResult } from '../step.ts';

/**
 * Makes target groups and rules for the tenant's host (D5). Before the services, because ECS takes only target groups that a rule leads to;
 * until there are targets the host answers 503, and nobody knows it yet.
 */
export function balancer({ hosting }: { hosting: Hosting }): Step {
  const parts = hosting.parts.map(({ part }) => part);

  async function routesOf(tenant: ProvisionedTenant): Promise<RouteInput[]> {
    const host = hostOf(hosting, tenant);
    const templates = await hosting.services.templateParts();
    return hosting.parts.map(({ part, path }) => ({
      part,
      host,
      ...(path === undefined ? {} : { path }),
      like: templates.find((template) => template.part === part)?.targetGroup ?? '',
    }));
  }

  return {
    name: 'balancer',
    exclusive: ['url'],

    /** Making again completes what is missing, and costs a few looks. */
    async check() {
      return undefined;
    },

    async act({ tenant }) {
      await hosting.balancer.create(ownerOf(tenant), await routesOf(tenant));
      return { url: await hostingUrl(hosting, tenant), parts, at: hosting.balancer.at };
    },

    async confirm({ tenant }) {
      const found = await hosting.balancer.find(ownerOf(tenant), parts);
      if (parts.some((part) => found[part] === undefined)) {
        throw new UnusableResult('The tenant’s target groups are not complete.');
      }
    },

    place: () => ({ parts, at: hosting.balancer.at }),

    async inspect({ tenant }) {
      return driftOf(await hosting.balancer.inspect(ownerOf(tenant), await routesOf(tenant)));
    },

    list: hosting.balancer.list,

    async undo({ tenant }, output) {
      const made = [output?.parts ?? []].flat().map(String);
      if (output?.at !== undefined && output.at !== hosting.balancer.at) {
        throw outOfReach(`the rules and target groups of ${made.join(', ')} at the listener ${output.at}`);
      }
      await hosting.balancer.remove(ownerOf(tenant), [...new Set([...parts, ...made])]);
    },
  };
}
