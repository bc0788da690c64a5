/**
 * Onboarding (A1–A5, B1): orders for tenants, from submission to decision. Owns orders, their history, the hold on a slug, and the
 * decision; does not build tenants: an approval only writes the tenant's row and queues the job `tenant-provisioning`, in one transaction.
 *
 * Flow: `submit` (order + history + audit + job) → intake job, one order at a time (preconditions, `In-Process`, mail to the OAuth team)
 * → `approve` or `disapprove` by a person, or by the intake itself where approval is automatic. A tenant that an operator orders
 * (`createTenant`) and the platform's own (`createApprovedTenant`) go the same way in one step.
 *
 * Operations run in the caller's transaction, so that an API answer kept for a repeated request is kept exactly when the change is; the
 * caller calls `queue.wake` after its commit.
 */
import type { Actor } from '../kernel/actor.ts';
import type { OrderId, Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { JobHandler } from '../platform/queue.ts';
import { type ApprovedTenant, type ApprovedTenantInput, createApprovedTenant } from './approved-tenant.ts';
import { approveOrder, disapproveOrder, lockOrderToDecide } from './decide.ts';
import { createIntake, type IntakeDependencies } from './intake.ts';
import { approvedMail, disapprovedMail, submittedMail } from './mails/requester-mails.ts';
import { type NewOrder, newOrderId } from './order.ts';
import { checkPreconditions } from './preconditions.ts';
import { holdSlug, type SlugWish } from './slug-hold.ts';
import { submitOrder } from './submit.ts';
import type { TenantRequest } from './tenant-request.ts';

export interface RegistrationInput {
  /** Absent: made from the name. */
  slug?: Slug;
  requester: { name: string; email: string };
  purpose?: string;
  tenant: Omit<TenantRequest, 'admin'>;
  /** Who sent it with an access token; absent: nobody proved who they are, and the requester's address is only named. */
  submitter?: Actor;
}

export interface Registrations {
  /** A new order, `Submitted`. The requester becomes the tenant's initial admin (B7). `AppError('slug_unavailable')`. */
  submit(transaction: Queryable, input: RegistrationInput): Promise<NewOrder>;
  /** Errors: see `lockOrderToDecide`. */
  approve(
    transaction: Queryable,
    decision: { orderId: OrderId; actor: Actor; comment?: string },
  ): Promise<void>;
  disapprove(
    transaction: Queryable,
    decision: { orderId: OrderId; actor: Actor; reason: string },
  ): Promise<void>;
  /** See `createApprovedTenant`. */
  createTenant(
    transaction: Queryable,
    input: Extract<ApprovedTenantInput, { source: 'operator' }>,
  ): Promise<ApprovedTenant>;
  /** Handler of the job `registration-intake`. */
  intake: JobHandler<'registration-intake'>;
}

export interface RegistrationsDependencies extends IntakeDependencies {
  random: Random;
}

export function createRegistrations(dependencies: RegistrationsDependencies): Registrations {
  const { queue, postMail } = dependencies;
  return {
    async submit(transaction, { slug: wished, requester, purpose, tenant, submitter }) {
      const wish: SlugWish =
        wished === undefined ? { name: tenant.name } : { name: tenant.name, slug: wished };
      const slug = await holdSlug(transaction, dependencies, wish);
      const id = newOrderId(dependencies.random);
      // Before the order: senders take turns from here until they commit, so orders get their positions in the order of their jobs (A3).
      await queue.send(transaction, 'registration-intake', { orderId: id });
      const order = await submitOrder(transaction, dependencies, {
        id,
        source: 'registration',
        slug,
        requester,
        tenant: { ...tenant, admin: requester },
        ...(purpose === undefined ? {} : { purpose }),
        actor: submitter ?? { kind: 'requester', id: requester.email, email: requester.email },
        isProved: submitter !== undefined,
      });
      await postMail(transaction, 'submitted', submittedMail(order, dependencies));
      return order;
    },

    async approve(transaction, { orderId, actor, comment }) {
      const order = await lockOrderToDecide(transaction, { orderId, actor });
      if (order.status === 'Submitted') {
        await checkPreconditions(dependencies, order);
      }
      const why = comment === undefined ? {} : { comment };
      await approveOrder(transaction, dependencies, order, { actor, ...why });
      await postMail(transaction, 'approved', approvedMail(order, { ...dependencies, ...why }));
    },

    async disapprove(transaction, { orderId, actor, reason }) {
      const order = await lockOrderToDecide(transaction, { orderId, actor });
      await disapproveOrder(transaction, dependencies, order, { actor, reason });
      await postMail(transaction, 'disapproved', disapprovedMail(order, { ...dependencies, reason }));
    },

    createTenant: (transaction, input) => createApprovedTenant(transaction, dependencies, input),
    intake: createIntake(dependencies),
  };
}
