import type { GovernedTenant } from '../provisioning/find-tenant.ts';
import type { Standing } from '../provisioning/standing.ts';
import type { Answer } from './answer.ts';

/** A tenant after an operator has changed it. */
export function viewGoverned(tenant: GovernedTenant) {
  const { id, name, slug, status, provisioningState, suspension, blocking, deletion, deletionDueAt } = tenant;
  return {
    id,
    name,
    slug,
    status,
    onboardingStatus: provisioningState,
    ...(suspension === null ? {} : { suspension }),
    ...(blocking === null ? {} : { blocking }),
    ...(deletion === null ? {} : { deletion: { ...deletion, dueAt: deletionDueAt?.toISOString() } }),
  };
}

/**
 * Answers a decision about a tenant's standing. Every process goes by the directory, so the answer waits until that says the same; when it cannot be
 * changed now, the answer is 202 with `pending`: what was decided is not in force yet, and will be as soon as the directory takes it.
 */
export function answerStanding(
  standing: Pick<Standing, 'applyNow'>,
  tenant: GovernedTenant,
  { status = 200, links = {} }: { status?: number; links?: object } = {},
): Answer {
  const answer = { status, body: { ...viewGoverned(tenant), ...links } };
  return {
    ...answer,
    async restate() {
      const isInForce = await standing.applyNow(tenant.id);
      return isInForce ? answer : { status: 202, body: { ...answer.body, pending: true } };
    },
  };
}
