import { type Actor, actorName } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OrderId, Slug, TenantId } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import { platformSlug } from '../kernel/slug.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';
import { approveOrder } from './decide.ts';
import { newOrderId } from './order.ts';
import { holdReservedSlug, holdSlug } from './slug-hold.ts';
import { submitOrder } from './submit.ts';
import type { TenantRequest } from './tenant-request.ts';

export interface ApprovedTenantDependencies {
  queue: Pick<Queue, 'send'>;
  directory: Pick<Directory, 'get'>;
  clock: Clock;
  random: Random;
}

/** `operator`: a tenant ordered through the admin API (B1). `bootstrap`: the platform's own tenant. */
export type ApprovedTenantInput = { request: TenantRequest; purpose?: string; actor: Actor } & (
  | { source: 'operator'; slug?: Slug }
  | { source: 'bootstrap' }
);

export interface ApprovedTenant {
  tenantId: TenantId;
  orderId: OrderId;
  slug: Slug;
}

/**
 * Orders and approves a tenant in one go, in the caller's transaction; its provisioning job becomes visible with the commit, after which the
 * caller may `queue.wake('tenant-provisioning')`. The history is that of any order. `AppError('slug_unavailable')` when the slug is taken;
 * for `bootstrap` that means that the platform tenant exists.
 */
export async function createApprovedTenant(
  transaction: Queryable,
  dependencies: ApprovedTenantDependencies,
  input: ApprovedTenantInput,
): Promise<ApprovedTenant> {
  const { source, request, purpose, actor } = input;
  const slug = await chooseSlug(transaction, dependencies, input);
  const requester = { name: actorName(actor), email: actor.email ?? '' };
  const order = await submitOrder(transaction, dependencies, {
    id: newOrderId(dependencies.random),
    source,
    slug,
    requester,
    tenant: request,
    ...(purpose === undefined ? {} : { purpose }),
    actor,
  });
  const kind = source === 'bootstrap' ? 'platform' : 'tenant';
  const tenantId = await approveOrder(
    transaction,
    dependencies,
    { ...order, status: 'Submitted' },
    { actor, kind },
  );
  return { tenantId, orderId: order.id, slug };
}

async function chooseSlug(
  transaction: Queryable,
  dependencies: ApprovedTenantDependencies,
  input: ApprovedTenantInput,
): Promise<Slug> {
  if (input.source === 'bootstrap') {
    await holdReservedSlug(transaction, platformSlug);
    return platformSlug;
  }
  const { name } = input.request;
  return holdSlug(
    transaction,
    dependencies,
    input.slug === undefined ? { name } : { name, slug: input.slug },
  );
}
