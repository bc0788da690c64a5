import { Type } from 'typebox';
import type { FieldError } from '../../kernel/errors.ts';
import { remarkSchema } from '../../onboarding/registration-input.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import type { GateDecisions } from '../../provisioning/decide-gate.ts';
import { listDecisions } from '../../provisioning/decisions.ts';
import type { RunOperations } from '../../provisioning/operate-run.ts';
import type { Standing } from '../../provisioning/standing.ts';
import { readChecks } from '../../provisioning/waiting-gates.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import { json } from '../answer-schema.ts';
import { decisionsSchema } from '../answers/governance.ts';
import { governedTenantSchema } from '../answers/tenants.ts';
import { noQuery } from '../queries.ts';
import { readTenantBySlug } from '../read-tenants.ts';
import type { Route, RouteKinds } from '../route.ts';
import { answerStanding, viewGoverned } from '../view-governed.ts';

export interface GovernanceRoutesDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'wake'>;
  decisions: GateDecisions;
  operations: RunOperations;
  standing: Pick<Standing, 'applyNow'>;
}

const validationSchema = Type.Object(
  { decision: Type.Enum(['approve', 'reject']), comment: Type.Optional(remarkSchema) },
  { additionalProperties: false },
);
const reviewSchema = Type.Object(
  { decision: Type.Enum(['pass', 'fail']), findings: Type.Optional(remarkSchema) },
  { additionalProperties: false },
);
const operationSchema = Type.Object(
  { comment: Type.Optional(remarkSchema) },
  { additionalProperties: false },
);

/** The gates of provisioning (C3, C4), each decided by its own role, and what an operator does about a run that failed. */
export function governanceRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  { postgres, queue, decisions, operations, standing }: GovernanceRoutesDependencies,
): Route[] {
  const operation = (name: 'retry' | 'rollback', summary: string): Route =>
    write({
      path: `/api/tenants/{slug}/provisioning/${name}`,
      operation: `${name}Provisioning`,
      summary,
      answers: { 202: json(governedTenantSchema) },
      access: access.overTenant('admin'),
      body: operationSchema,
      async handle({ caller: { slug, actor }, body, transaction }) {
        const tenant = await operations[name](transaction, { slug, actor, ...body });
        return {
          status: 202,
          body: viewGoverned(tenant),
          afterCommit: () => queue.wake('tenant-provisioning'),
        };
      },
    });

  return [
    write({
      path: '/api/tenants/{slug}/validation',
      operation: 'decideValidation',
      summary: 'Approve or reject how a tenant is set up',
      answers: { 200: json(governedTenantSchema) },
      access: access.overTenant('tenants:validate'),
      body: validationSchema,
      problems: ({ decision, comment }) => neededFor(decision === 'reject', 'comment', comment),
      async handle({ caller: { slug, actor }, body, transaction }) {
        const tenant = await decisions.validate(transaction, { slug, actor, ...body });
        return {
          status: 200,
          body: viewGoverned(tenant),
          afterCommit: () => queue.wake('tenant-provisioning'),
        };
      },
    }),
    write({
      path: '/api/tenants/{slug}/compliance-review',
      operation: 'decideComplianceReview',
      summary: 'Pass or fail the compliance review of a tenant',
      answers: { 200: json(governedTenantSchema), 202: json(governedTenantSchema) },
      access: access.overTenant('tenants:review'),
      body: reviewSchema,
      problems: ({ decision, findings }) => neededFor(decision === 'fail', 'findings', findings),
      async handle({ caller: { slug, actor }, body, transaction }) {
        const tenant = await decisions.review(transaction, { slug, actor, ...body });
        return {
          ...answerStanding(standing, tenant),
          afterCommit: () => queue.wake('tenant-provisioning'),
        };
      },
    }),
    read({
      path: '/api/tenants/{slug}/decisions',
      operation: 'getDecisions',
      summary: 'What was decided about a tenant, and what the checks found at the gate where it waits',
      answers: { 200: json(decisionsSchema) },
      access: access.overTenant('tenants:read'),
      query: noQuery,
      async handle({ caller }) {
        const tenant = await readTenantBySlug(postgres, caller.slug);
        if (tenant === undefined) {
          throw noSuchTenant();
        }
        const made = await listDecisions(postgres, tenant.id);
        const waits = await readChecks(postgres, tenant.id);
        return {
          status: 200,
          body: {
            decisions: made.map(({ at, words, email, runId, ...decision }) => ({
              ...decision,
              ...(email === null ? {} : { email }),
              ...(words === null ? {} : { words }),
              ...(runId === null ? {} : { runId }),
              at: at.toISOString(),
            })),
            ...(waits === undefined ? {} : { waits }),
          },
        };
      },
    }),
    operation('retry', 'Let a provisioning run that failed go on'),
    operation('rollback', 'Remove what a provisioning run that failed left behind'),
  ];
}

/** Whoever decides against a tenant says why. */
function neededFor(isNeeded: boolean, field: string, value: string | undefined): FieldError[] {
  return isNeeded && value === undefined ? [{ field, message: 'is required for this decision' }] : [];
}
