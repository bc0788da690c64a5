import type { Queryable } from '../../platform/postgres.ts';
import type { Step, StepContext, StepOutput } from '../step.ts';
import { type Finding, finding } from './finding.ts';

/**
 * Nothing that this run made under a name of its own is recorded for another living tenant, too (E4): table, keys, database role, bucket,
 * listener rule, whatever a step calls `exclusive`. Says nothing about which other tenant it is.
 */
export async function inspectIsolation(
  db: Queryable,
  steps: ReadonlyMap<string, Pick<Step, 'exclusive'>>,
  { runId, tenant }: StepContext,
): Promise<Finding> {
  const { rows } = await db.query<{ name: string; output: StepOutput }>(
    `select name, output from provisioning_steps
      where run_id = $1 and status = 'done' and output is not null order by position`,
    [runId],
  );
  const owned = rows.flatMap(({ name, output }) =>
    (steps.get(name)?.exclusive ?? []).flatMap((member) =>
      [output[member]].flat().flatMap((value) => (value === undefined ? [] : [{ name, member, value }])),
    ),
  );
  const problems: string[] = [];
  for (const { name, member, value } of owned) {
    // A list contains another when all of the latter's values are in it.
    const shared = await db.query(
      `select 1 from provisioning_steps as step
         join provisioning_runs as run on run.id = step.run_id
         join tenants on tenants.id = run.tenant_id
        where step.status = 'done' and step.output is not null and step.name = $1
          and (step.output @> $2 or step.output @> $3)
          and tenants.id <> $4 and tenants.status not in ('failed', 'deleted')
        limit 1`,
      [name, JSON.stringify({ [member]: value }), JSON.stringify({ [member]: [value] }), tenant.id],
    );
    if (shared.rowCount > 0) {
      problems.push(`${member} of ${name} is another tenant's, too`);
    }
  }
  return finding('isolation', problems, `${owned.length} resources, none shared with another tenant`);
}
