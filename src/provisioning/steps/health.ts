import { type Hosting, hostingUrl, ownerOf } from '../infrastructure.ts';
import { type Step, UnusableResult } from '../step.ts';
import { refuseProblems } from './refuse-problems.ts';

/** Looks at what the tenant's users would meet (D7): tasks run, targets are healthy, and the host answers. Makes nothing. */
export function health({ hosting }: { hosting: Hosting }): Step {
  const parts = hosting.parts.map(({ part }) => part);

  return {
    name: 'health',

    async check() {
      return undefined;
    },

    async act({ tenant, signal }) {
      const owner = ownerOf(tenant);
      const states = await hosting.services.describe(owner);
      const unsteady = parts.filter(
        (part) => !states.some((state) => state.part === part && state.state === 'steady'),
      );
      refuseProblems('The tenant’s services are not steady.', unsteady);
      refuseProblems(
        'The tenant’s services are not healthy.',
        await hosting.balancer.untilHealthy(owner, parts, signal),
      );
      const url = await hostingUrl(hosting, tenant);
      const problem = await hosting.endpoints.untilReachable(url, signal);
      if (problem !== undefined) {
        throw new UnusableResult('The tenant’s host does not answer.', { cause: new Error(problem) });
      }
      return { url, tasks: states.map(({ part, running, desired }) => `${part}: ${running} of ${desired}`) };
    },

    async confirm() {},

    async undo() {},
  };
}
