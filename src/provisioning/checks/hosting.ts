import { type Hosting, hostingUrl, ownerOf } from '../infrastructure.ts';
import type { ProvisionedTenant } from '../step.ts';
import { type Finding, finding } from './finding.ts';

/** What the tenant's users meet (D7), looked at once: tasks run, targets are healthy, the host answers. */
export async function inspectHosting(
  { services, balancer, endpoints, ...hosting }: Hosting,
  tenant: ProvisionedTenant,
  signal: AbortSignal,
): Promise<Finding[]> {
  const owner = ownerOf(tenant);
  const parts = hosting.parts.map(({ part }) => part);
  const states = await services.describe(owner);
  // While a deployment is under way the former tasks go on.
  const resting = parts.filter(
    (part) => (states.find((state) => state.part === part && state.state !== 'failed')?.running ?? 0) === 0,
  );
  const sick = (await balancer.health(owner, parts)).filter(({ healthy }) => healthy === 0);
  const url = await hostingUrl({ services, balancer, endpoints, ...hosting }, tenant);
  const unreachable = await endpoints.look(url, signal);
  return [
    finding(
      'services',
      resting.map((part) => `${part}: no task runs`),
      'tasks run',
    ),
    finding(
      'targets',
      sick.map(({ part, targets }) => `${part}: none of ${targets} targets is healthy`),
      'healthy',
    ),
    finding('endpoint', unreachable === undefined ? [] : [unreachable], 'answers'),
  ];
}
