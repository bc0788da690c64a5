import type { Actor } from '../../src/kernel/actor.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { Postgres } from '../../src/platform/postgres.ts';
import { createGateDecisions } from '../../src/provisioning/decide-gate.ts';
import { createLifecycle } from '../../src/provisioning/lifecycle.ts';
import { createRunOperations } from '../../src/provisioning/operate-run.ts';
import type { ProvisioningOptions } from '../../src/provisioning/provision-tenant.ts';
import { createStanding } from '../../src/provisioning/standing.ts';
import { createDeletionJob } from '../../src/provisioning/start-deletions.ts';
import { silentLog } from '../support/services.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const person = (id: string, email: string): Actor => ({ kind: 'operator', id, email });

/** Who has which duty; `olga` orders every tenant, see `control-plane.ts`. */
export const people = {
  olga: person('acc_1', 'olga@operators.example'),
  sam: person('acc_2', 'sam@operators.example'),
  cora: person('acc_3', 'cora@operators.example'),
  pat: person('acc_4', 'pat@operators.example'),
};

export const graceDays = 30;

/** A control plane with everything that people decide on it, and jobs done as they are sent. */
export async function startGovernedPlane() {
  const plane: ControlPlane = await startControlPlane();
  const { postgres, directory, clock } = plane;
  const noticed: Slug[] = [];
  const sent: { name: string; payload: unknown }[] = [];
  const queue: ProvisioningOptions['queue'] & { wake(): void } = {
    send: async (_transaction, name, payload) => void sent.push({ name, payload }),
    wake: () => {},
  };
  const deps = {
    postgres,
    directory,
    clock,
    queue,
    log: silentLog,
    onStatusChanged: (slug: Slug) => void noticed.push(slug),
    deletionGraceDays: graceDays,
  };
  const standing = createStanding(deps);
  const manual = { validation: 'manual', compliance: 'manual', queue } as const;
  const provisioning = (overrides: Partial<ProvisioningOptions> = {}) =>
    plane.provisioning({ ...manual, onStatusChanged: deps.onStatusChanged, ...overrides });
  const decisions = createGateDecisions(deps);
  const lifecycle = createLifecycle(deps);
  const operations = createRunOperations(deps);
  const deletions = createDeletionJob(deps);

  /** Runs `change` as a request does, then the jobs that it sent. */
  async function request<T>(
    change: (transaction: Parameters<Parameters<Postgres['transaction']>[0]>[0]) => Promise<T>,
    overrides: Partial<ProvisioningOptions> = {},
  ): Promise<T> {
    const result = await postgres.transaction(change);
    await work(overrides);
    return result;
  }

  async function work(overrides: Partial<ProvisioningOptions> = {}, signal?: AbortSignal): Promise<void> {
    for (let job = sent.shift(); job !== undefined; job = sent.shift()) {
      const payload = job.payload as { tenantId: TenantId };
      if (job.name === 'tenant-standing') {
        await standing.job.run(payload, AbortSignal.timeout(60_000));
      } else {
        await provisioning(overrides).run(payload.tenantId, signal);
      }
    }
  }

  const nothingMore = AbortSignal.timeout(600_000);
  return {
    ...plane,
    noticed,
    sent,
    standing,
    provisioning,
    decisions,
    lifecycle,
    operations,
    request,
    work,
    async startDeletions(overrides: Partial<ProvisioningOptions> = {}, signal?: AbortSignal) {
      await deletions.run({}, nothingMore);
      await work(overrides, signal);
    },
    /** Ordered by Olga, built, and waiting for validation. */
    async built() {
      const order = await plane.order();
      await provisioning().run(order.tenantId);
      return order;
    },
    /** Validated by Sam: active, and waiting for its compliance review. */
    async validated() {
      const order = await this.built();
      await request((transaction) =>
        decisions.validate(transaction, { slug: order.slug, decision: 'approve', actor: people.sam }),
      );
      return order;
    },
    /** Reviewed by Cora, too: done. */
    async reviewed() {
      const order = await this.validated();
      await request((transaction) =>
        decisions.review(transaction, { slug: order.slug, decision: 'pass', actor: people.cora }),
      );
      return order;
    },
    async events(tenantId: TenantId): Promise<string[]> {
      const { rows } = await postgres.query<{ event: string }>(
        'select event from audit_events where tenant_id = $1 order by sequence',
        [tenantId],
      );
      return rows.map(({ event }) => event);
    },
    async status(tenantId: TenantId, slug: Slug) {
      const { rows } = await postgres.query<{ status: string; state: string }>(
        'select status, provisioning_state as state from tenants where id = $1',
        [tenantId],
      );
      return { ...rows[0], directory: (await directory.get(slug))?.status };
    },
  };
}

export type GovernedPlane = Awaited<ReturnType<typeof startGovernedPlane>>;
