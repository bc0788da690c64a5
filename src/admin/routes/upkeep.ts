import { Type } from 'typebox';
import { AppError } from '../../kernel/errors.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import { type Reconciler, summary } from '../../provisioning/reconcile/reconciler.ts';
import type { Report } from '../../provisioning/reconcile/reports.ts';
import { readTenantHealth } from '../../provisioning/tenant-health.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import { json } from '../answer-schema.ts';
import { healthSchema, reconciliationSchema, reconciliationStartedSchema } from '../answers/upkeep.ts';
import { noQuery } from '../queries.ts';
import { readTenantBySlug } from '../read-tenants.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface UpkeepRoutesDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  reconciliations: Reconciler['reports'];
}

const requestSchema = Type.Object({ repair: Type.Optional(Type.Boolean()) }, { additionalProperties: false });

/** How tenants are once they are built (B14), and whether what exists is what is recorded. */
export function upkeepRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  { postgres, queue, reconciliations }: UpkeepRoutesDependencies,
): Route[] {
  const view = ({ requestedAt, finishedAt, error, ...report }: Report) => ({
    ...report,
    ...(error === null ? {} : { error }),
    found: summary(report.discrepancies),
    requestedAt: requestedAt.toISOString(),
    ...(finishedAt === null ? {} : { finishedAt: finishedAt.toISOString() }),
  });

  return [
    read({
      path: '/api/reconciliation',
      operation: 'getLatestReconciliation',
      summary: 'Read the last report of the reconciler',
      answers: { 200: json(reconciliationSchema) },
      access: access.platform('tenants:read'),
      query: noQuery,
      async handle() {
        const report = await reconciliations.latest('done');
        if (report === undefined) {
          throw new AppError('not_found', 'Nothing has been reconciled yet.');
        }
        return { status: 200, body: view(report) };
      },
    }),
    write({
      path: '/api/reconciliation',
      operation: 'startReconciliation',
      summary: 'Compare what is recorded with what exists, and repair it if asked to',
      answers: { 202: json(reconciliationStartedSchema) },
      access: access.platform('admin'),
      body: requestSchema,
      async handle({ body: { repair = false }, caller, transaction }) {
        const id = await reconciliations.request(transaction, { actor: caller.actor, repair });
        await queue.send(transaction, 'reconciliation', { id });
        return {
          status: 202,
          body: { id, state: 'queued', repair },
          afterCommit: () => queue.wake('reconciliation'),
        };
      },
    }),
    read({
      path: '/api/reconciliation/{reconciliationId}',
      operation: 'getReconciliation',
      summary: 'Read one report of the reconciler',
      answers: { 200: json(reconciliationSchema) },
      access: access.platform('tenants:read'),
      query: noQuery,
      async handle({ params: { reconciliationId = '' } }) {
        const report = await reconciliations.get(reconciliationId);
        if (report === undefined) {
          throw new AppError('not_found', 'There is no such report.');
        }
        return { status: 200, body: view(report) };
      },
    }),
    read({
      path: '/api/tenants/{slug}/health',
      operation: 'getTenantHealth',
      summary: 'Read how a tenant was found when it was last looked at',
      answers: { 200: json(healthSchema) },
      access: access.tenant('tenants:read'),
      query: noQuery,
      async handle({ caller: { slug } }) {
        const tenant = await readTenantBySlug(postgres, slug);
        if (tenant === undefined) {
          throw noSuchTenant();
        }
        const health = await readTenantHealth(postgres, tenant.id);
        if (health === undefined) {
          throw new AppError('not_ready', 'The tenant is not active, or was not looked at yet.');
        }
        const { status, checks, checkedAt, since } = health;
        return {
          status: 200,
          body: {
            status,
            since: since.toISOString(),
            checkedAt: checkedAt.toISOString(),
            // What was found in order may name resources of the platform.
            checks: checks.map(({ name, passed, detail }) => ({
              name,
              passed,
              ...(passed ? {} : { detail }),
            })),
          },
        };
      },
    }),
  ];
}
