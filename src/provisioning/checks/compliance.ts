import { verifyChain } from '../../audit/verify-chain.ts';
import type { Queryable } from '../../platform/postgres.ts';
import { finding, type Inspect } from './finding.ts';

/**
 * What a Compliance Officer would look for (C3): the evidence is complete. The order was approved, the run was validated, every step up to the
 * review is on record as done, and the tenant's audit chain is intact.
 */
export function createComplianceReview({ postgres }: { postgres: Queryable }): Inspect {
  async function count(query: string, values: readonly unknown[]): Promise<number> {
    const { rows } = await postgres.query<{ count: string }>(query, values);
    return Number(rows[0]?.count ?? 0);
  }

  return async ({ tenant, runId }) => {
    const approved = await count(
      `select count(*) from orders where tenant_id = $1 and status = 'Approved' and decided_by is not null`,
      [tenant.id],
    );
    const validated = await count(
      `select count(*) from tenant_decisions where run_id = $1 and gate = 'validation' and decision = 'approve'`,
      [runId],
    );
    const open = await count(
      `select count(*) from provisioning_steps as step
        where run_id = $1 and status <> 'done' and position <
          (select position from provisioning_steps where run_id = $1 and name = 'compliance')`,
      [runId],
    );
    const chain = await verifyChain(postgres, tenant.id);
    return [
      finding('approval', approved > 0 ? [] : ['no approval is on record'], 'on record'),
      finding('validation', validated > 0 ? [] : ['no validation is on record'], 'on record'),
      finding(
        'steps',
        open === 0 ? [] : [`${open} steps are not on record as done`],
        'all on record as done',
      ),
      finding(
        'audit-chain',
        chain.intact ? [] : [`broken at event ${chain.problem.position}`],
        `intact, ${chain.events} events`,
      ),
    ];
  };
}
